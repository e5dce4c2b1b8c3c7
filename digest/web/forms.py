"""What people type into our forms, as typed; and what they wish by it."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import AfterValidator, BaseModel, ConfigDict

from digest.errors import DocumentError, UsageError
from digest.feedback import Thing
from digest.ingest.references import references
from digest.model import DAY_NAMES, Days, Entry, InterestKind, Opinion, Subject, Subscriber
from digest.subscriptions import MOST_IMPORTED, Wish, spelled


def whole(text: str) -> str:
    """The text without lone surrogates, which some charsets of a form decode to and no page can hold."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


Typed = Annotated[str, AfterValidator(whole)]


class SignUp(BaseModel):
    """The form of the landing page."""

    model_config = ConfigDict(frozen=True)

    email: Typed = ""
    interests: Typed = ""
    #: Ids of example papers, one a line; from the page to try it, not typed.
    likes: Typed = ""
    #: When the form was shown (`robots.stamp`).
    shown: Typed = ""
    #: Nobody sees it, so nobody fills it in.
    homepage: Typed = ""

    def wish(self) -> Wish:
        """Nothing typed leaves the defaults."""
        return Wish(interests=lines(self.interests) or None, likes=lines(self.likes) or None)


class Trial(BaseModel):
    """The form to try it without an account."""

    model_config = ConfigDict(frozen=True)

    interests: Typed = ""
    #: arXiv ids and DOIs, one a line, or a whole reading list.
    papers: Typed = ""

    def read(self, file: str) -> tuple[Wish, tuple[Entry, ...]]:
        """What was wished for, and the papers of reading lists; UsageError for what cannot be read, or if nothing was."""
        typed = _reading_list(self.papers, _kind(self.papers))
        ids = () if typed else lines(self.papers)
        entries = (*typed, *_reading_list(file, _kind(file) or ".bib"))
        if not (entries or ids or lines(self.interests)):
            raise UsageError("write what you work on, or give a paper")
        if len(ids) + len(entries) > MOST_IMPORTED:
            raise UsageError(f"at most {MOST_IMPORTED} papers can be compared: {len(ids) + len(entries)}")
        return Wish(interests=lines(self.interests), likes=ids), entries


class Said(BaseModel):
    """A button of the feedback page, or one beside what was said."""

    model_config = ConfigDict(frozen=True)

    subject: Subject
    value: Typed
    #: `more`, `less` or `mute`; `forget` takes it back.
    opinion: str = "forget"

    def thing(self) -> Thing:
        """What it is about."""
        return Thing(subject=self.subject, value=self.value)

    def said(self) -> Opinion | None:
        """None for taking it back; UsageError for a word that is none of ours."""
        if self.opinion == "forget":
            return None
        if self.opinion not in {*Opinion}:
            raise UsageError(f"an opinion is more, less or mute: {self.opinion[:20]!r}")
        return Opinion(self.opinion)


class Preferences(BaseModel):
    """The form of a reader's settings; texts, so that what cannot be read can be shown again."""

    model_config = ConfigDict(frozen=True)

    interests: Typed = ""
    about: Typed = ""
    excludes: Typed = ""
    #: `days` (on those ticked) or `weekly` (on `weekday`).
    rhythm: str = ""
    days: tuple[str, ...] = ()
    weekday: Typed = ""
    send_at: Typed = ""
    timezone: Typed = ""
    papers: Typed = ""
    language: Typed = ""

    @classmethod
    def of(cls, subscriber: Subscriber) -> Self:
        """The form as it stands for them now."""
        schedule = subscriber.schedule
        weekly = schedule.days.weekly
        return cls(
            interests=_text(subscriber, InterestKind.PHRASE),
            about="".join(text.value for text in subscriber.asked(InterestKind.TEXT)),
            excludes=_text(subscriber, InterestKind.EXCLUDE),
            rhythm="weekly" if weekly else "days",
            days=DAY_NAMES if weekly else schedule.days.names,
            weekday=schedule.days.names[0] if weekly else "mon",
            send_at=f"{schedule.send_at:%H:%M}",
            timezone=schedule.timezone,
            papers=str(subscriber.papers),
            language=subscriber.language,
        )

    def wish(self) -> Wish:
        """All that the form holds; an empty list of interests means none. UsageError for what cannot be read."""
        if self.rhythm not in {
            "days",
            "weekly",
        }:  # a browser always sends it; without it, this is not the form
            raise UsageError("the form came without its fields; open the page and save it from there")
        return Wish(
            interests=lines(self.interests),
            about=self.about,
            excludes=lines(self.excludes),
            days=self._days(),
            send_at=self.send_at or None,
            timezone=self.timezone or None,
            papers=_number(self.papers),
            language=self.language or None,
        )

    def _days(self) -> str:
        if self.rhythm == "weekly":
            return f"weekly:{self.weekday}"
        if not set(DAY_NAMES) & set(self.days):
            raise UsageError("tick at least one day, or choose once a week")
        return str(Days.of(self.days))


def _kind(text: str) -> str:
    """What kind of reading list a text is by how it begins: BibTeX, RIS or CSL-JSON; empty if it is none."""
    start = text.lstrip("\ufeff \r\n\t")
    if start.startswith("TY  "):
        return ".ris"
    return {"@": ".bib", "%": ".bib", "[": ".json", "{": ".json"}.get(start[:1], "")


def _reading_list(text: str, kind: str) -> list[Entry]:
    if not (kind and text.strip()):
        return []
    try:
        return references(text, kind)
    except DocumentError as error:
        raise UsageError(f"the reading list cannot be read: {error}") from None


def lines(text: str) -> tuple[str, ...]:
    """One of a line, without blank ones."""
    return tuple(line.strip() for line in text.splitlines() if line.strip())


def _number(text: str) -> int | None:
    try:
        return int(text) if text.strip() else None
    except ValueError:
        raise UsageError(f"the number of papers is a whole number: {text[:20]!r}") from None


def _text(subscriber: Subscriber, kind: InterestKind) -> str:
    return "\n".join(spelled(interest) for interest in subscriber.asked(kind))
