"""Summaries that a machine wrote: a source's, ours, and which of them an edition shows."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from digest.store.schema import UtcDateTime

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("revisions", sa.Column("ai_summary", sa.Text(), nullable=False, server_default=""))
    op.add_column("edition_papers", sa.Column("summary", sa.Text(), server_default=""))
    op.create_table(
        "summaries",
        sa.Column("paper", sa.Text(), nullable=False),
        sa.Column("model", sa.Text(), nullable=False),
        sa.Column("content", sa.String(64), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("paper", "model", "content", name=op.f("pk_summaries")),
    )
    op.create_index(op.f("ix_summaries_at"), "summaries", ["at"])
