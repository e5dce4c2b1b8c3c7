"""Senders, who show that they live; and the queue by subscriber, for shards."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from digest.store.schema import UtcDateTime

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "senders",
        sa.Column("owner", sa.Text(), nullable=False),
        sa.Column("seen_at", UtcDateTime()),
        sa.PrimaryKeyConstraint("owner", name=op.f("pk_senders")),
    )
    # Until now an empty Message-ID stood for the sender itself. Whoever is sending just now has a lease to end.
    op.execute(
        "INSERT INTO senders (owner, seen_at) SELECT owner, CURRENT_TIMESTAMP FROM outbox_facts WHERE message_id = ''"
    )
    op.execute("DELETE FROM outbox_facts WHERE message_id = ''")
    op.create_index(
        op.f("ix_outbox_waiting"),
        "outbox",
        ["subscriber"],
        sqlite_where=sa.text("next_attempt_at IS NOT NULL"),
        postgresql_where=sa.text("next_attempt_at IS NOT NULL"),
    )
