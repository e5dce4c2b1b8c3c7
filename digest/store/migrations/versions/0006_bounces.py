"""What came back about deliveries."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from digest.store.schema import UtcDateTime

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "bounces",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("subscriber", sa.Text(), nullable=False),
        sa.Column("delivery", sa.Integer()),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.Column("meaning", sa.String(16), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["subscriber"], ["subscribers.id"], name=op.f("fk_bounces_subscriber"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["delivery"], ["outbox.id"], name=op.f("fk_bounces_delivery"), ondelete="SET NULL"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_bounces")),
        sa.UniqueConstraint("key", name=op.f("uq_bounces_key")),
    )
    op.create_index(op.f("ix_bounces_delivery"), "bounces", ["delivery"])
    op.create_index(op.f("ix_bounces_subscriber_at"), "bounces", ["subscriber", "at"])
