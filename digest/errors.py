"""Every error that is raised on purpose.

    DigestError                    anything below: one line for a user, no traceback
    ├── UsageError                 what was typed or configured is wrong: exit 2
    │   ├── ConfigError            digest.toml or the environment
    │   ├── BadAddress             not an e-mail address that we would write to
    │   ├── NotThere               nothing of that name can be shown
    │   ├── NotAllowed             not there, or not to them
    │   └── TooOften               later it can be done
    ├── SourceError                a source failed; the others go on
    │   ├── FetchError             nothing usable came back
    │   │   ├── Gone               and nothing ever will (410)
    │   │   └── AskedToWait        and we are to ask later
    │   └── DocumentError          what came back is not what the source promised
    ├── EntryError                 one entry was refused; the rest of its document goes on
    ├── StoreError                 the database is locked, newer, unwritable or not there
    ├── RenderError                a template failed
    │   └── CardError              one card failed; the rest of the digest goes on
    ├── Silent                     no name server answered
    ├── DeliveryError              the transport as a whole cannot be used (login, directory)
    └── LinkError                  a signed link is not ours
        └── LinkExpired            it was ours, and its time is over

A message says what, where and what to do; lower case, no full stop, the offending value last.
Anything else that is raised is a defect and is loud.
"""

from __future__ import annotations

import datetime as dt
import math


def N_(message: str) -> str:  # noqa: N802 (the name by which messages are extracted)
    """Marks a message for the catalogues where it stands; it is translated where it is shown."""
    return message


class DigestError(Exception):
    """Base of all errors raised on purpose; `str()` is one line that a user can act on."""


class UsageError(DigestError):
    """What was asked for cannot be done as it was asked.

    Message and values are kept apart where a page may have to say it in its reader's language.
    """

    def __init__(self, message: str, /, **values: object) -> None:
        """`message` with its `%(name)s` filled; as it is where there are no values."""
        super().__init__(message % values if values else message)
        self.message = message
        self.values = values


class ConfigError(UsageError):
    """The configuration is wrong; the message names key, value and what is allowed."""


class BadAddress(UsageError):
    """Not an e-mail address that we would write to."""


class NotThere(UsageError):
    """Nothing of that name can be shown."""


class NotAllowed(UsageError):
    """It is not to be done there, or to them."""


class TooOften(UsageError):
    """It was done too often already; later it can be done."""

    def __init__(self, message: str, wait: dt.timedelta) -> None:
        super().__init__(message)
        self.wait = wait

    @property
    def seconds(self) -> int:
        """How long to wait, at least one."""
        return max(1, math.ceil(self.wait.total_seconds()))


class SourceError(DigestError):
    """A source could not be read; the day goes on without it."""


class FetchError(SourceError):
    """A source did not answer with a document."""


class Gone(FetchError):
    """A source is there no more, its server says, and will not be again."""


class AskedToWait(FetchError):
    """A server wants to be left alone for a while."""

    def __init__(self, message: str, wait: dt.timedelta) -> None:
        super().__init__(message)
        self.wait = wait


class DocumentError(SourceError):
    """A document was refused as a whole."""


class EntryError(DigestError):
    """One entry of a document was refused."""


class StoreError(DigestError):
    """The database cannot be used."""


class RenderError(DigestError):
    """A template could not be rendered."""


class CardError(RenderError):
    """One paper's card could not be rendered."""


class Silent(DigestError):
    """No name server answered."""


class DeliveryError(DigestError):
    """The transport cannot be used at all, so nothing was tried."""


class LinkError(DigestError):
    """A signed link is forged, revoked or made for another purpose."""


class LinkExpired(LinkError):
    """A signed link was ours, and its time is over."""
