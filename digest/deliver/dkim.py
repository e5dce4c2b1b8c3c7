"""DKIM signatures, for a relay that does not make them itself (RFC 6376, RFC 8463). The one door for cryptography.

Canonicalisation is relaxed for headers and simple for the body: the hash is over the very bytes that go over the
wire, which are quoted-printable and need no rewriting on the way. Both algorithms are deterministic, and the time
of signing is the message's own, so a message that is made again is signed alike.
"""

from __future__ import annotations

import base64
import datetime as dt
import hashlib
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from digest.errors import ConfigError

#: The headers that are signed where they are there. Those of RFC 8058 4 are among them.
SIGNED = (
    "from",
    "to",
    "reply-to",
    "subject",
    "date",
    "message-id",
    "mime-version",
    "content-type",
    "list-id",
    "list-unsubscribe",
    "list-unsubscribe-post",
    "feedback-id",
)
#: Signed once more than it is there, so that nobody can add one (RFC 6376 8.15).
SEALED = "from"
#: RFC 8301 3.2 asks for 1,024 bits at least and for 2,048; large receivers distrust less.
SHORTEST_RSA = 2048
#: RFC 5322 2.1.1 asks for lines of 78.
LINE = 76

Header = tuple[str, bytes]


@dataclass(frozen=True, slots=True, kw_only=True)
class Signer:
    """Signs messages with one key."""

    domain: str
    selector: str
    #: `rsa-sha256` or `ed25519-sha256`.
    algorithm: str
    #: The public key as the DNS record holds it, in base64.
    public: str
    #: The signature over these bytes.
    private: Callable[[bytes], bytes]

    def sign(self, headers: Sequence[Header], body: Iterable[bytes], at: dt.datetime) -> bytes:
        """The DKIM-Signature of a message, as a whole header with its CRLF, to stand before all others.

        `headers` are names and raw values, folds included, in the order of the message; `body` is every byte
        after the empty line, in any number of pieces, with CRLF line ends.
        """
        names = [name.lower() for name, _ in headers]
        chosen = [name for name in SIGNED for _ in range(names.count(name))] + [SEALED]
        lines = (
            f"DKIM-Signature: v=1; a={self.algorithm}; c=relaxed/simple;",
            f" d={self.domain}; s={self.selector}; t={int(at.timestamp())};",
            *folded("h=", ":".join(chosen)),
            f" bh={base64.b64encode(body_hash(body)).decode()};",
            " b=",
        )
        unsigned = "\r\n".join(lines).encode("ascii")
        values = {name: [value for n, value in headers if n.lower() == name] for name in chosen}
        # Of headers that are there more than once the last is meant first (RFC 6376 5.4.2).
        heard = [relaxed(name, values[name].pop()) for name in chosen if values[name]]
        own = relaxed("DKIM-Signature", unsigned.partition(b":")[2]).removesuffix(b"\r\n")
        signature = base64.b64encode(self.private(b"".join([*heard, own]))).decode()
        return unsigned + "\r\n ".join(cut(signature)).encode("ascii") + b"\r\n"

    @property
    def record(self) -> tuple[str, str]:
        """Name and value of the TXT record that lets others verify (RFC 6376 3.6)."""
        kind = self.algorithm.partition("-")[0]
        return f"{self.selector}._domainkey.{self.domain}", f"v=DKIM1; k={kind}; p={self.public}"


def relaxed(name: str, value: bytes) -> bytes:
    """A header in relaxed canonical form, with its CRLF (RFC 6376 3.4.2)."""
    unfolded = re.sub(rb"[ \t]+", b" ", value.replace(b"\r\n", b"")).strip(b" ")
    return name.lower().encode("ascii") + b":" + unfolded + b"\r\n"


