"""Sources: what was asked, and when each site may be asked again."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from digest.store.schema import UtcDateTime

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("sources", sa.Column("location", sa.Text(), nullable=False, server_default=""))
    op.create_table(
        "turns",
        sa.Column("site", sa.Text(), nullable=False),
        sa.Column("free_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("site", name=op.f("pk_turns")),
    )
    op.create_index(op.f("ix_snapshots_as_of"), "snapshots", ["as_of"])
    op.add_column("editions", sa.Column("notices", sa.Text(), nullable=False, server_default="[]"))
    op.add_column("editions", sa.Column("silent_since", UtcDateTime()))
