"""Operating: indexes to look through deliveries and subscribers by, and each day in numbers."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.drop_index("ix_outbox_state_owner", "outbox")
    op.drop_index("ix_outbox_local_date", "outbox")
    op.create_index("ix_outbox_local_date_id", "outbox", ["local_date", "id"])
    op.create_index("ix_outbox_state_local_date_id", "outbox", ["state", "local_date", "id"])
    op.create_index("ix_outbox_kind_local_date_id", "outbox", ["kind", "local_date", "id"])
    op.create_index("ix_subscribers_state_address_key", "subscribers", ["state", "address_key"])
    op.create_index(
        "ix_subscribers_state_timezone_days_send_at",
        "subscribers",
        ["state", "timezone", "days", "send_at"],
    )
    op.create_index("ix_bounces_at", "bounces", ["at"])
    op.create_table(
        "tallies",
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("subscribers", sa.Integer()),
        sa.Column("sent", sa.Integer(), nullable=False),
        sa.Column("failed", sa.Integer(), nullable=False),
        sa.Column("bounced", sa.Integer(), nullable=False),
        sa.Column("complained", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("day", name=op.f("pk_tallies")),
    )
