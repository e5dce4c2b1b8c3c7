"""What an older database held is still there after the migration that lets a day have several mails of a kind."""

from __future__ import annotations

from dataclasses import replace

from alembic import command
from factories import NOON, a_plan, a_subscriber
from sqlalchemy import create_engine, text

from digest.model import DeliveryKind, DeliveryState
from digest.store import migrate, open_store, upgrade
from digest.store.database import Database

BEFORE = "0008"
OLD_ROWS = (
    (
        "INSERT INTO subscribers (id, address, address_key, name, state, timezone, send_at, days, papers, language,"
        " generation, created_at) VALUES ('s-vision', 'vision@example.org', 'vision@example.org', '', 'confirmed',"
        " 'UTC', '07:00:00.000000', 'daily', 10, 'en', 1, '2026-04-01T00:00:00.000000+00:00')"
    ),
    (
        "INSERT INTO outbox (id, subscriber, kind, local_date, reader, picks, also_trending, message_id, template,"
        " due_at, expires_at, prepared_at, state, attempts, next_attempt_at, last_reply) VALUES (7, 's-vision', 'link',"
        " '2026-04-10', '{reader}', '[]', '[]', '<a@b>', 't', '2026-04-10T12:00:00.000000+00:00',"
        " '2026-04-11T12:00:00.000000+00:00', '2026-04-10T12:00:00.000000+00:00', 'planned', 0,"
        " '2026-04-10T12:00:00.000000+00:00', '')"
    ),
    (
        "INSERT INTO outbox_journal (id, delivery, at, event, reply) VALUES"
        " (3, 7, '2026-04-10T12:00:00.000000+00:00', 'planned', '')"
    ),
    (
        "INSERT INTO bounces (id, key, subscriber, delivery, at, meaning, status) VALUES"
        " (5, 'k', 's-vision', 7, '2026-04-10T13:00:00.000000+00:00', 'soft', '4.2.2')"
    ),
)


def test_deliveries_their_journals_and_bounces_survive_it(url: str) -> None:
    database = Database(url)
    with database.writing() as connection:
        command.upgrade(migrate._config(connection), BEFORE)
    database.close()
    from digest.store import codec

    reader = codec.encode_reader(a_subscriber().reader)
    engine = create_engine(url)
    with engine.begin() as connection:
        for row in OLD_ROWS:
            connection.exec_driver_sql(row.replace("{reader}", reader).replace("%", "%%"))
    upgrade(url)
    with open_store(url) as store:
        (delivery,) = store.outbox.list()
        assert (delivery.id, delivery.state, delivery.plan.number) == (7, DeliveryState.PLANNED, 0)
        assert [line.event for line in store.outbox.journal(7)] == ["planned"]
        (bounce,) = store.bounces.of("s-vision")
        assert bounce.origin
        assert bounce.origin.kind is DeliveryKind.LINK
        link = a_plan(a_subscriber(), edition=None, kind=DeliveryKind.LINK, picks=(), also_trending=())
        again = replace(link, edition=None, message_id="<c@d>")
        assert store.outbox.enqueue([again]) == 0, "one of a kind and day"
        assert store.outbox.enqueue([replace(again, number=1, prepared_at=NOON)]) == 1
    with engine.connect() as connection:
        assert connection.execute(text("SELECT count(*) FROM outbox")).scalar_one() == 2
    engine.dispose()
