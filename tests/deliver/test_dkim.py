"""Signatures: dkimpy, which others verify with, accepts them, and nothing can be changed or added."""

from __future__ import annotations

import datetime as dt
import hashlib
import re
from email.headerregistry import Address
from pathlib import Path

import dkim
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
)
from factories import a_plan, a_subscriber
from hypothesis import given
from hypothesis import strategies as st

from digest.config import Mail, Settings, load
from digest.deliver import Letterhead, pack
from digest.deliver.dkim import LINE, Signer, body_hash, signer
from digest.errors import ConfigError
from digest.links import Links
from digest.model import Content, ReaderLinks

HERE = Path()
AT = dt.datetime(2026, 4, 10, 12, tzinfo=dt.UTC)
LINKS = ReaderLinks(
    unsubscribe="https://digest.example.org/unsubscribe/WyJzLXZpc2lvbiIsMSwwXQ.c2lnbmF0dXJl",
    preferences="https://digest.example.org/preferences/WyJzLXZpc2lvbiIsMSwwXQ.c2lnbmF0dXJl",
)
#: Every header that RFC 8058 4 and large receivers want to be covered.
COVERED = {
    "from", "to", "subject", "date", "message-id", "mime-version", "content-type",
    "list-id", "list-unsubscribe", "list-unsubscribe-post",
}  # fmt: skip

texts = st.text(st.characters(exclude_categories=["Cc", "Cs"]), max_size=200)
bodies = st.lists(texts | st.sampled_from(["", ".", "..", " trailing ", "\ttab", "=3D"]), max_size=8).map(
    "\n".join
)


def written(
    key: rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey | ec.EllipticCurvePrivateKey, phrase: bytes = b""
) -> str:
    sealed = BestAvailableEncryption(phrase) if phrase else NoEncryption()
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, sealed).decode()


RSA = signer(written(rsa.generate_private_key(65537, 2048)), "one", "example.org", HERE)
ED25519 = signer(written(ed25519.Ed25519PrivateKey.generate()), "two", "example.org", HERE)
both = pytest.mark.parametrize("key", [RSA, ED25519], ids=["rsa", "ed25519"])


def signed(
    key: Signer | None, text: str = "Naïve but fine.\n.\n", subject: str = "Small models learn to plan"
) -> bytes:
    letterhead = Letterhead(
        name="Daily Digest", sender=Address("Daily Digest", "digest", "example.org"), signer=key
    )
    html = f'<!DOCTYPE html><html lang="en"><body>{text}</body></html>'
    return pack(Content.whole(subject=subject, text=text, html=html), a_plan(), letterhead, LINKS, AT).content


def verified(raw: bytes, *keys: Signer) -> bool:
    """As somebody who receives it would find out, with our records in the DNS."""
    records = {f"{name}.".encode(): value.encode() for name, value in (key.record for key in keys)}
    return dkim.verify(raw, dnsfunc=lambda name, timeout=5: records.get(name))


def tags(raw: bytes) -> dict[str, str]:
    header = raw.partition(b"\r\nFrom:")[0].decode().partition(":")[2]
    return {k.strip(): re.sub(r"\s", "", v) for k, _, v in (tag.partition("=") for tag in header.split(";"))}


@both
@given(text=bodies, subject=texts)
def test_whatever_a_message_says_its_signature_holds(key: Signer, text: str, subject: str) -> None:
    assert verified(signed(key, text, subject), key)


@both
def test_the_headers_that_matter_are_covered_and_nobody_can_add_a_sender(key: Signer) -> None:
    raw = signed(key)
    covered = tags(raw)["h"].split(":")
    assert set(covered) >= COVERED
    assert covered.count("from") == 2
    assert verified(raw, key)
    assert not verified(raw.replace(b"\r\nFrom:", b"\r\nFrom: x@example.net\r\nFrom:", 1), key)
    assert not verified(raw.replace(b"learn to plan", b"learn to plot", 1), key)
    assert not verified(raw.replace(b"unsubscribe/Wy", b"unsubscribe/Xy", 1), key)
    assert not verified(raw.replace(b"but fine", b"but vile", 1), key)


@both
def test_another_key_of_that_name_does_not_verify(key: Signer) -> None:
    other = signer(written(rsa.generate_private_key(65537, 2048)), key.selector, "example.org", HERE)
    assert not verified(signed(key), other)


@both
def test_a_signature_is_one_header_in_front_and_the_rest_stays_as_it_was(key: Signer) -> None:
    raw, plain = signed(key), signed(None)
    header = raw.removesuffix(plain)
    assert header + plain == raw
    assert header.startswith(b"DKIM-Signature: ")
    assert header.endswith(b"\r\n")
    assert all(line[:1] in b" \t" and line.strip() for line in header.split(b"\r\n")[1:-1])
    assert max(map(len, header.split(b"\r\n"))) <= LINE
    assert len(re.findall(rb"(?im)^dkim-signature:", raw)) == 1


