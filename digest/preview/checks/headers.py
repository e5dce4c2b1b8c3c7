"""Rules about headers: what an operator's names and words can break; the rest of them is held by our tests."""

from __future__ import annotations

import re
import unicodedata

from digest.preview.checks.finding import HEADERS, Faults, fail, warn
from digest.preview.checks.specimen import Post, Specimen
from digest.preview.checks.wording import TEX

_REPLY = re.compile(r"(re|fwd?|aw|wg|tr|rv|回复|转发)\s*[:：]", re.IGNORECASE)  # noqa: RUF001 (a colon that Chinese uses)
_DOTTED_ID = re.compile(r"[\w!#$%&'*+/=?^`{|}~-]+(\.[A-Za-z0-9-]+)+")


def subject(seen: Specimen) -> Faults:
    """The subject is there, honest and short.

    RFC 5322 3.6.5; Gmail's sender guidelines: no fake reply, no shouting.
    """
    said = seen.subject
    if not said:
        yield fail("no subject", HEADERS)
        return
    if len(said) > 110:
        yield fail(f"the subject has {len(said)} characters, of at most 110", HEADERS)
    elif len(said) > 78:
        yield warn(f"the subject has {len(said)} characters; inboxes cut it near 60", HEADERS)
    if _REPLY.match(said):
        yield fail(f"the subject pretends to be a reply or forwarded: {said[:20]!r}", HEADERS)
    letters = [one for one in said if one.isalpha()]
    if len(letters) > 12 and sum(one.isupper() for one in letters) > 0.6 * len(letters):
        yield fail("the subject shouts: most of it is in capitals", HEADERS)
    if said.count("!") + said.count("！") > 1:  # noqa: RUF001 (Chinese has one of its own)
        yield warn("the subject has more than one exclamation mark", HEADERS)
    if sum(unicodedata.category(one) == "So" and ord(one) > 0x1F000 for one in said) > 1:
        yield warn("the subject has more than one emoji", HEADERS)
    if found := TEX.search(said):
        yield fail(f"TeX in the subject: {found[0][:30]!r}", HEADERS)


def list_unsubscribe(seen: Specimen) -> Faults:
    """List-Unsubscribe holds exactly one https URI, with a token that nobody can guess.

    RFC 2369 3.2, RFC 8058 3.1; Gmail and Yahoo since 2024.
    """
    value = seen.header("List-Unsubscribe")
    if value is None:
        if seen.post is Post.LIST:
            yield fail("no List-Unsubscribe", HEADERS)
        return
    flat = "".join(value.split())
    uris = re.findall(r"<([^<>]*)>", flat)
    if not uris or re.sub(r"<[^<>]*>", "", flat).strip(","):
        yield fail(f"List-Unsubscribe is not <URI>, <URI>: {value[:60]!r}", HEADERS)
    secure = [uri for uri in uris if uri.lower().startswith("https://")]
    if any(uri.lower().startswith("http://") for uri in uris):
        yield fail("List-Unsubscribe has an http URI; it takes https (set site.url)", HEADERS)
    if len(secure) != 1:
        yield fail(f"List-Unsubscribe has {len(secure)} https URIs, and needs exactly one", HEADERS)
    for uri in secure:
        if not re.search(r"[A-Za-z0-9_~.=-]{16,}", uri.partition("//")[2].partition("/")[2]):
            yield fail("the unsubscribe URI has no token of 16 characters, so it can be guessed", HEADERS)


def one_click(seen: Specimen) -> Faults:
    """List-Unsubscribe-Post is there, byte for byte as the standard wants it.

    RFC 8058 3.1.
    """
    value = seen.header("List-Unsubscribe-Post")
    if value is None:
        if seen.post is Post.LIST:
            yield fail("no List-Unsubscribe-Post", HEADERS)
    elif value != "List-Unsubscribe=One-Click":
        yield fail(f"List-Unsubscribe-Post is List-Unsubscribe=One-Click: {value!r}", HEADERS)


def list_id(seen: Specimen) -> Faults:
    """List-Id names the list, so that people can file it.

    RFC 2919 2 and 3.
    """
    value = seen.header("List-Id")
    if value is None:
        if seen.post is not Post.NOTICE:
            yield fail("no List-Id", HEADERS)
        return
    found = re.search(r"<([^<>]+)>$", value)
    if not found or not _DOTTED_ID.fullmatch(found[1]) or len(found[1]) > 255:
        yield fail(f"List-Id is a name and <an.id.with.dots>: {value!r}", HEADERS)


def automatic(seen: Specimen) -> Faults:
    """The message says that a machine sent it, so that no machine answers.

    RFC 3834 5; RFC 2076 for Precedence, which old vacation programs look at alone.
    """
    said = (seen.header("Auto-Submitted") or "").partition(";")[0].strip().lower()
    if not said:
        yield warn("no Auto-Submitted: auto-generated", HEADERS)
    elif said != "auto-generated":
        yield fail(f"Auto-Submitted is auto-generated: {said!r}", HEADERS)
    precedence = (seen.header("Precedence") or "").lower()
    if precedence not in {"", "bulk", "list"}:
        yield fail(f"Precedence is bulk: {precedence!r}", HEADERS)
    elif not precedence and seen.post is not Post.NOTICE:
        yield warn("no Precedence: bulk", HEADERS)
