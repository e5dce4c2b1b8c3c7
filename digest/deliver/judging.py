"""What a refusal means, and what follows from it and those before it (RFC 3463, RFC 3464).

Rule 1. Only a server that says in a code that the address is not there ends a subscription at once.
Rule 2. A policy is about us. It never counts against a reader: suppressing on those has destroyed whole lists
        after one blocklisting.
Rule 3. Everything else has to last: three times in two weeks, or for a month.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from digest.model import Bounce, BounceClass, Decision, Refusal

HARD, SOFT, TRANSIENT, POLICY = (
    BounceClass.HARD,
    BounceClass.SOFT,
    BounceClass.TRANSIENT,
    BounceClass.POLICY,
)

#: Codes that mean something else than the others of their subject: bad mailbox, null MX, moved; our sender's
#: address; mailbox full; message too large for the mailbox, for the system.
CODES = {
    "5.1.1": HARD,
    "5.1.10": HARD,
    "5.1.6": HARD,
    "5.1.7": POLICY,
    "5.1.8": POLICY,
    "4.2.2": SOFT,
    "5.2.3": POLICY,
    "5.3.4": POLICY,
}
#: Permanent failures of the protocol, of the content, and of security or policy are ours.
OURS = ("5.5.", "5.6.", "5.7.")
#: These say that it failed, or that time is over, and not why: what the server said counts.
SAYS_NOTHING = re.compile(r"[45]\.0\.0|[45]\.4\.7")

ENHANCED = re.compile(r"(?<![\d.])[245]\.\d{1,3}\.\d{1,3}(?!\.?\d)")
BASIC = re.compile(r"(?<![\d.])[45]\d\d(?=[ -])")
OF_THE_MAILBOX = re.compile(r"[45]\d\d [45]\.[12]\.\d")
#: Our reputation or content, in the words of servers whose code says something else.
POLICY_WORDS = re.compile(
    r"spamhaus|spamcop|sorbs|(?:block|black|deny)[ -]?list|dnsbl|\brbl\b|blocked using|reputation|as spam"
    r"|spam (?:message|content|detected)|\bdmarc\b|\bdkim\b|\bspf\b|policy",
    re.IGNORECASE,
)
ADDRESS = re.compile(r"[^\s<>()\[\]\",;:@]{1,64}@[^\s<>()\[\]\",;:@]{1,255}")
#: Of what a server said, so much is looked at.
LONGEST_SAID = 1_000


def judged(status: str, said: str = "", recipients: frozenset[str] = frozenset()) -> Refusal:
    """What a status code and the server's words come to; the code counts before the words."""
    said = ADDRESS.sub(" ", said[:LONGEST_SAID])
    given, quoted = (found[0] if (found := ENHANCED.search(text)) else "" for text in (status[:100], said))
    code = quoted if not given or (quoted and SAYS_NOTHING.fullmatch(given)) else given
    basic = found[0] if (found := BASIC.search(said)) else ""
    permanent = code.startswith("5") or (not code and not basic.startswith("4"))
    # 554 is what blocklists answer; a code that says more counts more.
    refused = basic == "554" and (not code or bool(SAYS_NOTHING.fullmatch(code)))
    ours = refused or _meaning(quoted) is POLICY or bool(POLICY_WORDS.search(said))
    meaning = POLICY if permanent and ours else _meaning(code or f"{basic[:1] or 5}.0.0")
    return Refusal(meaning=meaning, status=code or basic, recipients=recipients)


def _meaning(code: str) -> BounceClass:
    if code.startswith(OURS):
        return POLICY
    return CODES.get(code, TRANSIENT if code.startswith("4") else SOFT)


def lasting(reply: str) -> Refusal | None:
    """What a reply in the SMTP dialogue counts against its reader; None unless its code speaks of their mailbox.

    Without such a code it may be the relay's own trouble, with all of them.
    """
    if not OF_THE_MAILBOX.match(reply):
        return None
    refusal = judged("", reply)
    return refusal if refusal.meaning in {SOFT, TRANSIENT} else None


def counted(refusals: Sequence[Refusal], address: str) -> Refusal:
    """The one of these refusals, at least one, that counts for a reader with that address.

    Of several the mildest: behind the address is a list, and somebody on it may still read us. What is not there
    may also be an address that theirs forwards to; that has to last.
    """
    mildest = min(refusals, key=lambda one: (POLICY, TRANSIENT, SOFT, HARD).index(one.meaning))
    elsewhere = mildest.recipients and address.lower() not in mildest.recipients
    return replace(mildest, meaning=SOFT) if mildest.meaning is HARD and elsewhere else mildest


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How long failures of a kind are borne."""

    kinds: frozenset[BounceClass]
    #: As many as this, over as long as this, are too many.
    times: int
    over: dt.timedelta


PATIENCE = (
    Patience(kinds=frozenset({SOFT}), times=3, over=dt.timedelta(days=14)),
    Patience(kinds=frozenset({SOFT, TRANSIENT}), times=3, over=dt.timedelta(days=30)),
)
#: Failures with so long a time in between have nothing to do with one another; nor has an older one with today.
QUIET = dt.timedelta(days=30)


def decide(history: Sequence[Bounce], new: Bounce, now: dt.datetime) -> Decision:
    """What follows from `new`; `history` is what was kept of that subscriber before, in any order."""
    if new.meaning is BounceClass.COMPLAINT:
        return Decision(suppress="complaint", leave=True)
    if new.meaning is BounceClass.LEAVE:
        return Decision(leave=True)
    if new.meaning in {POLICY, BounceClass.DELIVERED} or now - new.at > QUIET:
        return Decision()
    if new.meaning is HARD:
        return Decision(suppress=f"bounced: {new.status or 'no such address'}")
    for patience in PATIENCE:
        failures = _run([*history, new], patience.kinds, new.at)
        if len(failures) >= patience.times and failures[-1] - failures[0] >= patience.over:
            return Decision(
                suppress=f"bounced {len(failures)} times since {failures[0]:%Y-%m-%d}: {new.status}"
            )
    return Decision()


def _run(bounces: Sequence[Bounce], kinds: frozenset[BounceClass], until: dt.datetime) -> list[dt.datetime]:
    """When it failed, the oldest first, up to that instant without a delivery or a quiet time in between."""
    failures: list[dt.datetime] = []
    for one in sorted(bounces, key=lambda one: one.at, reverse=True):
        if one.meaning is BounceClass.DELIVERED or (failures and failures[-1] - one.at > QUIET):
            break
        if one.meaning in kinds and one.at <= until:
            failures.append(one.at)
    return failures[::-1]
