"""The next hour with digests is found by an index, pauses that end by themselves included."""

from __future__ import annotations

from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.drop_index("ix_subscribers_state_timezone_days_send_at", "subscribers")
    op.create_index(
        "ix_subscribers_state_timezone_days_send_at_paused_until",
        "subscribers",
        ["state", "timezone", "days", "send_at", "paused_until"],
    )
