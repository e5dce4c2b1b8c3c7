"""Vectors: what models made of papers' texts."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "embeddings",
        sa.Column("paper", sa.Text(), nullable=False),
        sa.Column("model", sa.Text(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("vector", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["paper"], ["papers.id"], name=op.f("fk_embeddings_paper"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("paper", "model", name=op.f("pk_embeddings")),
    )
