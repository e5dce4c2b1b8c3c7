"""Every URL that we mail: signed, for one purpose, revocable. The one door for itsdangerous.

Tokens are signed, not stored: a message made again after a crash carries the same links byte for byte.
A token holds the purpose (as salt), an opaque subscriber id, the subscriber's generation, and for some
purposes an expiry or what it speaks of; never an address. Raising the generation revokes all of a reader's tokens. Where it speaks of a
paper, what names the paper follows, signed by itself: the same for all readers, so that a card holds it already.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import hmac
import json
from base64 import b32encode, urlsafe_b64encode
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache

from itsdangerous import BadData, Signer, URLSafeSerializer
from itsdangerous.encoding import base64_decode, base64_encode

from digest.errors import LinkError, LinkExpired
from digest.model import FeedbackLinks, Reader, ReaderLinks

CONFIRM_LIFETIME = dt.timedelta(hours=48)
#: Of a link to what is the reader's own: whoever is forwarded its mail later can do nothing with it.
FRESH_LIFETIME = dt.timedelta(minutes=30)
#: Of what names a paper.
_PAPER = "digest.paper"
_compact = json.JSONEncoder(separators=(",", ":")).encode
#: Characters of a fingerprint that still vouch for its parts: 80 bits.
SHORTEST = 16


class Purpose(StrEnum):
    """What a token lets its bearer do; also its path."""

    CONFIRM = "confirm"
    UNSUBSCRIBE = "unsubscribe"
    PREFERENCES = "preferences"
    FEEDBACK = "feedback"
    FEED = "u"  #: reads the personal feed, and does nothing else
    MINE = "mine"  #: shows all that is kept, deletes it, and asks for another address
    ADDRESS = "address"  #: says yes to being the reader's address from now on


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """What a valid token says."""

    purpose: Purpose
    subscriber: str
    generation: int
    expires_at: dt.datetime | None = None
    #: What it speaks of: the keyed hash of an address to be.
    about: str | None = None
    #: The paper that a feedback link speaks of.
    paper: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Links:
    """Makes and reads signed URLs under one public base URL."""

    #: Without a trailing slash; empty in personal mode, where no link may be made.
    base: str
    #: The newest last: it signs; all of them are accepted.
    secrets: tuple[str, ...]

    def token(self, claim: Claim) -> str:
        """The claim as an opaque, URL-safe, signed text; equal claims give equal tokens."""
        expiry = int(claim.expires_at.timestamp()) if claim.expires_at else 0
        said = [claim.subscriber, claim.generation, expiry, *([claim.about] if claim.about else [])]
        who = self._signed(_salt(claim.purpose), _compact(said))
        return who + self.end_of(claim.paper) if claim.paper else who

    def end_of(self, paper: str) -> str:
        """What follows a token to say of which paper it speaks."""
        return f".{self._signed(_PAPER, _compact(paper))}"

    def _signed(self, salt: str, said: str) -> str:
        """As URLSafeSerializer.dumps does it, but for compression, which does not pay for what is so short."""
        payload = _opaque(said.encode())
        return f"{payload}.{self._sign(salt, payload)}"

    def _sign(self, salt: str, payload: str) -> str:
        mac = _mac(self.secrets[-1], salt).copy()
        mac.update(payload.encode())
        return _opaque(mac.digest())

    def _signer(self, salt: str) -> URLSafeSerializer:
        return URLSafeSerializer(
            list(self.secrets),
            salt=salt,
            signer_kwargs={"key_derivation": "hmac", "digest_method": hashlib.sha256},
        )

    def url(self, claim: Claim) -> str:
        """The public URL that carries the claim."""
        return f"{self.base}/{claim.purpose}/{self.token(claim)}"

    def of_reader(self, reader: Reader, *, asked: bool = False) -> ReaderLinks | None:
        """The links in a reader's message; None in personal mode. `asked`: what they think of its papers."""
        if not self.base:
            return None
        who = _opaque(f"[{_compact(reader.id)},{reader.generation},0]".encode())
        unsubscribe, preferences, feedback = [
            f"{self.base}/{path}/{who}.{self._sign(salt, who)}" for path, salt in _OF_READER
        ]
        opinions = FeedbackLinks(start=feedback, end_of=self.end_of) if asked else None
        return ReaderLinks(unsubscribe=unsubscribe, preferences=preferences, feedback=opinions)

    def read(self, purpose: Purpose, token: str, now: dt.datetime) -> Claim:
        """The claim of a token made for that purpose.

        Raises LinkError if it is forged or for another purpose, LinkExpired if its time is over. Whether the
        generation still counts is the caller's to check against the subscriber.
        """
        claim = self.claim(purpose, token)
        if claim.expires_at and now >= claim.expires_at:
            raise LinkExpired("the link's time is over")
        return claim

    def claim(self, purpose: Purpose, token: str) -> Claim:
        """What a token of ours says, expired or not; LinkError if it is forged or for another purpose."""
        payload, _, rest = token.partition(".")
        mac, _, end = rest.partition(".")
        try:
            said = self._signer(_salt(purpose)).loads(_spelt(f"{payload}.{mac}"))
            subscriber, generation, expiry, *about = said
            paper = self._signer(_PAPER).loads(_spelt(end)) if "." in rest else None
        except (BadData, ValueError, TypeError):
            raise LinkError("the link is not one of ours") from None
        expires_at = dt.datetime.fromtimestamp(expiry, dt.UTC) if expiry else None
        return Claim(
            purpose=purpose,
            subscriber=subscriber,
            generation=generation,
            expires_at=expires_at,
            about=about[0] if about else None,
            paper=paper,
        )

    def fingerprint(self, *parts: str) -> str:
        """26 lower-case base32 characters of HMAC-SHA-256(secret, parts): 130 bits, for Message-IDs."""
        return _fingerprint(self.secrets[-1], parts)

    def fingerprints(self, *parts: str) -> tuple[str, ...]:
        """The fingerprint of these parts under every secret that counts, the newest first."""
        return tuple(_fingerprint(secret, parts) for secret in reversed(self.secrets))

    def vouches(self, start: str, *parts: str) -> bool:
        """Whether that is how the fingerprint of these parts begins, under any secret; 80 bits of it at least."""
        given = start.encode(errors="surrogatepass")
        made = (_fingerprint(secret, parts)[: len(start)].encode() for secret in self.secrets)
        return len(start) >= SHORTEST and any(hmac.compare_digest(given, one) for one in made)


