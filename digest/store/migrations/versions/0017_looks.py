"""When each reader is to be looked at again, whether a digest is due."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from digest.store.schema import UtcDateTime

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    long_ago = "1970-01-01T00:00:00.000000+00:00"
    op.add_column("subscribers", sa.Column("look_at", UtcDateTime(), nullable=False, server_default=long_ago))
    op.create_index(op.f("ix_subscribers_state_look_at_id"), "subscribers", ["state", "look_at", "id"])
