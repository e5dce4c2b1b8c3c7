"""What people type into our forms, as typed; and what they wish by it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from typing import Annotated, Self

from fastapi import UploadFile
from pydantic import AfterValidator, BaseModel, ConfigDict

from digest.errors import N_, DocumentError, UsageError
from digest.feedback import Thing, authors
from digest.ingest.references import references
from digest.model import DAY_NAMES, Days, Entry, InterestKind, Opinion, Subject, Subscriber
from digest.subscriptions import MOST_IMPORTED, Wish, spelled


def whole(text: str) -> str:
    """The text without NUL, which no database holds, and lone surrogates, which some charsets decode to."""
    return text.replace("\0", "\ufffd").encode("utf-16", "surrogatepass").decode("utf-16", "replace")


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
        ids, entries = _papers(self.papers, file)
        if not (entries or ids or lines(self.interests)):
            raise UsageError(N_("write what you work on, or give a paper"))
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
    #: `YYYY-MM-DD`, or empty.
    paused_until: Typed = ""
    papers: Typed = ""
    language: Typed = ""
    #: `html` or `text`.
    format: str = "html"
    categories: Typed = ""
    authors: Typed = ""
    #: Authors of whom nothing is to be seen.
    muted: Typed = ""
    #: Ids of example papers that stay examples.
    likes: tuple[Typed, ...] = ()
    #: More of them: ids, DOIs or links, one a line, or a whole reading list.
    more: Typed = ""
    file: UploadFile | None = None

    @classmethod
    def of(cls, subscriber: Subscriber, muted: Iterable[str] = (), today: dt.date = dt.date.min) -> Self:
        """The form as it stands for them on that local date: a pause that is over is none."""
        schedule = subscriber.schedule
        weekly, paused_until = schedule.days.weekly, schedule.paused_until
        return cls(
            interests=_text(subscriber, InterestKind.PHRASE),
            about="".join(text.value for text in subscriber.asked(InterestKind.TEXT)),
            excludes=_text(subscriber, InterestKind.EXCLUDE),
            rhythm="weekly" if weekly else "days",
            days=DAY_NAMES if weekly else schedule.days.names,
            weekday=schedule.days.names[0] if weekly else "mon",
            send_at=f"{schedule.send_at:%H:%M}",
            timezone=schedule.timezone,
            paused_until=str(paused_until) if paused_until and paused_until > today else "",
            papers=str(subscriber.papers),
            language=subscriber.language,
            format="text" if subscriber.plain_text else "html",
            categories=_text(subscriber, InterestKind.CATEGORY),
            authors=_text(subscriber, InterestKind.AUTHOR),
            muted="\n".join(muted),
            likes=tuple(example.value for example in subscriber.asked(InterestKind.LIKE)),
        )

    def read(self) -> tuple[Wish, tuple[Entry, ...]]:
        """All that the form holds, and the papers of reading lists; an empty list means none of its kind.

        UsageError for what cannot be read.
        """
        if self.rhythm not in {"days", "weekly"}:  # a browser always sends it: this is not the form
            raise UsageError(N_("the form came without its fields; open the page and save it from there"))
        ids, entries = _papers(self.more, _content(self.file))
        wish = Wish(
            interests=lines(self.interests),
            about=self.about,
            excludes=lines(self.excludes),
            days=self._days(),
            send_at=self.send_at or None,
            timezone=self.timezone or None,
            papers=_number(self.papers),
            language=self.language or None,
            plain_text=self.format == "text",
            paused_until=self.paused_until.strip(),
            categories=lines(self.categories),
            authors=lines(self.authors),
            likes=(*self.likes, *ids),
        )
        return wish, entries

    def muting(self) -> tuple[str, ...]:
        """The authors of whom nothing is to be seen; UsageError for what can be no name."""
        return authors(lines(self.muted))

    def _days(self) -> str:
        if self.rhythm == "weekly":
            return f"weekly:{self.weekday}"
        if not set(DAY_NAMES) & set(self.days):
            raise UsageError(N_("tick at least one day, or choose once a week"))
        return str(Days.of(self.days))


def _kind(text: str) -> str:
    """What kind of reading list a text is by how it begins: BibTeX, RIS or CSL-JSON; empty if it is none."""
    start = text.lstrip("\ufeff \r\n\t")
    if start.startswith("TY  "):
        return ".ris"
    return {"@": ".bib", "%": ".bib", "[": ".json", "{": ".json"}.get(start[:1], "")


def _papers(text: str, file: str) -> tuple[tuple[str, ...], tuple[Entry, ...]]:
    """The ids, DOIs or links that were typed, one a line, and the papers of the reading lists typed and sent."""
    typed = _reading_list(text, _kind(text))
    ids = () if typed else lines(text)
    entries = (*typed, *_reading_list(file, _kind(file) or ".bib"))
    if (given := len(ids) + len(entries)) > MOST_IMPORTED:
        message = N_("at most %(most)s papers can be given at once: %(number)s")
        raise UsageError(message, most=MOST_IMPORTED, number=given)
    return ids, entries


def _reading_list(text: str, kind: str) -> list[Entry]:
    if not (kind and text.strip()):
        return []
    try:
        return references(text, kind)
    except DocumentError:
        message = N_(
            "the reading list cannot be read: it is BibTeX, RIS or CSL-JSON, and its papers have titles"
        )
        raise UsageError(message) from None


def _content(file: UploadFile | None) -> str:
    return whole(file.file.read().decode(errors="replace")) if file else ""


def lines(text: str) -> tuple[str, ...]:
    """One of a line, without blank ones."""
    return tuple(line.strip() for line in text.splitlines() if line.strip())


def _number(text: str) -> int | None:
    try:
        return int(text) if text.strip() else None
    except ValueError:
        message = N_("the number of papers is a whole number: %(text)s")
        raise UsageError(message, text=repr(text[:20])) from None


def _text(subscriber: Subscriber, kind: InterestKind) -> str:
    return "\n".join(spelled(one) for one in subscriber.asked(kind))
