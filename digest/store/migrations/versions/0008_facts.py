"""Facts: what a sender was at when it died."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "outbox_facts",
        sa.Column("owner", sa.Text(), nullable=False),
        sa.Column("message_id", sa.Text(), nullable=False),
        sa.Column("answer", sa.Text()),
        sa.PrimaryKeyConstraint("owner", "message_id", name=op.f("pk_outbox_facts")),
    )
