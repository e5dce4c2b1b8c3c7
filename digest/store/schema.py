"""The tables: what every column means, for SQLite and PostgreSQL alike.

Rule 1: a migration brings every database here; a test holds the two equal.
Rule 2: the words are the glossary's; JSON is `codec`'s and is read in Python only.
Rule 3: an instant is `UtcDateTime`; a local date is `Date` and belongs to the reader's zone.
"""

from __future__ import annotations

import datetime as dt
from enum import StrEnum
from functools import lru_cache
from typing import Any

from sqlalchemy import (
    Boolean,
    CheckConstraint,
    Column,
    Date,
    DateTime,
    Dialect,
    Double,
    Enum,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    Time,
    UniqueConstraint,
    false,
    text,
)
from sqlalchemy.types import TypeDecorator, TypeEngine

from digest.model import (
    BounceClass,
    DeliveryKind,
    DeliveryState,
    EventKind,
    InterestKind,
    Matter,
    Opinion,
    Rights,
    Scope,
    SourceState,
    Subject,
    SubscriberState,
)


class UtcDateTime(TypeDecorator[dt.datetime]):
    """An instant: timestamptz on PostgreSQL; on SQLite ISO text of one width, which sorts as time does.

    Refuses naive values: an instant without a zone is a defect of whoever made it.
    """

    impl = DateTime
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """How this dialect stores it."""
        if dialect.name == "postgresql":
            return dialect.type_descriptor(DateTime(timezone=True))
        return dialect.type_descriptor(String(32))

    def process_bind_param(self, value: dt.datetime | None, dialect: Dialect) -> Any:
        """The stored form."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"an instant needs a time zone: {value!r}")
        if dialect.name != "postgresql":
            return _written(value)
        return value if value.tzinfo is dt.UTC else value.astimezone(dt.UTC)

    def process_result_value(self, value: Any, dialect: Dialect) -> dt.datetime | None:  # noqa: ARG002 (SQLAlchemy's signature)
        """The instant, in UTC."""
        if value is None:
            return None
        instant = dt.datetime.fromisoformat(value) if isinstance(value, str) else value
        return instant if instant.tzinfo is dt.UTC else instant.astimezone(dt.UTC)


@lru_cache(maxsize=1024)  # a pass writes the same few instants into thousands of rows
def _written(instant: dt.datetime) -> str:
    return instant.astimezone(dt.UTC).isoformat(timespec="microseconds")


def _words(kind: type[StrEnum]) -> Enum:
    """The values of a closed set, stored as plain text so that a new one needs no change of type."""
    return Enum(kind, native_enum=False, length=16, values_callable=lambda e: [word.value for word in e])


#: An instant of which nothing is known: long ago.
UNKNOWN = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "pk": "pk_%(table_name)s",
    }
)

#: Facts about this database: `secret` (signs links), `changes` (how often saving papers changed something),
#: `held` (since when nothing is sent), `copied` (when, if this is a copy that nobody has released), `lock` (of /admin),
#: `webhook` (what is known of it).
meta = Table("meta", metadata, Column("key", Text, primary_key=True), Column("value", Text, nullable=False))

# --- papers ---------------------------------------------------------------------------------------

papers = Table(
    "papers",
    metadata,
    Column("id", Text, primary_key=True),
    # The revision that is in force: `revisions.number` of this paper.
    Column("revision", Integer, nullable=False),
    Column("first_seen", UtcDateTime, nullable=False, index=True),
)

#: The text of a paper, each version of it once. Rows are never changed, and never deleted if an edition names them.
revisions = Table(
    "revisions",
    metadata,
    # The paper's id when the row was written; no foreign key, since a joined paper's row goes.
    Column("paper", Text, primary_key=True),
    # 1, 2, 3 ... for each paper.
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("title_key", Text, nullable=False, index=True),
    Column("title", Text, nullable=False),
    Column("abstract", Text, nullable=False),
    # JSON: the names, in order.
    Column("authors", Text, nullable=False),
    # JSON: the primary category first.
    Column("categories", Text, nullable=False),
    Column("published", UtcDateTime),
    # What the publisher calls it (arXiv's v2), not ours.
    Column("version", Integer),
    # JSON: relation and URL.
    Column("links", Text, nullable=False),
    Column("rights", _words(Rights), nullable=False),
    # What a machine of a source made of the abstract; empty if none did.
    Column("ai_summary", Text, nullable=False, server_default=""),
)

#: What a machine of ours made of papers, and what it was asked in vain: rows are never changed and never deleted.
summaries = Table(
    "summaries",
    metadata,
    Column("paper", Text, primary_key=True),
    # Who was asked.
    Column("model", Text, primary_key=True),
    # SHA-256 of title and abstract: another text is another question.
    Column("content", String(64), primary_key=True),
    # Empty if what came back could not be shown.
    Column("text", Text, nullable=False),
    Column("at", UtcDateTime, nullable=False, index=True),
)

#: Every id under which a paper is or was known; a paper's own id is an alias of itself. Rows are never
#: deleted, but those of papers that only a reader's list told of.
aliases = Table(
    "aliases",
    metadata,
    Column("alias", Text, primary_key=True),
    Column("paper", ForeignKey("papers.id"), nullable=False, index=True),
)

#: What models made of papers' texts, so that each is read once; goes with its paper.
embeddings = Table(
    "embeddings",
    metadata,
    Column("paper", ForeignKey("papers.id", ondelete="CASCADE"), primary_key=True),
    # The model's name or folder, as configured.
    Column("model", Text, primary_key=True),
    # Fingerprint of the title and abstract that it was made from.
    Column("text", Text, nullable=False),
    # Numbers of 16 bits, little-endian.
    Column("vector", LargeBinary, nullable=False),
)

mentions = Table(
    "mentions",
    metadata,
    Column("paper", ForeignKey("papers.id"), primary_key=True),
    Column("source", Text, primary_key=True),
    # The UTC date of `listed_at`: one mention per source and listing day.
    Column("listed_on", Date, primary_key=True),
    # The first instant of that day at which the source listed it.
    Column("listed_at", UtcDateTime, nullable=False, index=True),
    # The operator's trust in the source when it was read.
    Column("weight", Double, nullable=False),
    Column("url", Text, nullable=False),
    # Null is "not known", which is not 0; so in `snapshots`.
    Column("votes", Integer),
    Column("comments", Integer),
    Column("stars", Integer),
    # When the three counts were read last.
    Column("as_of", UtcDateTime, nullable=False),
)

#: How a mention's counts grew: a row whenever one of them changed.
snapshots = Table(
    "snapshots",
    metadata,
    Column("paper", ForeignKey("papers.id"), primary_key=True),
    Column("source", Text, primary_key=True),
    Column("listed_on", Date, primary_key=True),
    Column("as_of", UtcDateTime, primary_key=True, index=True),
    Column("votes", Integer),
    Column("comments", Integer),
    Column("stars", Integer),
)

# --- sources --------------------------------------------------------------------------------------

#: How each source is doing now.
sources = Table(
    "sources",
    metadata,
    Column("name", Text, primary_key=True),
    # What was asked: URL or path, `{date}` as it is.
    Column("location", Text, nullable=False, server_default=""),
    Column("state", _words(SourceState), nullable=False),
    # For a person; empty if fresh.
    Column("reason", Text, nullable=False),
    Column("last_attempt", UtcDateTime, nullable=False),
    # The last attempt that was answered with a document, whatever was in it.
    Column("last_success", UtcDateTime),
    # How many the last attempt gave.
    Column("entries", Integer, nullable=False),
)

#: What each attempt came to.
collections = Table(
    "collections",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("source", Text, nullable=False),
    Column("at", UtcDateTime, nullable=False),
    Column("state", _words(SourceState), nullable=False),
    Column("reason", Text, nullable=False),
    Column("entries", Integer, nullable=False),
    # How many entries were refused.
    Column("refused", Integer, nullable=False),
    Index(None, "source", "at"),
)

#: What a server gave to ask "changed since?" with (RFC 9110 13.1), verbatim.
validators = Table(
    "validators",
    metadata,
    Column("url", Text, primary_key=True),
    Column("etag", Text),
    Column("last_modified", Text),
)

#: Until when each site must not be asked: its pause, or what its server said (Retry-After). On the real clock.
turns = Table(
    "turns",
    metadata,
    Column("site", Text, primary_key=True),
    Column("free_at", UtcDateTime, nullable=False),
)

# --- editions -------------------------------------------------------------------------------------

editions = Table(
    "editions",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("published_at", UtcDateTime, nullable=False, index=True),
    # `meta.changes` when the pool was read.
    Column("changes", Integer, nullable=False),
    # JSON: source and state of each notice to readers.
    Column("notices", Text, nullable=False, server_default="[]"),
    # `published_at` of the edition before, if no digest could be made of that for a while.
    Column("silent_since", UtcDateTime),
)

#: The papers of an edition as they were then; only their aliases are today's.
edition_papers = Table(
    "edition_papers",
    metadata,
    Column("edition", ForeignKey("editions.id"), primary_key=True),
    # 0, 1, 2 ...: the highest trend first.
    Column("position", Integer, primary_key=True, autoincrement=False),
    # The id then, and the revision of the text then: `revisions`.
    Column("paper", Text, nullable=False),
    Column("revision", Integer, nullable=False),
    Column("first_seen", UtcDateTime, nullable=False),
    # JSON.
    Column("mentions", Text, nullable=False),
    # The trend, 0..1.
    Column("score", Double, nullable=False),
    # JSON: what the trend's score is made of.
    Column("reasons", Text, nullable=False),
    # Shown instead of the abstract's sentences; empty: these are shown. Null until a digest of this edition picks
    # the paper; then it is written once, so that every message made from it says the same.
    Column("summary", Text, server_default=""),
)

# --- subscribers ----------------------------------------------------------------------------------

subscribers = Table(
    "subscribers",
    metadata,
    # Opaque and random.
    Column("id", Text, primary_key=True),
    Column("address", Text, nullable=False),
    # The address without case (`digest.address.key`): one subscriber each.
    Column("address_key", Text, nullable=False, unique=True),
    Column("name", Text, nullable=False),
    Column("state", _words(SubscriberState), nullable=False),
    # An IANA name.
    Column("timezone", Text, nullable=False),
    # Wall time in that zone.
    Column("send_at", Time, nullable=False),
    # `daily`, `weekdays`, `mon,thu`, `weekly:fri`.
    Column("days", Text, nullable=False),
    # Digests due before are not made.
    Column("starts_at", UtcDateTime),
    # No digest is due before; long ago where that is not known, as after another schedule (`looks`).
    Column(
        "look_at",
        UtcDateTime,
        nullable=False,
        server_default=UNKNOWN.isoformat(timespec="microseconds"),
    ),
    # How many a digest holds.
    Column("papers", Integer, nullable=False),
    Column("language", Text, nullable=False),
    # Their mails have no HTML.
    Column("plain_text", Boolean, nullable=False, server_default=false()),
    # No digest is of a local date before this one.
    Column("paused_until", Date),
    # Raising it revokes every link mailed before.
    Column("generation", Integer, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("confirmed_at", UtcDateTime),
    # When who is unsubscribed left by their own hand, and what they were until then; they may take it back.
    Column("left_at", UtcDateTime),
    Column("left_from", _words(SubscriberState)),
    Index(None, "state", "id"),
    Index(None, "state", "look_at", "id"),
    Index(None, "state", "address_key"),
    Index(None, "state", "timezone", "days", "send_at", "paused_until"),
)

interests = Table(
    "interests",
    metadata,
    Column("subscriber", ForeignKey("subscribers.id", ondelete="CASCADE"), primary_key=True),
    # 0, 1, 2 ...: the reader's order.
    Column("position", Integer, primary_key=True, autoincrement=False),
    Column("kind", _words(InterestKind), nullable=False),
    # A phrase, category, author or paper id, by kind.
    Column("value", Text, nullable=False),
    Column("weight", Double, nullable=False),
)

#: What readers said of papers, authors and topics; one opinion of each thing.
feedback = Table(
    "feedback",
    metadata,
    Column("subscriber", ForeignKey("subscribers.id", ondelete="CASCADE"), primary_key=True),
    Column("subject", _words(Subject), primary_key=True),
    # A paper id, author or phrase, by subject.
    Column("value", Text, primary_key=True),
    Column("opinion", _words(Opinion), nullable=False),
    Column("times", Integer, nullable=False),
    Column("at", UtcDateTime, nullable=False),
)

#: Addresses that must not be mailed; the key is the address without case.
suppressions = Table(
    "suppressions",
    metadata,
    Column("address_key", Text, primary_key=True),
    Column("address", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("at", UtcDateTime, nullable=False),
)

#: What remains of an address whose owner had everything deleted, or the operator for them.
deletions = Table(
    "deletions",
    metadata,
    # A keyed hash of the address, which cannot be read back.
    Column("key", Text, primary_key=True),
    Column("at", UtcDateTime, nullable=False),
    # Until then nobody but its owner brings it back.
    Column("until", UtcDateTime, nullable=False, index=True),
    # Whether it must not be mailed at all; why is not kept, since a server's words may hold the address.
    Column("suppressed", Boolean, nullable=False),
)

#: What was asked for on a page, so that it can be limited (`limits`).
asks = Table(
    "asks",
    metadata,
    Column("id", Integer, primary_key=True),
    # A keyed hash of the network or the address; neither can be read back.
    Column("key", Text, nullable=False),
    Column("at", UtcDateTime, nullable=False),
    Index(None, "key", "at"),
)

# --- outbox ---------------------------------------------------------------------------------------

#: One message's way to one subscriber; holds what the message is made from, never the message.
outbox = Table(
    "outbox",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("subscriber", ForeignKey("subscribers.id", ondelete="CASCADE"), nullable=False),
    Column("kind", _words(DeliveryKind), nullable=False),
    # With the kind it says which mail it is.
    Column("matter", _words(Matter), nullable=False, server_default=Matter.SUBSCRIPTION),
    Column("local_date", Date, nullable=False),
    # Tells several of a kind and day apart; 0 for those of which there is one.
    Column("number", Integer, nullable=False, server_default="0"),
    # The edition that a digest was picked from; null for every other kind.
    Column("edition", ForeignKey("editions.id")),
    # JSON: the reader as they were when it was prepared; the address that is written to is in it.
    Column("reader", Text, nullable=False),
    # JSON, both.
    Column("picks", Text, nullable=False),
    Column("also_trending", Text, nullable=False),
    # With its angle brackets; the same for every attempt.
    Column("message_id", Text, nullable=False, unique=True),
    # Fingerprint of the templates in force when it was prepared.
    Column("template", Text, nullable=False),
    # The reader's hour.
    Column("due_at", UtcDateTime, nullable=False),
    # After this nothing is tried.
    Column("expires_at", UtcDateTime, nullable=False),
    # The message's Date.
    Column("prepared_at", UtcDateTime, nullable=False),
    Column("state", _words(DeliveryState), nullable=False),
    # Attempts that count against it; one that is under way is counted.
    Column("attempts", Integer, nullable=False),
    # When it may be claimed; null unless it waits (planned, retry), so this column's index is the queue.
    Column("next_attempt_at", UtcDateTime),
    # Which process is sending it; null unless sending.
    Column("owner", Text),
    # When a transport accepted it.
    Column("sent_at", UtcDateTime),
    # The other side's words, of the last attempt.
    Column("last_reply", Text, nullable=False),
    UniqueConstraint("subscriber", "local_date", "kind", "number"),
    CheckConstraint("(next_attempt_at IS NOT NULL) = (state IN ('planned', 'retry'))", name="waits"),
    CheckConstraint("(owner IS NOT NULL) = (state = 'sending')", name="owned"),
    Index(None, "next_attempt_at", "id"),
    # A shard's share of the queue.
    Index(
        "ix_outbox_waiting",
        "subscriber",
        sqlite_where=text("next_attempt_at IS NOT NULL"),
        postgresql_where=text("next_attempt_at IS NOT NULL"),
    ),
    # What operators look through, the newest local date first: all, one state, or one kind. In this order: of two
    # that would do SQLite takes the newer one, and of a kind there are fewer than of a state.
    Index(None, "local_date", "id"),
    Index(None, "state", "local_date", "id"),
    Index(None, "kind", "local_date", "id"),
)

#: What happened to a delivery outside, in the order of `id`.
outbox_journal = Table(
    "outbox_journal",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("delivery", ForeignKey("outbox.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("at", UtcDateTime, nullable=False),
    Column("event", Text, nullable=False),
    # The other side's words, or why we did it.
    Column("reply", Text, nullable=False),
)

#: What came back about a subscriber's deliveries: what it means, and nobody's words or addresses.
bounces = Table(
    "bounces",
    metadata,
    Column("id", Integer, primary_key=True),
    # A hash that the same message read twice has in common.
    Column("key", Text, nullable=False, unique=True),
    Column("subscriber", ForeignKey("subscribers.id", ondelete="CASCADE"), nullable=False),
    # Null where it is only known whom it was for.
    Column("delivery", ForeignKey("outbox.id", ondelete="SET NULL"), index=True),
    Column("at", UtcDateTime, nullable=False, index=True),
    Column("meaning", _words(BounceClass), nullable=False),
    # RFC 3463, as 5.1.1; empty if none was given.
    Column("status", Text, nullable=False),
    Index(None, "subscriber", "at"),
)

#: Who is sending, or was when it died; on SQLite files stand for that.
senders = Table(
    "senders",
    metadata,
    Column("owner", Text, primary_key=True),
    # When it last showed that it lives, by the database's clock; null once it may begin nothing any more.
    Column("seen_at", UtcDateTime),
)

#: What each sender begun and what was answered, until the outbox knows it; on SQLite files hold that.
outbox_facts = Table(
    "outbox_facts",
    metadata,
    Column("owner", Text, primary_key=True),
    Column("message_id", Text, primary_key=True),
    # JSON: the outcome; null while it is not known.
    Column("answer", Text),
)

#: Each day in numbers, so that none of the past is counted again; a UTC date, and in the outbox a local one.
tallies = Table(
    "tallies",
    metadata,
    Column("day", Date, primary_key=True),
    # Confirmed when the day was counted last; null for days before anybody counted.
    Column("subscribers", Integer),
    Column("sent", Integer, nullable=False),
    # Ended as failed, expired or in doubt.
    Column("failed", Integer, nullable=False),
    # What came back, whatever it means for the address; complaints apart.
    Column("bounced", Integer, nullable=False),
    Column("complained", Integer, nullable=False),
)

#: Mails to whoever runs this: reports and alerts, each once.
letters = Table(
    "letters",
    metadata,
    # What it is about and the UTC date, as `disk 2026-04-10`: there is one a day.
    Column("key", Text, primary_key=True),
    # With its angle brackets.
    Column("message_id", Text, nullable=False),
    # The message as it is sent, the same at every attempt.
    Column("content", LargeBinary, nullable=False),
    Column("written_at", UtcDateTime, nullable=False),
    # Null once it was sent or given up.
    Column("next_attempt_at", UtcDateTime, index=True),
)

# --- other programs -------------------------------------------------------------------------------

#: What happened to subscriptions: rows are never changed, and forgotten after a while.
events = Table(
    "events",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("at", UtcDateTime, nullable=False, index=True),
    Column("kind", _words(EventKind), nullable=False),
    # Opaque; no foreign key, since the row stays when its subscriber goes.
    Column("subscriber", Text, nullable=False),
    # SQLite would give the highest id again if its row was forgotten.
    sqlite_autoincrement=True,
)

#: Events that the webhook is still to be told; what it has taken is no more here.
webhook_events = Table(
    "webhook_events",
    metadata,
    Column("event", ForeignKey("events.id", ondelete="CASCADE"), primary_key=True),
    # How often it was tried.
    Column("attempts", Integer, nullable=False),
    Column("next_attempt_at", UtcDateTime, nullable=False, index=True),
)

#: Who may use the API, and for what.
api_keys = Table(
    "api_keys",
    metadata,
    Column("name", Text, primary_key=True),
    # SHA-256 of the key, in hexadecimal; of 256 random bits, so nobody can try them all.
    Column("hash", String(64), nullable=False, unique=True),
    Column("scope", _words(Scope), nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
)
