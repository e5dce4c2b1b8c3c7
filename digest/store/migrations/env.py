"""What Alembic runs to migrate: in the transaction and on the connection that `migrate` hands it."""

from __future__ import annotations

from alembic import context

from digest.store.schema import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata)
context.run_migrations()
