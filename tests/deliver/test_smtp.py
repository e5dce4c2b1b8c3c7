"""SMTP on loopback: real servers, and one that says what a test tells it to."""

from __future__ import annotations

import contextlib
import shutil
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from digest.config import Mail
from digest.deliver import hand_over, transport
from digest.deliver.line import Patience
from digest.deliver.smtp import MESSAGES_PER_CONNECTION, Relay, Smtp
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


# --- a server that says what it is told to --------------------------------------------------------

CLOSE = "close"
SILENCE = "silence"


class Scripted(threading.Thread):
    """Answers each command with its script's next line, else politely; DOT stands for the end of a message."""

    def __init__(self, **script: list[str]) -> None:
        super().__init__(daemon=True)
        self.script = {verb: list(replies) for verb, replies in script.items()}
        self.heard: list[str] = []
        self.messages: list[bytes] = []
        self.connections = 0
        self.over = threading.Event()
        self.server = socket.create_server(("127.0.0.1", 0))
        self.port: int = self.server.getsockname()[1]

    def run(self) -> None:
        with contextlib.suppress(OSError):  # the listener is closed at the end of the test
            while True:
                peer, _ = self.server.accept()
                self.connections += 1
                with peer, peer.makefile("rwb") as stream, contextlib.suppress(OSError):
                    self._converse(stream)

    def _converse(self, stream: Any) -> None:
        if not self._say(stream, "BANNER", "220 scripted"):
            return
        while line := stream.readline():
            verb = line[:4].decode().upper().strip()
            self.heard.append(verb)
            default = {"DATA": "354 go on", "QUIT": "221 bye"}.get(verb, "250 fine")
            said = self._say(stream, verb, default)
            if not said or verb == "QUIT":
                return
            if verb == "DATA" and said.startswith("354"):
                self.messages.append(self._body(stream))
                if not self._say(stream, "DOT", "250 kept"):
                    return

    def _body(self, stream: Any) -> bytes:
        body = b""
        while not body.endswith(b"\r\n.\r\n") and (line := stream.readline()):
            body += line
        return body

    def _say(self, stream: Any, verb: str, default: str) -> str:
        replies = self.script.get(verb)
        reply = replies.pop(0) if replies else default
        if reply == SILENCE:
            self.over.wait(1)
        if reply in {CLOSE, SILENCE}:
            return ""
        stream.write(reply.encode() + b"\r\n")
        stream.flush()
        return reply


@contextlib.contextmanager
def scripted(**script: list[str]) -> Iterator[Scripted]:
    server = Scripted(**script)
    server.start()
    try:
        yield server
    finally:
        server.over.set()
        server.server.shutdown(socket.SHUT_RDWR)
        server.server.close()
        server.join(5)


def to(server: Scripted, **patience: float) -> Smtp:
    return Smtp(
        Relay(host="127.0.0.1", port=server.port, security="none"), patience=Patience(rest=0, **patience)
    )


@pytest.mark.parametrize("phase", ["RCPT", "DATA", "DOT"])
@pytest.mark.parametrize(
    ("reply", "verdict", "suppress"),
    [
        ("421 4.7.28 slow down", Verdict.UNREACHABLE, False),
        ("454 4.7.0 throttling", Verdict.UNREACHABLE, False),
        ("450 4.2.0 greylisted", Verdict.DEFERRED, False),
        ("451 4.3.0 try later", Verdict.DEFERRED, False),
        ("452 4.2.2 full", Verdict.DEFERRED, False),
        ("550 5.1.1 <vision@example.org> unknown", Verdict.REFUSED, True),
        ("553 5.1.10 null mx", Verdict.REFUSED, True),
        ("551 5.1.6 moved", Verdict.REFUSED, True),
        ("552 5.2.2 full", Verdict.REFUSED, False),
        ("550 5.7.1 blocked", Verdict.REFUSED, False),
        ("554 5.7.1 policy", Verdict.REFUSED, False),
    ],
)
def test_a_reply_is_judged_and_the_next_message_goes_on(
    phase: str, reply: str, verdict: Verdict, suppress: bool
) -> None:
    with scripted(**{phase: [reply]}) as server, to(server) as relay:
        first = hand_over(a_message(number=1), relay)
        second = hand_over(a_message(number=2), relay)

    assert (first.verdict, first.suppress) == (verdict, suppress)
    assert first.reply.startswith(reply[:8])
    assert "vision@" not in first.reply
    assert second.verdict is Verdict.ACCEPTED


@pytest.mark.parametrize("reply", ["450 4.7.1 later", "452 4.3.1 no space"])
def test_a_sender_deferred_defers_the_message(reply: str) -> None:
    with scripted(MAIL=[reply]) as server, to(server) as relay:
        assert hand_over(a_message(), relay).verdict is Verdict.DEFERRED


