"""The doctor, with a name server, a relay and pages of our own on loopback."""

from __future__ import annotations

import datetime as dt
import json
import re
import socket
import ssl
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import dns.flags
import dns.message
import dns.rcode
import dns.rdatatype
import dns.rrset
import pytest
from aiosmtpd.controller import Controller
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from typer.testing import CliRunner

from digest import cli, config, doctor
from digest.doctor import Finding, Names, Verdict
from digest.doctor.mail import spf

NOW = dt.datetime.now(dt.UTC)
SETTINGS = """
[site]
url = "{url}"
contact = "hello@papers.example.net"
[mail]
transport = "smtp"
from = "Papers <papers@papers.example.net>"
host = "127.0.0.1"
port = {port}
security = "none"
dkim_key = "dkim.pem"
dkim_selector = "s1"
"""


class NameServer:
    """Answers from a table of (name, type) on a UDP port of loopback; what is not in it is not there."""

    def __init__(self, records: dict[tuple[str, str], list[str]]) -> None:
        self.records = records
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.port = self.socket.getsockname()[1]
        self.thread = threading.Thread(target=self.serve)
        self.thread.start()

    def serve(self) -> None:
        while True:
            wire, sender = self.socket.recvfrom(4096)
            if not wire:
                return
            asked = dns.message.from_wire(wire)
            answer = dns.message.make_response(asked)
            answer.flags |= dns.flags.RA
            (question,) = asked.question
            name, kind = question.name.to_text(omit_final_dot=True), dns.rdatatype.to_text(question.rdtype)
            if found := self.records.get((name, kind)):
                answer.answer.append(dns.rrset.from_text(question.name, 60, "IN", kind, *found))
            elif not any(name == known for known, _ in self.records):
                answer.set_rcode(dns.rcode.NXDOMAIN)
            self.socket.sendto(answer.to_wire(), sender)

    def close(self) -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as last:
            last.sendto(b"", ("127.0.0.1", self.port))
        self.thread.join()
        self.socket.close()


GOOD = {
    ("papers.example.net", "MX"): ["20 second.example.net.", "10 mx.example.net."],
    ("papers.example.net", "TXT"): ['"v=spf1 " "ip4:192.0.2.7 -all"', '"other=1"'],
    ("_dmarc.example.net", "TXT"): ['"v=DMARC1; p=quarantine"'],
}


@pytest.fixture
def names() -> Iterator[NameServer]:
    server = NameServer(dict(GOOD))
    yield server
    server.close()


@pytest.fixture
def relay() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]

    class Nothing:
        async def handle_DATA(self, server, session, envelope):  # noqa: N802 (aiosmtpd's)
            raise AssertionError("the doctor sends nothing")

    controller = Controller(Nothing(), hostname="127.0.0.1", port=port)
    controller.start()
    yield port
    controller.stop()


class Pages(BaseHTTPRequestHandler):
    def do_HEAD(self) -> None:
        self.send_response(200 if self.path == "/healthz" else 404)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def pages() -> Iterator[ThreadingHTTPServer]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Pages)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def house(tmp_path: Path, relay: int, pages: ThreadingHTTPServer) -> Path:
    key = rsa.generate_private_key(65537, 2048)
    pem = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    (tmp_path / "dkim.pem").write_bytes(pem)
    for file in ("dkim.pem", "digest.toml"):
        (tmp_path / file).touch()
        (tmp_path / file).chmod(0o600)
    url = f"http://127.0.0.1:{pages.server_port}"
    (tmp_path / "digest.toml").write_text(SETTINGS.format(url=url, port=relay))
    return tmp_path


def examined(
    house: Path, names: NameServer, now: dt.datetime | None = None, tls: ssl.SSLContext | None = None
) -> dict[str, Finding]:
    settings = config.load(house / "digest.toml", {})
    found = doctor.examine(
        settings,
        config.secret_files(house / "digest.toml", {}),
        Names.of(f"127.0.0.1:{names.port}"),
        tls or ssl.create_default_context(),
        lambda: now or dt.datetime.now(dt.UTC),
    )
    return {one.name: one for one in found}


def publish_key(house: Path, names: NameServer) -> None:
    from digest.service import open_service

    with open_service(config.load(house / "digest.toml", {})) as day:
        name, value = day.letterhead.signer.record
    names.records[name, "TXT"] = [" ".join(f'"{value[n : n + 200]}"' for n in range(0, len(value), 200))]


def test_a_house_in_order_is_well(house: Path, names: NameServer) -> None:
    publish_key(house, names)
    found = examined(house, names)
    assert {one.name for one in found.values() if one.verdict is Verdict.BAD} == set()
    assert {name for name, one in found.items() if one.verdict is Verdict.OK} >= {
        "secrets", "database", "time zones", "day", "site", "clock", "relay", "mx", "spf", "dkim", "dmarc",
    }  # fmt: skip
    assert found["mx"].text == "mail to papers.example.net goes to mx.example.net"
    assert found["dmarc"].text == "_dmarc.example.net says p=quarantine"
    assert all(one.advice for one in found.values() if one.verdict is not Verdict.OK)


