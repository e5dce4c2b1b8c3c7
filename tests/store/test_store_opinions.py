"""What readers said: counted, replaced, withdrawn, and gone with the reader."""

from __future__ import annotations

import datetime as dt

from factories import NOON, a_subscriber

from digest.model import Feedback, Opinion, Subject
from digest.store import Store

DAY = dt.timedelta(days=1)


def test_an_opinion_said_again_is_counted_and_another_takes_its_place(store: Store):
    reader = a_subscriber()
    store.subscribers.add(reader)
    for n in range(3):
        store.opinions.say(reader.id, Opinion.MORE, Subject.PAPER, "arxiv:2604.00001", NOON + n * DAY)
    store.opinions.say(reader.id, Opinion.MUTE, Subject.TOPIC, "blockchain", NOON)

    muted = Feedback(opinion=Opinion.MUTE, subject=Subject.TOPIC, value="blockchain", at=NOON)
    more = Feedback(
        opinion=Opinion.MORE, subject=Subject.PAPER, value="arxiv:2604.00001", count=3, at=NOON + 2 * DAY
    )
    assert store.opinions.of([reader.id, "nobody"]) == {reader.id: (muted, more)}

    store.opinions.say(reader.id, Opinion.LESS, Subject.PAPER, "arxiv:2604.00001", NOON + 3 * DAY)
    less = Feedback(opinion=Opinion.LESS, subject=Subject.PAPER, value="arxiv:2604.00001", at=NOON + 3 * DAY)
    assert store.opinions.of([reader.id]) == {reader.id: (muted, less)}


def test_an_opinion_can_be_withdrawn_and_goes_with_its_reader(store: Store):
    reader = a_subscriber()
    store.subscribers.add(reader)
    store.opinions.say(reader.id, Opinion.MUTE, Subject.AUTHOR, "Ada Author", NOON)
    store.opinions.say(reader.id, Opinion.MUTE, Subject.TOPIC, "blockchain", NOON)
    assert store.opinions.withdraw(reader.id, Subject.AUTHOR, "Ada Author")
    assert not store.opinions.withdraw(reader.id, Subject.AUTHOR, "Ada Author")
    assert [said.value for said in store.opinions.of([reader.id])[reader.id]] == ["blockchain"]

    store.subscribers.remove(reader.id, NOON)
    assert store.opinions.of([reader.id]) == {}
