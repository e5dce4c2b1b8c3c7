"""SMTP on loopback, to a real server."""

from __future__ import annotations

import contextlib
import shutil
import socket
import ssl
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from digest.config import Mail
from digest.deliver import hand_over, transport
from digest.deliver.smtp import MESSAGES_PER_CONNECTION
from digest.errors import DeliveryError
from digest.model import Message, Verdict


def a_message(content: bytes = b"Subject: x\r\n\r\nbody\r\n", number: int = 1) -> Message:
    return Message(
        id=f"<20260410.abc{number}@example.org>",
        sender="bounces@example.org",
        recipient="vision@example.org",
        content=content,
    )


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
        return port


# --- a real server --------------------------------------------------------------------------------


class Caught:
    """Keeps what arrives, and from which client port it came."""

    def __init__(self) -> None:
        self.envelopes: list[Envelope] = []
        self.connections: list[int] = []
        self.tls: list[bool] = []

    async def handle_DATA(self, _server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802 (aiosmtpd's name)
        self.envelopes.append(envelope)
        self.connections.append(session.peer[1])
        self.tls.append(session.ssl is not None)
        return "250 2.0.0 kept"


@contextlib.contextmanager
def listening(handler: Caught, **options: Any) -> Iterator[int]:
    controller = Controller(handler, hostname="127.0.0.1", port=free_port(), **options)
    controller.start()
    try:
        yield controller.port
    finally:
        controller.stop()


def a_mail(port: int, security: str = "none", **more: object) -> Mail:
    return Mail.model_validate(
        {"transport": "smtp", "host": "127.0.0.1", "port": port, "security": security, **more}
    )


def test_a_message_arrives_byte_for_byte_with_its_envelope(tmp_path: Path) -> None:
    caught = Caught()
    content = b"Subject: x\r\n\r\n=2E\r\n=2E.two\r\n\xc3\xa9 .\r\n"
    with listening(caught) as port, transport(a_mail(port), tmp_path) as relay:
        outcome = hand_over(a_message(content), relay)

    assert outcome.verdict is Verdict.ACCEPTED
    assert outcome.reply == "250 2.0.0 kept"
    (envelope,) = caught.envelopes
    assert envelope.original_content == content
    assert envelope.mail_from == "bounces@example.org"
    assert envelope.rcpt_tos == ["vision@example.org"]


def test_one_connection_carries_many_messages_and_then_a_new_one_is_opened(tmp_path: Path) -> None:
    caught = Caught()
    with listening(caught) as port, transport(a_mail(port), tmp_path) as relay:
        for number in range(MESSAGES_PER_CONNECTION + 1):
            assert hand_over(a_message(number=number), relay).verdict is Verdict.ACCEPTED

    assert len(set(caught.connections[:MESSAGES_PER_CONNECTION])) == 1
    assert len(set(caught.connections)) == 2


def test_messages_leave_no_faster_than_the_rate(tmp_path: Path) -> None:
    with listening(Caught()) as port, transport(a_mail(port, rate_per_second=20), tmp_path) as relay:
        began = time.monotonic()
        for number in range(5):
            hand_over(a_message(number=number), relay)

    assert time.monotonic() - began >= 4 / 20


def test_both_keeps_a_copy_and_sends(tmp_path: Path) -> None:
    caught = Caught()
    with listening(caught) as port, transport(a_mail(port, transport="both"), tmp_path) as both:
        outcome = hand_over(a_message(), both)

    assert outcome.reply == "250 2.0.0 kept"
    assert [path.read_bytes() for path in tmp_path.iterdir()] == [caught.envelopes[0].original_content]


def test_without_a_copy_nothing_is_sent(tmp_path: Path) -> None:
    caught = Caught()
    with listening(caught) as port, transport(a_mail(port, transport="both"), tmp_path) as both:
        (tmp_path / "20260410.abc1.eml").mkdir()
        outcome = hand_over(a_message(), both)

    assert outcome.verdict is Verdict.UNREACHABLE
    assert caught.envelopes == []


# --- TLS and login --------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A certificate for 127.0.0.1 that vouches for itself, and its key."""
    openssl = shutil.which("openssl")
    if not openssl:
        pytest.skip("openssl is absent: no certificate to test TLS with")
    folder = tmp_path_factory.mktemp("tls")
    certificate, key = folder / "cert.pem", folder / "key.pem"
    command = (
        "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=relay"
        f" -addext subjectAltName=IP:127.0.0.1 -keyout {key} -out {certificate}"
    )
    subprocess.run([openssl, *command.split()], check=True, capture_output=True)
    return certificate, key


@pytest.fixture
def server_context(certificate: tuple[Path, Path]) -> ssl.SSLContext:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(*certificate)
    return context


def accepts_one_login(
    _server: SMTP, _session: Session, _envelope: Envelope, _mechanism: str, data: LoginPassword
) -> AuthResult:
    # handled=False lets aiosmtpd say 535 itself
    return AuthResult(success=data == LoginPassword(b"digest", b"right"), handled=False)


@pytest.fixture
def trusted(certificate: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate[0]))


@pytest.mark.usefixtures("trusted")
def test_starttls_and_login_are_used_when_configured(tmp_path: Path, server_context: ssl.SSLContext) -> None:
    caught = Caught()
    options: dict[str, Any] = {
        "tls_context": server_context,
        "require_starttls": True,
        "auth_required": True,
        "authenticator": accepts_one_login,
    }
    with listening(caught, **options) as port:
        mail = a_mail(port, "starttls", username="digest", password="right")
        with transport(mail, tmp_path) as relay:
            assert hand_over(a_message(), relay).verdict is Verdict.ACCEPTED

        wrong = a_mail(port, "starttls", username="digest", password="wrong")
        with (
            pytest.raises(DeliveryError, match=f"127.0.0.1:{port}") as refused,
            transport(wrong, tmp_path),
        ):
            pass

    assert caught.tls == [True]
    assert "535" in str(refused.value)
    assert "wrong" not in str(refused.value)


@pytest.mark.usefixtures("trusted")
def test_a_relay_that_wants_a_login_stops_all_sending(tmp_path: Path, server_context: ssl.SSLContext) -> None:
    options: dict[str, Any] = {
        "tls_context": server_context,
        "auth_required": True,
        "authenticator": accepts_one_login,
    }
    with (
        listening(Caught(), **options) as port,
        transport(a_mail(port, "starttls"), tmp_path) as relay,
        pytest.raises(DeliveryError, match="530"),
    ):
        hand_over(a_message(), relay)


@pytest.mark.usefixtures("trusted")
def test_tls_from_the_first_octet(tmp_path: Path, server_context: ssl.SSLContext) -> None:
    caught = Caught()
    with (
        listening(caught, ssl_context=server_context) as port,
        transport(a_mail(port, "tls"), tmp_path) as relay,
    ):
        assert hand_over(a_message(), relay).verdict is Verdict.ACCEPTED

    assert len(caught.envelopes) == 1


def test_a_certificate_that_nobody_vouches_for_is_refused(
    tmp_path: Path, server_context: ssl.SSLContext
) -> None:
    caught = Caught()
    with (
        listening(caught, tls_context=server_context) as port,
        pytest.raises(DeliveryError, match="certificate not accepted"),
        transport(a_mail(port, "starttls"), tmp_path) as relay,
    ):
        hand_over(a_message(), relay)

    assert caught.envelopes == []


def test_a_relay_without_starttls_is_not_used_in_the_clear(tmp_path: Path) -> None:
    with (
        listening(Caught()) as port,
        pytest.raises(DeliveryError, match="STARTTLS"),
        transport(a_mail(port, "starttls"), tmp_path),
    ):
        pass


def test_a_password_that_smtp_cannot_say_is_not_shown(tmp_path: Path, server_context: ssl.SSLContext) -> None:
    options: dict[str, Any] = {
        "tls_context": server_context,
        "auth_require_tls": False,
        "authenticator": accepts_one_login,
    }
    with listening(Caught(), **options) as port:
        mail = a_mail(port, username="digest", password="gehéim")
        with pytest.raises(DeliveryError, match="ASCII only") as refused, transport(mail, tmp_path):
            pass

    assert "geh" not in str(refused.value)


def test_nobody_listening_is_said_in_one_line_with_host_and_port(tmp_path: Path) -> None:
    port = free_port()
    with (
        pytest.raises(DeliveryError, match=f"Connection refused.*127.0.0.1:{port}") as refused,
        transport(a_mail(port), tmp_path),
    ):
        pass
    assert "\n" not in str(refused.value)
