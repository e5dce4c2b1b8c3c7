"""The hash of a password: scrypt (RFC 7914), which costs whoever guesses memory as well as time.

Argon2 would cost them a little more a guess, and us a compiled dependency; one password of some length, tried at
most a few times a minute, gains nothing by it. The parameters stand in the hash, so that they may be raised later.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
import unicodedata
from base64 import b64decode, b64encode

from digest.errors import UsageError

#: 32 MiB and three passes, as OWASP's cheat sheet has it for scrypt.
COST, BLOCK, PASSES = 2**15, 8, 3
SALT_OCTETS = HASH_OCTETS = 32
#: NIST SP 800-63B-4 3.1.1.2 asks for 15 characters where a password stands alone.
SHORTEST = 15


def hashed(password: str) -> str:
    """`scrypt$32768$8$3$SALT$HASH`; UsageError if it is too short to withstand guessing."""
    if len(password) < SHORTEST:
        raise UsageError(f"a password has at least {SHORTEST} characters; a few words do: {len(password)}")
    salt = secrets.token_bytes(SALT_OCTETS)
    made = _scrypt(password, salt, COST, BLOCK, PASSES)
    return "$".join(["scrypt", str(COST), str(BLOCK), str(PASSES), _text(salt), _text(made)])


def matches(password: str, kept: str) -> bool:
    """Whether that is the hash of this password; takes as long whatever it is."""
    _, cost, block, passes, salt, made = kept.split("$")
    given = _scrypt(password, b64decode(salt), int(cost), int(block), int(passes))
    return hmac.compare_digest(given, b64decode(made))


def _scrypt(password: str, salt: bytes, cost: int, block: int, passes: int) -> bytes:
    # The same characters, however a keyboard composes them.
    octets = unicodedata.normalize("NFC", password).encode(errors="surrogatepass")
    room = 2 * 128 * cost * block  # OpenSSL refuses more than 32 MiB unless it is told
    return hashlib.scrypt(octets, salt=salt, n=cost, r=block, p=passes, maxmem=room, dklen=HASH_OCTETS)


def _text(octets: bytes) -> str:
    return b64encode(octets).decode()
