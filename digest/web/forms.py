"""What people type into our forms, as typed; and what they wish by it."""

from __future__ import annotations

from typing import Self

from pydantic import BaseModel, ConfigDict

from digest.errors import UsageError
from digest.model import DAY_NAMES, Interest, InterestKind, Subscriber
from digest.subscriptions import Wish


class SignUp(BaseModel):
    """The form of the landing page."""

    model_config = ConfigDict(frozen=True)

    email: str = ""
    interests: str = ""

    def wish(self) -> Wish:
        """Nothing typed leaves the defaults."""
        return Wish(interests=lines(self.interests) or None)


class Preferences(BaseModel):
    """The form of a reader's settings; texts, so that what cannot be read can be shown again."""

    model_config = ConfigDict(frozen=True)

    interests: str = ""
    excludes: str = ""
    #: `days` (on those ticked) or `weekly` (on `weekday`).
    rhythm: str = ""
    days: tuple[str, ...] = ()
    weekday: str = ""
    send_at: str = ""
    timezone: str = ""
    papers: str = ""

    @classmethod
    def of(cls, subscriber: Subscriber) -> Self:
        """The form as it stands for them now."""
        schedule = subscriber.schedule
        weekly = schedule.days.weekly
        return cls(
            interests=_text(subscriber, InterestKind.PHRASE),
            excludes=_text(subscriber, InterestKind.EXCLUDE),
            rhythm="weekly" if weekly else "days",
            days=DAY_NAMES if weekly else _ticked(str(schedule.days)),
            weekday=str(schedule.days).removeprefix("weekly:") if weekly else "mon",
            send_at=f"{schedule.send_at:%H:%M}",
            timezone=schedule.timezone,
            papers=str(subscriber.papers),
        )

    def wish(self) -> Wish:
        """All that the form holds; an empty list of interests means none. UsageError for what cannot be read."""
        return Wish(
            interests=lines(self.interests),
            excludes=lines(self.excludes),
            days=self._days(),
            send_at=self.send_at or None,
            timezone=self.timezone or None,
            papers=_number(self.papers),
        )

    def _days(self) -> str | None:
        if self.rhythm == "weekly":
            return f"weekly:{self.weekday}"
        if self.rhythm != "days":
            return None
        ticked = tuple(name for name in DAY_NAMES if name in self.days)
        if not ticked:
            raise UsageError("tick at least one day, or choose once a week")
        return {DAY_NAMES: "daily", DAY_NAMES[:5]: "weekdays"}.get(ticked, ",".join(ticked))


def lines(text: str) -> tuple[str, ...]:
    """One of a line, without blank ones."""
    return tuple(line.strip() for line in text.splitlines() if line.strip())


def _number(text: str) -> int | None:
    try:
        return int(text) if text.strip() else None
    except ValueError:
        raise UsageError(f"the number of papers is a whole number: {text[:20]!r}") from None


def _ticked(days: str) -> tuple[str, ...]:
    return {"daily": DAY_NAMES, "weekdays": DAY_NAMES[:5]}.get(days) or tuple(days.split(","))


def _text(subscriber: Subscriber, kind: InterestKind) -> str:
    return "\n".join(_line(interest) for interest in subscriber.asked(kind))


def _line(interest: Interest) -> str:
    return interest.value if interest.weight == 1 else f"{interest.value}={interest.weight:g}"