@both
def test_a_message_made_again_is_signed_alike_at_the_time_it_was_prepared(key: Signer) -> None:
    assert signed(key) == signed(key)
    assert tags(signed(key))["t"] == str(int(a_plan().prepared_at.timestamp()))


@both
def test_a_confirmation_is_signed_without_what_it_does_not_have(key: Signer) -> None:
    letterhead = Letterhead(name="Daily Digest", sender=Address("", "digest", "example.org"), signer=key)
    plan = a_plan(a_subscriber(), kind="confirm")
    raw = pack(
        Content.whole(subject="Confirm", text="Yes?", html="<p>Yes?</p>"), plan, letterhead, None, None
    ).content
    assert verified(raw, key)
    assert "list-id" not in tags(raw)["h"]


@both
def test_a_header_that_is_there_twice_is_covered_twice(key: Signer) -> None:
    headers = [
        ("From", b" a@example.org"),
        ("To", b" one@example.org"),
        ("To", b"\ttwo@example.org\r\n  (two)"),
    ]
    raw = key.sign(headers, (b"Body\r\n",), AT) + b"From: a@example.org\r\nTo: one@example.org\r\n"
    raw += b"To:\ttwo@example.org\r\n  (two)\r\n\r\nBody\r\n"
    assert verified(raw, key)
    assert not verified(raw.replace(b"one@", b"eno@"), key)


@given(st.binary(max_size=60).map(lambda b: b.replace(b"\r", b"").replace(b"\n", b"\r\n")), st.integers(1, 9))
def test_the_hash_of_a_body_does_not_depend_on_how_it_is_cut(body: bytes, size: int) -> None:
    pieces = [body[n : n + size] for n in range(0, len(body), size)]
    canonical = body.rstrip(b"\r\n") + b"\r\n"
    assert body_hash(pieces) == body_hash((body,)) == hashlib.sha256(canonical).digest()


@pytest.mark.parametrize(
    ("key", "why"),
    [
        (written(rsa.generate_private_key(65537, 1024)), "1024 bits"),
        (written(ec.generate_private_key(ec.SECP256R1())), "RSA or Ed25519"),
        (written(ed25519.Ed25519PrivateKey.generate(), b"a phrase"), "without a passphrase"),
        ("-----BEGIN PRIVATE KEY-----\nbm90IGEga2V5\n-----END PRIVATE KEY-----\n", "in PEM"),
        ("no-such-file.pem", "cannot be read"),
        ("\0", "cannot be read"),
    ],
    ids=["short", "elliptic", "locked", "broken", "absent", "no path"],
)
def test_a_key_that_cannot_be_used_is_refused_in_one_line_without_showing_it(key: str, why: str) -> None:
    with pytest.raises(ConfigError, match=why) as refused:
        signer(key, "one", "example.org", HERE)
    assert "\n" not in str(refused.value)
    assert "BEGIN" not in str(refused.value)


def test_the_key_is_a_file_beside_the_configuration_or_a_secret(tmp_path: Path) -> None:
    pem = written(ed25519.Ed25519PrivateKey.generate())
    (tmp_path / "key.pem").write_text(pem, encoding="ascii")
    config = tmp_path / "digest.toml"
    config.write_text('[mail]\nfrom = "papers@example.org"\ndkim_key = "key.pem"\ndkim_selector = "s"\n')
    links = Links(base="", secrets=("a secret of the tests",))
    from_file = Letterhead.of(load(config, {}), links).signer
    config.write_text('[mail]\nfrom = "papers@example.org"\ndkim_selector = "s"\n')
    environ = {"DIGEST_MAIL__DKIM_KEY_FILE": str(tmp_path / "key.pem")}
    from_secret = Letterhead.of(load(config, environ), links).signer
    assert from_file
    assert from_secret
    assert from_file.record == from_secret.record
    assert from_file.record[0] == "s._domainkey.example.org"
    assert Letterhead.of(Settings(), links).signer is None


def test_another_domain_may_sign(tmp_path: Path) -> None:
    key = written(ed25519.Ed25519PrivateKey.generate())
    mail = Mail(dkim_key=key, dkim_selector="s", dkim_domain="mail.example.org")
    found = Letterhead.of(Settings(mail=mail), Links(base="", secrets=("x",))).signer
    assert found
    assert found.record[0] == "s._domainkey.mail.example.org"


@pytest.mark.parametrize("selector", ["", "a b", "-a", "a..b", "a.", "a;b"])
def test_a_key_needs_a_name_that_can_be_looked_up(tmp_path: Path, selector: str) -> None:
    config = tmp_path / "digest.toml"
    config.write_text(f'[mail]\ndkim_key = "key.pem"\ndkim_selector = "{selector}"\n', encoding="utf-8")
    with pytest.raises(ConfigError, match="dkim_selector"):
        load(config, {})
