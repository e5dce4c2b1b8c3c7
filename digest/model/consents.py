"""What a subscription rests on: Consent."""

from __future__ import annotations

import datetime as dt
import hashlib
from dataclasses import dataclass
from enum import StrEnum


class ConsentMethod(StrEnum):
    """How a consent came to us."""

    FORM = "form"  #: on a page of ours
    OPERATOR = "operator"  #: on the command line
    IMPORT = "import"  #: with a file of subscribers
    API = "api"  #: by a program with a key
    CONFIGURATION = "configuration"  #: from `[[readers]]`


@dataclass(frozen=True, slots=True, kw_only=True)
class Consent:
    """That somebody agreed to be mailed, or was asked to; coming back after leaving takes a new one."""

    #: When it was asked for, or told to us.
    at: dt.datetime
    method: ConsentMethod
    #: What they agreed to, word for word; where they agreed elsewhere, what the operator says that it rests on.
    wording: str
    #: Where the form was sent to; empty where there was none.
    url: str = ""
    #: What the form came from, a /24 or a /48; forgotten after a while.
    network: str = ""
    #: When the mail went out that asked them to confirm.
    mailed_at: dt.datetime | None = None
    #: When they agreed; None while nobody has.
    confirmed_at: dt.datetime | None = None

    @property
    def sha256(self) -> str:
        """Of the wording in UTF-8, in hexadecimal."""
        return hashlib.sha256(self.wording.encode()).hexdigest()
