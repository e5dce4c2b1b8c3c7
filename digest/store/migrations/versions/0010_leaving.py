"""Leaving: who may take it back, what remains of the deleted, and several mails of a kind on one day."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from digest.store.schema import UtcDateTime

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

#: SQLite takes a constraint away by making the table anew, and with the old table goes what leans on it. So that is
#: put by and brought back.
LEANING = {"outbox_journal": "SELECT * FROM outbox_journal", "bounces": "SELECT id, delivery FROM bounces"}
BRING_BACK = (
    "INSERT INTO outbox_journal SELECT * FROM kept_outbox_journal",
    "UPDATE bounces SET delivery = (SELECT delivery FROM kept_bounces WHERE kept_bounces.id = bounces.id)",
)
#: Alembic finds every constraint of an old table but these.
CHECKS = (
    sa.CheckConstraint(
        "(next_attempt_at IS NOT NULL) = (state IN ('planned', 'retry'))", name="ck_outbox_waits"
    ),
    sa.CheckConstraint("(owner IS NOT NULL) = (state = 'sending')", name="ck_outbox_owned"),
)


def upgrade() -> None:
    op.add_column("subscribers", sa.Column("left_at", UtcDateTime()))
    op.add_column("subscribers", sa.Column("left_from", sa.String(16)))
    op.create_table(
        "deletions",
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.Column("until", UtcDateTime(), nullable=False),
        sa.Column("suppressed", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_deletions")),
    )
    op.create_index(op.f("ix_deletions_until"), "deletions", ["until"])
    sqlite = op.get_bind().dialect.name == "sqlite"
    if sqlite:
        for table, kept in LEANING.items():
            op.execute(f"CREATE TEMPORARY TABLE kept_{table} AS {kept}")
    with op.batch_alter_table("outbox", table_args=CHECKS) as outbox:
        outbox.add_column(sa.Column("matter", sa.String(16), nullable=False, server_default="subscription"))
        outbox.add_column(sa.Column("number", sa.Integer(), nullable=False, server_default="0"))
        outbox.drop_constraint(op.f("uq_outbox_subscriber_local_date_kind"), type_="unique")
        outbox.create_unique_constraint(
            op.f("uq_outbox_subscriber_local_date_kind_number"),
            ["subscriber", "local_date", "kind", "number"],
        )
    if sqlite:
        for statement in BRING_BACK:
            op.execute(statement)
        for table in LEANING:
            op.execute(f"DROP TABLE kept_{table}")
