"""Rules about links, pictures and what they tell others."""

from __future__ import annotations

import base64
import ipaddress
import re
from collections import Counter
from collections.abc import Iterator
from email.utils import getaddresses
from urllib.parse import parse_qsl, unquote, urlsplit

from digest.preview.checks.finding import HTML, TEXT, Faults, Place, fail, warn
from digest.preview.checks.specimen import Anchor, Post, Specimen, host_of
from digest.preview.checks.style import Mode

_SHORTENERS = frozenset(
    {
        "bit.ly", "t.co", "goo.gl", "tinyurl.com", "ow.ly", "is.gd", "buff.ly", "lnkd.in", "rebrand.ly", "cutt.ly",
        "t.ly", "shorturl.at", "rb.gy", "s.id", "tiny.cc",
    }
)  # fmt: skip
_NOT_PUBLIC = (".local", ".localhost", ".internal", ".lan", ".home", ".invalid", ".test", ".localdomain")
_RESIDUE = re.compile(
    r"\{\{|\}\}|\{%|%7b%7b|\$\{|(?<=[/=])(none|null|nan|undefined)(?=[/?#&]|$)", re.IGNORECASE
)
_CAMPAIGN = re.compile(
    r"(utm_\w+|mc_[ce]id|_hsenc|_hsmi|fbclid|gclid|mkt_tok|vero_id|oly_\w+_id)", re.IGNORECASE
)
_TRACKER = re.compile(
    r"(^|\.)(list-manage\.com|sendgrid\.net|mandrillapp\.com|mailgun\.org|sparkpostmail\.com|hubspotlinks\.com"
    r"|rs6\.net|cmail\d+\.com|createsend\d*\.com|awstrack\.me|mjt\.lu|sendibt\d\.com|exacttarget\.com)$"
)
_OPENED = re.compile(
    r"/(open|pixel|beacon|track|wf/open|o)(\.(gif|png))?(/|$)|(pixel|beacon|spacer)\.(gif|png)$"
)
_HOST_TEXT = re.compile(r"(?:https?://)?((?:[a-z0-9-]+\.)+[a-z]{2,})(?:[/:?#]\S*)?", re.IGNORECASE)
#: More links than these look like a catalogue to filters.
MOST_LINKS = 150


def _web(seen: Specimen) -> Iterator[Anchor]:
    """The links that go to a page."""
    return (one for one in seen.anchors if one.url.lower().startswith(("http://", "https://")))


def absolute(seen: Specimen) -> Faults:
    """Every link is absolute: a mail has no page that a relative one could start from.

    RFC 3986 4.3.
    """
    names = {one.get("id") for one in seen.page.elements()} | {
        one.get("name") for one in seen.page.elements("a")
    }
    for anchor in seen.anchors:
        where = seen.page.place(anchor.element)
        if anchor.url in {"", "#"}:
            yield fail(f"a link to nowhere: {anchor.text[:40]!r}", where)
        elif anchor.url.startswith("#"):
            if anchor.url[1:] not in names:
                yield fail(f"a link to a place that is not in the mail: {anchor.url!r}", where)
        elif not re.match(r"(https?://[^/]|mailto:)", anchor.url, re.IGNORECASE):
            yield fail(f"not an absolute http(s) or mailto link: {anchor.url[:60]!r}", where)


def public(seen: Specimen) -> Faults:
    """Links are https, to hosts that everybody reaches, without spaces or what a template left.

    RFC 3986; a name inside a network tells readers nothing and others too much.
    """
    for anchor in _web(seen):
        where = seen.page.place(anchor.element)
        yield from _reachable(anchor.url, where)
        if anchor.url.lower().startswith("http://") and host_of(anchor.url) not in {"localhost", "127.0.0.1"}:
            yield warn(f"http, not https: {anchor.url[:60]!r}", where)
    for url in _urls_of_text(seen):
        if _RESIDUE.search(url):
            yield fail(f"what a template left is in a URL: {url[:60]!r}", TEXT)


def _reachable(url: str, where: Place) -> Faults:
    if re.search(r"\s", url):
        yield fail(f"a URL with a space: {url[:60]!r}", where)
    if _RESIDUE.search(url):
        yield fail(f"what a template left is in a URL: {url[:60]!r}", where)
    host = host_of(url)
    if host == "localhost" or host.startswith("127."):
        yield warn(f"a link that works on this machine only: {url[:60]!r}", where)
    elif not _is_public(host):
        yield fail(f"not a public host: {host!r}", where)


