"""Tokens: they say what they were made to say, to nobody else, and not for longer."""

from __future__ import annotations

import datetime as dt
import random
import string
from dataclasses import replace
from itertools import permutations

import pytest
from factories import NOON, a_subscriber
from hypothesis import given
from hypothesis import strategies as st

from digest.errors import LinkError, LinkExpired
from digest.links import Claim, Links, Purpose

LINKS = Links(base="https://digest.example.org", secrets=("a secret of the tests",))
URL_SAFE = string.ascii_letters + string.digits + "-_."

claims = st.builds(
    Claim,
    purpose=st.sampled_from(Purpose),
    subscriber=st.text(string.hexdigits, min_size=1, max_size=16),
    generation=st.integers(0, 2**31),
    expires_at=st.none() | st.integers(1, 10**6).map(lambda minutes: NOON + dt.timedelta(minutes=minutes)),
    about=st.none() | st.text(min_size=1, max_size=40),
)


@given(claims)
def test_a_token_says_what_it_was_made_to_say(claim: Claim) -> None:
    token = LINKS.token(claim)
    assert set(token) <= set(URL_SAFE)
    assert LINKS.read(claim.purpose, token, NOON) == claim
    assert LINKS.token(claim) == token


@given(claims, st.data())
def test_a_token_with_one_character_changed_is_forged(claim: Claim, data: st.DataObject) -> None:
    token = LINKS.token(claim)
    place = data.draw(st.integers(0, len(token) - 1))
    other = data.draw(st.sampled_from([c for c in URL_SAFE if c != token[place]]))
    forged = token[:place] + other + token[place + 1 :]
    with pytest.raises(LinkError) as error:
        LINKS.read(claim.purpose, forged, NOON)
    assert error.type is LinkError


@given(st.text())
def test_anything_that_is_not_a_token_is_forged(text: str) -> None:
    with pytest.raises(LinkError):
        LINKS.read(Purpose.UNSUBSCRIBE, text, NOON)


@pytest.mark.parametrize(("made", "used"), list(permutations(Purpose, 2)))
def test_a_token_for_one_purpose_is_no_good_for_another(made: Purpose, used: Purpose) -> None:
    token = LINKS.token(Claim(purpose=made, subscriber="abc", generation=1))
    with pytest.raises(LinkError):
        LINKS.read(used, token, NOON)


def test_a_token_expires_at_its_instant_and_still_says_whose_it_was() -> None:
    claim = Claim(purpose=Purpose.CONFIRM, subscriber="abc", generation=1, expires_at=NOON)
    token = LINKS.token(claim)
    assert LINKS.read(Purpose.CONFIRM, token, NOON - dt.timedelta(seconds=1)) == claim
    with pytest.raises(LinkExpired):
        LINKS.read(Purpose.CONFIRM, token, NOON)
    assert LINKS.claim(Purpose.CONFIRM, token) == claim


def test_during_a_rotation_old_tokens_work_and_new_ones_outlive_it() -> None:
    claim = Claim(purpose=Purpose.UNSUBSCRIBE, subscriber="abc", generation=1)
    before, after = replace(LINKS, secrets=("old",)), replace(LINKS, secrets=("new",))
    during = replace(LINKS, secrets=("old", "new"))
    assert during.read(claim.purpose, before.token(claim), NOON) == claim
    assert after.read(claim.purpose, during.token(claim), NOON) == claim
    with pytest.raises(LinkError):
        after.read(claim.purpose, before.token(claim), NOON)


def test_a_readers_links_are_theirs_alone_and_hold_no_address() -> None:
    reader = a_subscriber().reader
    links = LINKS.of_reader(reader)
    assert links is not None
    purpose, token = links.unsubscribe.removeprefix(f"{LINKS.base}/").split("/")
    claim = LINKS.read(Purpose(purpose), token, NOON)
    assert (claim.subscriber, claim.generation) == (reader.id, reader.generation)
    assert links != LINKS.of_reader(a_subscriber("robots").reader)
    assert "example.org" not in links.unsubscribe.removeprefix(LINKS.base)


def test_the_links_of_a_message_are_those_of_its_claims() -> None:
    reader = a_subscriber().reader
    links = LINKS.of_reader(reader, asked=True)
    assert links is not None
    assert links.feedback is not None
    start = Claim(purpose=Purpose.FEEDBACK, subscriber=reader.id, generation=reader.generation)
    assert links.preferences == LINKS.url(replace(start, purpose=Purpose.PREFERENCES))
    for paper in ("arxiv:2604.00001", 'odd:"é"'):
        assert links.feedback[paper] == LINKS.url(replace(start, paper=paper))


def test_readers_share_how_a_papers_link_ends_and_nobody_else_can_make_one() -> None:
    end = LINKS.end_of("arxiv:2604.00001")
    for name in ("vision", "robots"):
        who = LINKS.token(Claim(purpose=Purpose.FEEDBACK, subscriber=name, generation=1))
        assert LINKS.claim(Purpose.FEEDBACK, who + end).paper == "arxiv:2604.00001"
        with pytest.raises(LinkError):
            LINKS.claim(
                Purpose.FEEDBACK, who + replace(LINKS, secrets=("another",)).end_of("arxiv:2604.00001")
            )
        with pytest.raises(LinkError):
            LINKS.claim(Purpose.FEEDBACK, who + end + end)


def test_personal_mode_has_no_links() -> None:
    assert replace(LINKS, base="").of_reader(a_subscriber().reader) is None


@given(st.lists(st.text(string.printable), max_size=4), st.lists(st.text(string.printable), max_size=4))
def test_fingerprints_are_equal_only_for_equal_parts(one: list[str], other: list[str]) -> None:
    assert (LINKS.fingerprint(*one) == LINKS.fingerprint(*other)) == ("\0".join(one) == "\0".join(other))
    assert len(LINKS.fingerprint(*one)) == 26


def test_of_ten_thousand_mutated_tokens_none_is_ours() -> None:
    chance = random.Random(20261123)
    tokens = [
        (purpose, LINKS.token(Claim(purpose=purpose, subscriber="0123456789abcdef", generation=generation)))
        for purpose in Purpose
        for generation in (1, 2, 30)
    ]
    genuine = {token for _, token in tokens}
    for number in range(10_000):
        purpose, token = tokens[number % len(tokens)]
        forged = token
        while forged in genuine:
            forged = mutated(forged, chance)
        with pytest.raises(LinkError):
            LINKS.claim(purpose, forged)


def mutated(token: str, chance: random.Random) -> str:
    """The token with a character more, less, other or elsewhere, a part of it cut off or twice, or its case changed."""
    at, other = chance.randrange(len(token)), chance.choice(URL_SAFE + "%=/+ é\0")
    return chance.choice(
        (
            token[:at] + other + token[at:],
            token[:at] + token[at + 1 :],
            token[:at] + other + token[at + 1 :],
            token[at:] + token[:at],
            token[:at],
            token + token[at:],
            token[:at] + token[at:].swapcase(),
        )
    )