@pytest.mark.parametrize(
    "reply", ["550 5.7.1 not your address", "553 5.1.8 no such domain", "530 5.7.0 log in"]
)
def test_a_sender_refused_stops_all_sending(reply: str) -> None:
    with scripted(MAIL=[reply]) as server, to(server) as relay, pytest.raises(DeliveryError, match=reply[:3]):
        hand_over(a_message(), relay)

    assert server.messages == []


@pytest.mark.parametrize("phase", ["RCPT", "DATA"])
def test_a_connection_lost_before_the_dot_leaves_the_message_untouched(phase: str) -> None:
    with scripted(**{phase: [CLOSE]}) as server, to(server) as relay:
        assert hand_over(a_message(), relay).verdict is Verdict.UNREACHABLE
        assert hand_over(a_message(), relay).verdict is Verdict.ACCEPTED


@pytest.mark.parametrize("phase", ["MAIL", "RCPT", "DATA", "DOT"])
def test_a_reply_without_end_breaks_one_connection_only(phase: str) -> None:
    with scripted(**{phase: ["250 " + "x" * 9000] * 2}) as server, to(server) as relay:
        verdict = hand_over(a_message(), relay).verdict
        assert verdict is (Verdict.IN_DOUBT if phase == "DOT" else Verdict.UNREACHABLE)
        server.script.clear()
        assert hand_over(a_message(), relay).verdict is Verdict.ACCEPTED


@pytest.mark.parametrize("odd", ["250 fine", "252 perhaps", "354 go on", "garbage"])
def test_no_stray_reply_before_the_dot_passes_for_an_acceptance(odd: str) -> None:
    stray = {"250 fine": "DATA", "252 perhaps": "RCPT", "354 go on": "RSET", "garbage": "RCPT"}[odd]
    script = {stray: [odd]} if stray != "RSET" else {"MAIL": ["251 odd"], "RSET": [odd]}
    with scripted(**script) as server, to(server) as relay:
        assert hand_over(a_message(), relay).verdict is Verdict.UNREACHABLE

    assert server.messages == []


@pytest.mark.parametrize("end", [CLOSE, SILENCE, "garbage", "354 again"])
def test_no_answer_after_the_dot_is_doubt_and_never_a_second_try(end: str) -> None:
    with scripted(DOT=[end]) as server, to(server, final_dot=0.3) as relay:
        assert hand_over(a_message(), relay).verdict is Verdict.IN_DOUBT
        assert len(server.messages) == 1
        assert hand_over(a_message(number=2), relay).verdict is Verdict.ACCEPTED


@pytest.mark.parametrize("end", [CLOSE, "421 4.4.2 idle too long"])
def test_a_relay_that_hangs_up_between_messages_is_dialled_again(end: str) -> None:
    with scripted(MAIL=["250 fine", end]) as server, to(server) as relay:
        verdicts = [hand_over(a_message(number=number), relay).verdict for number in range(3)]

    assert verdicts == [Verdict.ACCEPTED] * 3
    assert server.connections == 2
    assert len(server.messages) == 3


def test_a_relay_that_will_not_have_us_back_is_unreachable() -> None:
    script = {"MAIL": ["250 fine", CLOSE], "BANNER": ["220 hello", "421 4.3.2 closing"]}
    with scripted(**script) as server, to(server) as relay:
        assert hand_over(a_message(), relay).verdict is Verdict.ACCEPTED
        assert hand_over(a_message(), relay).verdict is Verdict.UNREACHABLE
        assert hand_over(a_message(), relay).verdict is Verdict.ACCEPTED


def test_silence_before_the_dot_is_waited_for_no_longer_than_its_phase() -> None:
    with scripted(RCPT=[SILENCE]) as server, to(server, command=0.3) as relay:
        assert hand_over(a_message(), relay).verdict is Verdict.UNREACHABLE


def test_a_refused_recipient_is_reset_before_the_next_message() -> None:
    with scripted(RCPT=["550 5.1.1 unknown"]) as server, to(server) as relay:
        hand_over(a_message(), relay)
        hand_over(a_message(), relay)

    assert server.connections == 1
    assert server.heard == ["EHLO", "MAIL", "RCPT", "RSET", "MAIL", "RCPT", "DATA", "QUIT"]


@pytest.mark.parametrize("banner", ["554 5.7.1 not you", "421 4.3.2 closing", CLOSE])
def test_a_relay_that_does_not_greet_cannot_be_entered(banner: str) -> None:
    with (
        scripted(BANNER=[banner]) as server,
        pytest.raises(DeliveryError, match=f"127.0.0.1:{server.port}"),
        to(server),
    ):
        pass
