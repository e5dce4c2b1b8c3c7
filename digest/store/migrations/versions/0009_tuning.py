"""Mails without HTML, and pauses that end by themselves."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "subscribers", sa.Column("plain_text", sa.Boolean(), nullable=False, server_default=sa.false())
    )
    op.add_column("subscribers", sa.Column("paused_until", sa.Date()))