def _salt(purpose: Purpose) -> str:
    return f"digest.{purpose}"


_OF_READER = [(str(p), _salt(p)) for p in (Purpose.UNSUBSCRIBE, Purpose.PREFERENCES, Purpose.FEEDBACK)]


def _opaque(octets: bytes) -> str:
    return urlsafe_b64encode(octets).rstrip(b"=").decode()


def _spelt(signed: str) -> str:
    """The same if it ends as we spell it: the last character of unpadded base64 has unused bits. Else BadData."""
    mac = signed.rpartition(".")[2]
    if base64_encode(base64_decode(mac)).decode() != mac:
        raise BadData("not as we spell it")
    return signed


@lru_cache(maxsize=64)
def _mac(secret: str, salt: str) -> hmac.HMAC:
    """What signs with that salt; to be copied."""
    signer = Signer(secret, salt, key_derivation="hmac", digest_method=hashlib.sha256)
    return hmac.new(signer.derive_key(), digestmod=hashlib.sha256)


def _fingerprint(secret: str, parts: tuple[str, ...]) -> str:
    mac = hmac.digest(secret.encode(), "\x00".join(parts).encode(errors="surrogatepass"), "sha256")
    return b32encode(mac[:20]).decode()[:26].lower()  # of whole groups, as fast again as with padding
