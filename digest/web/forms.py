"""What people type into our forms, as typed; and what they wish by it."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import AfterValidator, BaseModel, ConfigDict

from digest.errors import UsageError
from digest.model import DAY_NAMES, Days, InterestKind, Subscriber
from digest.subscriptions import Wish, spelled


def whole(text: str) -> str:
    """The text without lone surrogates, which some charsets of a form decode to and no page can hold."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


Typed = Annotated[str, AfterValidator(whole)]


class SignUp(BaseModel):
    """The form of the landing page."""

    model_config = ConfigDict(frozen=True)

    email: Typed = ""
    interests: Typed = ""

    def wish(self) -> Wish:
        """Nothing typed leaves the defaults."""
        return Wish(interests=lines(self.interests) or None)


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
