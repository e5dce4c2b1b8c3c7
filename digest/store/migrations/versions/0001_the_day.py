"""The first schema: what a day needs."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from digest.store.schema import UtcDateTime

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "collections",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.Column(
            "state",
            sa.String(16),
            nullable=False,
        ),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("entries", sa.Integer(), nullable=False),
        sa.Column("refused", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_collections")),
    )
    op.create_index(op.f("ix_collections_source_at"), "collections", ["source", "at"], unique=False)
    op.create_table(
        "editions",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("published_at", UtcDateTime(), nullable=False),
        sa.Column("changes", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_editions")),
    )
    op.create_index(op.f("ix_editions_published_at"), "editions", ["published_at"], unique=False)
    op.create_table(
        "meta",
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_meta")),
    )
    op.create_table(
        "papers",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("first_seen", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_papers")),
    )
    op.create_index(op.f("ix_papers_first_seen"), "papers", ["first_seen"], unique=False)
    op.create_table(
        "revisions",
        sa.Column("paper", sa.Text(), nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("title_key", sa.Text(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("abstract", sa.Text(), nullable=False),
        sa.Column("authors", sa.Text(), nullable=False),
        sa.Column("categories", sa.Text(), nullable=False),
        sa.Column("published", UtcDateTime(), nullable=True),
        sa.Column("version", sa.Integer(), nullable=True),
        sa.Column("links", sa.Text(), nullable=False),
        sa.Column("rights", sa.String(16), nullable=False),
        sa.PrimaryKeyConstraint("paper", "number", name=op.f("pk_revisions")),
    )
    op.create_index(op.f("ix_revisions_title_key"), "revisions", ["title_key"], unique=False)
    op.create_table(
        "sources",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column(
            "state",
            sa.String(16),
            nullable=False,
        ),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("last_attempt", UtcDateTime(), nullable=False),
        sa.Column("last_success", UtcDateTime(), nullable=True),
        sa.Column("entries", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_sources")),
    )
    op.create_table(
        "subscribers",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("address_key", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column(
            "state",
            sa.String(16),
            nullable=False,
        ),
        sa.Column("timezone", sa.Text(), nullable=False),
        sa.Column("send_at", sa.Time(), nullable=False),
        sa.Column("days", sa.Text(), nullable=False),
        sa.Column("starts_at", UtcDateTime(), nullable=True),
        sa.Column("papers", sa.Integer(), nullable=False),
        sa.Column("language", sa.Text(), nullable=False),
        sa.Column("generation", sa.Integer(), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("confirmed_at", UtcDateTime(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_subscribers")),
        sa.UniqueConstraint("address_key", name=op.f("uq_subscribers_address_key")),
    )
    op.create_index(op.f("ix_subscribers_state_id"), "subscribers", ["state", "id"], unique=False)
    op.create_table(
        "suppressions",
        sa.Column("address_key", sa.Text(), nullable=False),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("address_key", name=op.f("pk_suppressions")),
    )
    op.create_table(
        "validators",
        sa.Column("url", sa.Text(), nullable=False),
        sa.Column("etag", sa.Text(), nullable=True),
        sa.Column("last_modified", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("url", name=op.f("pk_validators")),
    )
    op.create_table(
        "aliases",
        sa.Column("alias", sa.Text(), nullable=False),
        sa.Column("paper", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["paper"], ["papers.id"], name=op.f("fk_aliases_paper")),
        sa.PrimaryKeyConstraint("alias", name=op.f("pk_aliases")),
    )
    op.create_index(op.f("ix_aliases_paper"), "aliases", ["paper"], unique=False)
    op.create_table(
        "edition_papers",
        sa.Column("edition", sa.Integer(), nullable=False),
        sa.Column("position", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("paper", sa.Text(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("first_seen", UtcDateTime(), nullable=False),
        sa.Column("mentions", sa.Text(), nullable=False),
        sa.Column("score", sa.Double(), nullable=False),
        sa.Column("reasons", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["edition"], ["editions.id"], name=op.f("fk_edition_papers_edition")),
        sa.PrimaryKeyConstraint("edition", "position", name=op.f("pk_edition_papers")),
    )
    op.create_table(
        "interests",
        sa.Column("subscriber", sa.Text(), nullable=False),
        sa.Column("position", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column(
            "kind",
            sa.String(16),
            nullable=False,
        ),
        sa.Column("value", sa.Text(), nullable=False),
        sa.Column("weight", sa.Double(), nullable=False),
        sa.ForeignKeyConstraint(
            ["subscriber"], ["subscribers.id"], name=op.f("fk_interests_subscriber"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("subscriber", "position", name=op.f("pk_interests")),
    )
    op.create_table(
        "mentions",
        sa.Column("paper", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("listed_on", sa.Date(), nullable=False),
        sa.Column("listed_at", UtcDateTime(), nullable=False),
        sa.Column("weight", sa.Double(), nullable=False),
        sa.Column("url", sa.Text(), nullable=False),
        sa.Column("votes", sa.Integer(), nullable=True),
        sa.Column("comments", sa.Integer(), nullable=True),
        sa.Column("stars", sa.Integer(), nullable=True),
        sa.Column("as_of", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["paper"], ["papers.id"], name=op.f("fk_mentions_paper")),
        sa.PrimaryKeyConstraint("paper", "source", "listed_on", name=op.f("pk_mentions")),
    )
    op.create_index(op.f("ix_mentions_listed_at"), "mentions", ["listed_at"], unique=False)
    op.create_table(
        "outbox",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("subscriber", sa.Text(), nullable=False),
        sa.Column(
            "kind",
            sa.String(16),
            nullable=False,
        ),
        sa.Column("local_date", sa.Date(), nullable=False),
        sa.Column("edition", sa.Integer(), nullable=True),
        sa.Column("reader", sa.Text(), nullable=False),
        sa.Column("picks", sa.Text(), nullable=False),
        sa.Column("also_trending", sa.Text(), nullable=False),
        sa.Column("message_id", sa.Text(), nullable=False),
        sa.Column("template", sa.Text(), nullable=False),
        sa.Column("due_at", UtcDateTime(), nullable=False),
        sa.Column("expires_at", UtcDateTime(), nullable=False),
        sa.Column("prepared_at", UtcDateTime(), nullable=False),
        sa.Column(
            "state",
            sa.String(16),
            nullable=False,
        ),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("next_attempt_at", UtcDateTime(), nullable=True),
        sa.Column("owner", sa.Text(), nullable=True),
        sa.Column("sent_at", UtcDateTime(), nullable=True),
        sa.Column("last_reply", sa.Text(), nullable=False),
        sa.CheckConstraint(
            "(next_attempt_at IS NOT NULL) = (state IN ('planned', 'retry'))", name=op.f("ck_outbox_waits")
        ),
        sa.CheckConstraint("(owner IS NOT NULL) = (state = 'sending')", name=op.f("ck_outbox_owned")),
        sa.ForeignKeyConstraint(["edition"], ["editions.id"], name=op.f("fk_outbox_edition")),
        sa.ForeignKeyConstraint(
            ["subscriber"], ["subscribers.id"], name=op.f("fk_outbox_subscriber"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_outbox")),
        sa.UniqueConstraint("message_id", name=op.f("uq_outbox_message_id")),
        sa.UniqueConstraint(
            "subscriber", "local_date", "kind", name=op.f("uq_outbox_subscriber_local_date_kind")
        ),
    )
    op.create_index(op.f("ix_outbox_local_date"), "outbox", ["local_date"], unique=False)
    op.create_index(op.f("ix_outbox_next_attempt_at_id"), "outbox", ["next_attempt_at", "id"], unique=False)
    op.create_index(op.f("ix_outbox_state_owner"), "outbox", ["state", "owner"], unique=False)
    op.create_table(
        "snapshots",
        sa.Column("paper", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("listed_on", sa.Date(), nullable=False),
        sa.Column("as_of", UtcDateTime(), nullable=False),
        sa.Column("votes", sa.Integer(), nullable=True),
        sa.Column("comments", sa.Integer(), nullable=True),
        sa.Column("stars", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(["paper"], ["papers.id"], name=op.f("fk_snapshots_paper")),
        sa.PrimaryKeyConstraint("paper", "source", "listed_on", "as_of", name=op.f("pk_snapshots")),
    )
    op.create_table(
        "outbox_journal",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("delivery", sa.Integer(), nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.Column("event", sa.Text(), nullable=False),
        sa.Column("reply", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["delivery"], ["outbox.id"], name=op.f("fk_outbox_journal_delivery"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_outbox_journal")),
    )
    op.create_index(op.f("ix_outbox_journal_delivery"), "outbox_journal", ["delivery"], unique=False)