def _is_public(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_global
    except ValueError:
        return "." in host and not host.endswith(_NOT_PUBLIC)


def once(seen: Specimen) -> Faults:
    """A paper is shown once.

    CONTRACT: each paper is an element with its id in `data-paper`.
    """
    counted = Counter(one.get("data-paper") for one in seen.page.elements() if one.get("data-paper"))
    for element in seen.page.elements():
        paper = element.get("data-paper")
        if paper and counted.pop(paper, 0) > 1:
            yield fail(f"a paper is shown more than once: {paper!r}", seen.page.place(element))


def leaving(seen: Specimen) -> Faults:
    """Both parts hold the links by which a reader leaves or changes the digest, where they can be seen.

    Gmail and Yahoo since 2024; CAN-SPAM 7704(a)(5); GDPR article 7(3).
    """
    if seen.post is not Post.LIST:
        return
    shown = [one.url for one in seen.anchors if one.shown and one.text]
    texts = _urls_of_text(seen)
    for urls, where, part in ((shown, HTML, "HTML"), (texts, TEXT, "text")):
        if not any(_leads(url, "/unsubscribe/") or url == seen.unsubscribe for url in urls):
            yield fail(f"the {part} shows no link to unsubscribe", where)
        elif seen.unsubscribe and seen.unsubscribe not in urls:
            yield warn(f"the {part}'s link to unsubscribe is not that of List-Unsubscribe", where)
        if not any(_leads(url, "/preferences/") for url in urls):
            yield warn(f"the {part} shows no link to the preferences", where)


def _leads(url: str, path: str) -> bool:
    return path in urlsplit(url).path


def _urls_of_text(seen: Specimen) -> list[str]:
    return re.findall(r"https?://[^\s<>\"')\]]+", seen.text)


def honest(seen: Specimen) -> Faults:
    """A link whose text is an address goes there.

    A text with another host is what phishing looks like (SpamAssassin, Outlook).
    """
    for anchor in _web(seen):
        told = _HOST_TEXT.fullmatch(anchor.text)
        if told and _site(told[1]) != _site(anchor.host):
            yield fail(
                f"the text says {told[1]}, the link goes to {anchor.host}", seen.page.place(anchor.element)
            )


def _site(host: str) -> str:
    """The last two labels, approximately what one owner has."""
    return ".".join(host.lower().removeprefix("www.").split(".")[-2:])


def direct(seen: Specimen) -> Faults:
    """No shortener hides where a link goes, and there are not too many.

    Spamhaus DBL lists shorteners.
    """
    for anchor in _web(seen):
        if anchor.host.removeprefix("www.") in _SHORTENERS:
            yield fail(f"a shortened URL: {anchor.url[:60]!r}", seen.page.place(anchor.element))
    if len(seen.anchors) > MOST_LINKS:
        yield warn(f"{len(seen.anchors)} links, of at most {MOST_LINKS}", HTML)


def pictures(seen: Specimen) -> Faults:
    """Pictures are absolute https or in the mail, and say their width.

    caniemail image-base64; Outlook shows a picture without width at its natural size.
    """
    cids = {str(part.get("Content-ID", "")).strip("<> ") for part in seen.parsed.walk()}
    for image in seen.page.elements("img"):
        src, where = image.get("src", "").strip(), seen.page.place(image)
        if src.startswith("cid:"):
            if src[4:] not in cids:
                yield fail(f"a picture that is not in the mail: {src[:60]!r}", where)
        elif src.startswith("data:"):
            yield fail("a data: picture, which Gmail and Outlook do not show", where)
        elif not src.startswith("https://"):
            yield fail(f"a picture that is not https: {src[:60]!r}", where)
        if not image.get("width"):
            yield warn(f"a picture without width: {src[:60]!r}", where)


# --- what links tell others -----------------------------------------------------------------------


def pixels(seen: Specimen) -> Faults:
    """No picture counts who reads.

    ePrivacy directive 5(3); CNIL 2026-042: it would need consent.
    """
    light = seen.looks[Mode.LIGHT]
    for image in seen.page.elements("img"):
        style = "".join(image.get("style", "").split()).lower()
        tiny = image.get("width") in {"0", "1"} and image.get("height") in {"0", "1"}
        tiny = tiny or re.search(r"(?:^|;)(?:max-)?(?:width|height):[01](px)?(;|$)", style) is not None
        if tiny or not light[image].shown or _OPENED.search(urlsplit(image.get("src", "")).path):
            yield fail(
                f"a picture that only counts who reads: {image.get('src', '')[:60]!r}", seen.page.place(image)
            )


def unfollowed(seen: Specimen) -> Faults:
    """No link goes through a counter or carries a campaign's name.

    CNIL 2026-042; listmonk#3149.
    """
    for url, where in [(one.url, seen.page.place(one.element)) for one in _web(seen)] + [
        (url, TEXT) for url in _urls_of_text(seen)
    ]:
        parts = urlsplit(url)
        inside = re.search(r"=https?://", unquote(parts.query))
        if _TRACKER.search(parts.hostname or "") or (
            inside and re.search(r"/(click|track|redirect|redir|link|out|ls|c|r)\b", parts.path)
        ):
            yield fail(f"a link that counts its clicks: {url[:60]!r}", where)
        elif marked := [name for name, _ in parse_qsl(parts.query) if _CAMPAIGN.fullmatch(name)]:
            yield warn(f"a link with {marked[0]}: {url[:60]!r}", where)


def private(seen: Specimen) -> Faults:
    """The reader's address is in no URL.

    GDPR article 5(1)(c): addresses in URLs end in the logs of others.
    """
    _, address = next(iter(getaddresses([seen.header("To") or ""])), ("", ""))
    if "@" not in address:
        return
    encoded = base64.b64encode(address.encode()).decode().rstrip("=")
    urls = [
        (one.url, seen.page.place(one.element)) for one in seen.anchors if not one.url.startswith("mailto:")
    ]
    urls += [(one.get("src", ""), seen.page.place(one)) for one in seen.page.elements("img")]
    urls += [(url, TEXT) for url in [*_urls_of_text(seen), seen.unsubscribe]]
    for url, where in urls:
        if address.lower() in unquote(url).lower() or encoded in url:
            yield fail("the reader's address is in a URL", where)