def test_a_key_that_is_not_published_or_another_ones_is_found(house: Path, names: NameServer) -> None:
    assert examined(house, names)["dkim"].verdict is Verdict.BAD
    publish_key(house, names)
    names.records["s1._domainkey.papers.example.net", "TXT"] = ['"v=DKIM1; k=rsa; p=AAAA"']
    found = examined(house, names)["dkim"]
    assert (found.verdict, found.text) == (
        Verdict.BAD,
        "the key at s1._domainkey.papers.example.net is not the one that signs",
    )


@pytest.mark.parametrize(
    ("records", "verdict"),
    [
        (['"v=spf1 -all"'], Verdict.OK),
        (['"v=spf1 redirect=_spf.example.net"'], Verdict.OK),
        ([], Verdict.BAD),
        (['"v=spf10 -all"'], Verdict.BAD),
        (['"v=spf1 -all"', '"v=spf1 mx -all"'], Verdict.BAD),
        (['"v=spf1 +all"'], Verdict.BAD),
        (['"v=spf1 mx"'], Verdict.WARN),
        ([f'"v=spf1 {" ".join(f"include:{n}.example" for n in range(11))} -all"'], Verdict.BAD),
    ],
)
def test_spf_is_read_as_receivers_read_it(names: NameServer, records: list[str], verdict: Verdict) -> None:
    names.records["papers.example.net", "TXT"] = records
    assert spf("papers.example.net", Names.of(f"127.0.0.1:{names.port}")).verdict is verdict


def test_a_domain_without_anything_is_bad_and_a_silent_resolver_says_so(
    house: Path, names: NameServer
) -> None:
    names.records.clear()
    found = examined(house, names)
    assert {name for name in ("mx", "spf", "dkim") if found[name].verdict is Verdict.BAD} == {
        "mx",
        "spf",
        "dkim",
    }
    assert found["dmarc"].verdict is Verdict.WARN


def test_a_clock_that_is_off_is_found_beside_the_sites(house: Path, names: NameServer) -> None:
    now = dt.datetime.now(dt.UTC)
    assert examined(house, names, now - dt.timedelta(minutes=2))["clock"].verdict is Verdict.WARN
    assert examined(house, names, now + dt.timedelta(hours=1))["clock"].verdict is Verdict.BAD


def test_what_is_down_is_named_and_the_rest_is_looked_at(house: Path, names: NameServer) -> None:
    text = (house / "digest.toml").read_text()
    (house / "digest.toml").write_text(re.sub(r"\nport = .*", "\nport = 1", text))
    (house / "digest.db").write_bytes(b"Dear diary, " * 200)
    found = examined(house, names)
    assert found["relay"].verdict is found["database"].verdict is Verdict.BAD
    assert found["spf"].verdict is Verdict.OK


def test_where_nothing_was_begun_nothing_is_made(house: Path, names: NameServer) -> None:
    before = sorted(house.iterdir())
    found = examined(house, names)
    assert (found["database"].verdict, found["database"].text) == (Verdict.WARN, "there is none yet")
    assert "is no record" in found["dkim"].text
    assert sorted(house.iterdir()) == before


def test_secrets_that_everybody_may_read_are_found(house: Path, names: NameServer) -> None:
    (house / "dkim.pem").chmod(0o644)
    found = examined(house, names)["secrets"]
    assert found.verdict is Verdict.WARN
    assert "dkim.pem" in found.text


@pytest.mark.parametrize(("days", "verdict"), [(60, Verdict.OK), (10, Verdict.WARN), (1, Verdict.BAD)])
def test_a_certificate_is_judged_by_what_is_left_of_it(
    house: Path, names: NameServer, pages: ThreadingHTTPServer, days: int, verdict: Verdict
) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    ends = NOW + dt.timedelta(days=days, hours=1)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(NOW - dt.timedelta(days=1))
        .not_valid_after(ends)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem = made.public_bytes(serialization.Encoding.PEM)
    secret = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    (house / "tls.pem").write_bytes(pem + secret)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(house / "tls.pem")
    pages.socket = context.wrap_socket(pages.socket, server_side=True)
    text = (house / "digest.toml").read_text()
    (house / "digest.toml").write_text(text.replace("http://127.0.0.1", "https://localhost"))
    trusting = ssl.create_default_context(cadata=pem.decode())
    assert examined(house, names, tls=trusting)["site certificate"].verdict is verdict
    if verdict is Verdict.OK:
        found = examined(house, names)["site certificate"]
        assert (found.verdict, found.text) == (Verdict.BAD, "self-signed certificate")


def test_the_command_says_it_as_a_table_and_as_json_and_ends_with_1(house: Path, names: NameServer) -> None:
    command = ["--config", str(house / "digest.toml"), "doctor", "--resolver", f"127.0.0.1:{names.port}"]
    done = CliRunner().invoke(cli.app, [*command, "--json"])
    assert done.exit_code == 1
    found = {one["name"]: one for one in json.loads(done.stdout)}
    assert found["dkim"]["verdict"] == "bad"
    assert set(found["dkim"]) == {"name", "verdict", "text", "advice"}
    publish_key(house, names)
    done = CliRunner().invoke(cli.app, command)
    assert done.exit_code == 0, done.stdout
    assert "mail to papers.example.net goes to mx.example.net" in done.stdout


def test_a_resolver_that_is_none_is_refused() -> None:
    from digest.errors import UsageError

    for wrong in ("nobody", "127.0.0.1:x", "dns.example.org:53"):
        with pytest.raises(UsageError, match="a resolver is an address"):
            Names.of(wrong)