def body_hash(pieces: Iterable[bytes]) -> bytes:
    """SHA-256 of a body in simple canonical form: empty lines at its end count as none (RFC 6376 3.4.3)."""
    hashed, ends = hashlib.sha256(), b""
    for piece in pieces:
        text = (ends + piece).rstrip(b"\r\n")
        ends = (ends + piece)[len(text) :]
        hashed.update(text)
    hashed.update(b"\r\n")
    return hashed.digest()


def folded(tag: str, names: str) -> list[str]:
    """A list with colons as lines of a header; a fold may stand beside a colon (RFC 6376 3.2)."""
    lines = [f" {tag}"]
    for name in names.split(":"):
        if len(lines[-1]) + len(name) >= LINE:
            lines.append(" ")
        lines[-1] += f"{name}:"
    return [*lines[:-1], lines[-1].removesuffix(":") + ";"]


def cut(text: str) -> list[str]:
    """Base64 in pieces of a line, with room for a space; the first stands behind `b=`."""
    first, each = LINE - len(" b="), LINE - 1
    return [text[:first], *(text[n : n + each] for n in range(first, len(text), each))]


# --- the key --------------------------------------------------------------------------------------


def signer(key: str, selector: str, domain: str, directory: Path) -> Signer:
    """Signs with that private key: PEM, or the path of a file of it, relative to `directory`.

    ConfigError, without a word of the key, if it cannot be read or is not one that others will trust.
    """
    try:
        from cryptography.hazmat.primitives.asymmetric import ed25519, padding, rsa  # noqa: PLC0415 (an extra)
        from cryptography.hazmat.primitives.hashes import SHA256  # noqa: PLC0415 (an extra)
        from cryptography.hazmat.primitives.serialization import (  # noqa: PLC0415 (an extra)
            Encoding,
            PublicFormat,
            load_pem_private_key,
        )
    except ModuleNotFoundError:
        raise ConfigError("mail.dkim_key needs cryptography: pip install 'daily-digest[dkim]'") from None
    try:
        loaded = load_pem_private_key(pem(key, directory), None)
    except (ValueError, TypeError):  # TypeError: it asks for a passphrase
        raise ConfigError(f"{NOT_A_KEY}: {shown(key)}") from None
    if isinstance(loaded, ed25519.Ed25519PrivateKey):
        raw = loaded.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
        return Signer(
            domain=domain,
            selector=selector,
            algorithm="ed25519-sha256",
            public=base64.b64encode(raw).decode(),
            # RFC 8463 3: Ed25519 signs the SHA-256 of what RSA would sign.
            private=lambda data: loaded.sign(hashlib.sha256(data).digest()),
        )
    if not isinstance(loaded, rsa.RSAPrivateKey):
        raise ConfigError(f"{NOT_A_KEY}: {shown(key)}")
    if loaded.key_size < SHORTEST_RSA:
        raise ConfigError(
            f"mail.dkim_key has {loaded.key_size} bits, and receivers want {SHORTEST_RSA}: {shown(key)}"
        )
    der = loaded.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return Signer(
        domain=domain,
        selector=selector,
        algorithm="rsa-sha256",
        public=base64.b64encode(der).decode(),
        private=lambda data: loaded.sign(data, padding.PKCS1v15(), SHA256()),
    )


NOT_A_KEY = "mail.dkim_key is an RSA or Ed25519 private key in PEM without a passphrase"


def pem(key: str, directory: Path) -> bytes:
    """The PEM that was given, or that is in the file that was named."""
    if is_pem(key):
        return key.encode()
    try:
        return (directory / key).read_bytes()
    except (OSError, ValueError) as error:  # ValueError: a NUL in the path
        raise ConfigError(f"mail.dkim_key cannot be read ({error}): {shown(key)}") from None


def is_pem(key: str) -> bool:
    """Whether it is a key, and not the path of one."""
    return key.lstrip().startswith("-----BEGIN")


def shown(key: str) -> str:
    """What a message may say of it."""
    return "the key given" if is_pem(key) else repr(key)
