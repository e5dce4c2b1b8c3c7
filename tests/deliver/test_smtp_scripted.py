"""SMTP to a server that says what a test tells it to: each reply in each phase, with and without PIPELINING."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Iterable, Iterator
from typing import Any

import pytest

from digest.deliver import hand_over
from digest.deliver.journal import NoJournal
from digest.deliver.line import Patience
from digest.deliver.smtp import MESSAGES_PER_CONNECTION, Relay, Smtp
from digest.errors import DeliveryError
from digest.model import Message, Outcome, Verdict


def a_message(content: bytes = b"Subject: x\r\n\r\nbody\r\n", number: int = 1) -> Message:
    return Message(
        id=f"<20260410.abc{number}@example.org>",
        sender="bounces@example.org",
        recipient="vision@example.org",
        content=content,
    )


CLOSE = "close"
SILENCE = "silence"
#: Said one octet after the other.
DRIPPING = "250 " + "so slow " * 10


class Scripted(threading.Thread):
    """Answers each command with its script's next line, else politely; DOT stands for the end of a message."""

    def __init__(self, *, pipelining: bool, **script: list[str]) -> None:
        super().__init__(daemon=True)
        self.hello = "250-scripted\r\n250 PIPELINING" if pipelining else "250 scripted"
        self.script = {verb: list(replies) for verb, replies in script.items()}
        self.heard: list[str] = []
        self.messages: list[bytes] = []
        self.connections = 0
        #: A silence is over, and how many messages had been heard by then.
        self.silent = threading.Event()
        self.meanwhile = 0
        self.over = threading.Event()
        self.server = socket.create_server(("127.0.0.1", 0))
        self.port: int = self.server.getsockname()[1]

    def run(self) -> None:
        talks = []
        with contextlib.suppress(OSError):  # the listener is closed at the end of the test
            while True:
                peer, _ = self.server.accept()
                self.connections += 1
                talks.append(threading.Thread(target=self._talk, args=(peer,), daemon=True))
                talks[-1].start()
        for talk in talks:
            talk.join(5)

    def _talk(self, peer: socket.socket) -> None:
        with contextlib.suppress(OSError), peer, peer.makefile("rwb") as stream:
            self._converse(stream)

    def _converse(self, stream: Any) -> None:
        said = self._say(stream, "BANNER", "220 scripted")
        if not said:
            return
        while line := stream.readline():
            verb = line[:4].decode().upper().strip()
            self.heard.append(verb)
            go = "354 go on" if said[:1] == "2" or verb != "DATA" else "503 5.5.1 nobody to send it to"
            default = {"EHLO": self.hello, "DATA": go, "QUIT": "221 bye"}.get(verb, "250 fine")
            refused = verb == "RCPT" and said[:1] != "2"
            said = self._say(stream, verb, "503 5.5.1 who are you" if refused else default)
            if not said or verb == "QUIT":
                return
            if verb == "DATA" and said.startswith("354"):
                body = self._body(stream)
                self.messages += [body] if body else []
                if not self._say(stream, "DOT", "250 kept"):
                    return

    def _body(self, stream: Any) -> bytes:
        body = b""
        while (line := stream.readline()) not in {b".\r\n", b""}:
            body += line
        return body

    def _say(self, stream: Any, verb: str, default: str) -> str:
        replies = self.script.get(verb)
        reply = replies.pop(0) if replies else default
        if reply == SILENCE:
            self.over.wait(1)
            self.meanwhile = len(self.messages)
            self.silent.set()
        if reply in {CLOSE, SILENCE}:
            return ""
        said = reply.encode() + b"\r\n"
        for octets in [said[n : n + 1] for n in range(len(said))] if DRIPPING[3:] in reply else [said]:
            stream.write(octets)
            stream.flush()
            if DRIPPING[3:] in reply:
                self.over.wait(0.02)
        return reply


class Ways:
    """How servers of this test take commands."""

    pipelining = False


@pytest.fixture(autouse=True, params=["one by one", "pipelined"])
def _both_ways(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Ways, "pipelining", request.param == "pipelined")


@contextlib.contextmanager
def scripted(**script: list[str]) -> Iterator[Scripted]:
    server = Scripted(pipelining=Ways.pipelining, **script)
    server.start()
    try:
        yield server
    finally:
        server.over.set()
        server.server.shutdown(socket.SHUT_RDWR)
        server.server.close()
        server.join(5)


def to(server: Scripted, connections: int = 1, **patience: float) -> Smtp:
    relay = Relay(host="127.0.0.1", port=server.port, security="none")
    return Smtp(relay, connections=connections, patience=Patience(rest=0, **patience))


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
        ("550 5.1.1 \0 \x1b[31m unknown", Verdict.REFUSED, True),
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
    assert first.reply.isprintable()
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


@pytest.mark.parametrize(("phase", "verdict"), [("MAIL", Verdict.UNREACHABLE), ("DOT", Verdict.IN_DOUBT)])
def test_a_reply_that_drips_is_waited_for_no_longer_than_its_phase(phase: str, verdict: Verdict) -> None:
    with scripted(**{phase: [DRIPPING] * 9}) as server, to(server, command=0.4, final_dot=0.4) as relay:
        assert verdicts(relay, some(1)) == {some(1)[0].id: verdict}


def test_a_refused_recipient_is_reset_before_the_next_message() -> None:
    with scripted(RCPT=["550 5.1.1 unknown"]) as server, to(server) as relay:
        hand_over(a_message(), relay)
        hand_over(a_message(), relay)

    assert server.connections == 1
    refused = ["MAIL", "RCPT", "DATA"] if Ways.pipelining else ["MAIL", "RCPT"]
    assert server.heard == ["EHLO", *refused, "RSET", "MAIL", "RCPT", "DATA", "QUIT"]


@pytest.mark.parametrize("banner", ["554 5.7.1 not you", "421 4.3.2 closing", CLOSE])
def test_a_relay_that_does_not_greet_cannot_be_entered(banner: str) -> None:
    with (
        scripted(BANNER=[banner]) as server,
        pytest.raises(DeliveryError, match=f"127.0.0.1:{server.port}"),
        to(server),
    ):
        pass


@pytest.mark.parametrize(("phase", "patience"), [("BANNER", "greeting"), ("EHLO", "command")])
@pytest.mark.parametrize("reply", [SILENCE, DRIPPING.replace("250", "220")])
def test_a_relay_that_never_ends_its_greeting_is_left_in_time(phase: str, patience: str, reply: str) -> None:
    with (
        scripted(**{phase: [reply]}) as server,
        pytest.raises(DeliveryError, match="timed out"),
        to(server, **{patience: 0.2}),
    ):
        pass


@pytest.mark.parametrize("phase", ["BANNER", "EHLO"])
def test_a_greeting_of_ten_megabytes_is_refused(phase: str) -> None:
    with (
        scripted(**{phase: ["250-" + "x" * 10_000_000]}) as server,
        pytest.raises(DeliveryError, match=f"127.0.0.1:{server.port}"),
        to(server),
    ):
        pass


@pytest.mark.parametrize("phase", ["MAIL", "RCPT", "DATA"])
def test_a_reply_of_ten_megabytes_before_the_dot_leaves_the_message_untouched(phase: str) -> None:
    with scripted(**{phase: ["250 " + "x" * 10_000_000] * 9}) as server, to(server) as relay:
        assert verdicts(relay, some(1)) == {some(1)[0].id: Verdict.UNREACHABLE}


# --- many messages at once ------------------------------------------------------------------------


def some(count: int) -> list[Message]:
    return [a_message(f"Subject: {n}\r\n\r\nbody\r\n".encode(), n) for n in range(count)]


def verdicts(relay: Smtp, messages: Iterable[Message]) -> dict[str, Verdict]:
    return {message.id: outcome.verdict for message, outcome in relay.deliver(messages, NoJournal())}


@pytest.mark.parametrize("connections", [1, 3])
def test_every_message_is_handed_over_once_over_so_many_connections(connections: int) -> None:
    messages = some(2 * MESSAGES_PER_CONNECTION + 1)
    with scripted() as server, to(server, connections) as relay:
        found = verdicts(relay, messages)

    assert found == {message.id: Verdict.ACCEPTED for message in messages}
    assert sorted(server.messages) == sorted(message.content for message in messages)
    assert server.connections >= 3


def test_messages_refused_among_others_fail_alone() -> None:
    script = ["250 fine", "550 5.1.1 unknown", "250 fine", "450 4.2.0 later", "250 fine"]
    with scripted(RCPT=script) as server, to(server) as relay:
        found = list(verdicts(relay, some(6)).values())

    accepted = Verdict.ACCEPTED
    assert found == [accepted, Verdict.REFUSED, accepted, Verdict.DEFERRED, accepted, accepted]
    assert len(server.messages) == 4


def test_a_relay_that_waits_for_a_body_without_having_taken_a_recipient_gets_none(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(Ways, "pipelining", True)
    with (
        scripted(RCPT=["550 5.1.1 unknown"], DATA=["354 go on"], DOT=["554 no recipients"]) as server,
        to(server) as relay,
    ):
        found = list(verdicts(relay, some(2)).values())

    assert found == [Verdict.REFUSED, Verdict.ACCEPTED]
    assert len(server.messages) == 1


def test_a_relay_that_is_lost_in_the_middle_of_many_leaves_one_in_doubt_and_the_next_is_not_lost() -> None:
    with scripted(DOT=["250 kept", CLOSE]) as server, to(server) as relay:
        found = list(verdicts(relay, some(4)).values())

    assert found == [Verdict.ACCEPTED, Verdict.IN_DOUBT, Verdict.ACCEPTED, Verdict.ACCEPTED]
    assert len(server.messages) == 4


def test_a_relay_with_trouble_after_trouble_is_left_alone_and_the_rest_is_not_pulled() -> None:
    pulled: list[Message] = []

    def messages() -> Iterator[Message]:
        for message in some(10):
            pulled.append(message)
            yield message

    with scripted(RCPT=["421 4.3.2 busy"] * 9) as server, to(server) as relay:
        found = list(verdicts(relay, messages()).values())

    assert found == [Verdict.UNREACHABLE] * 3
    assert len(pulled) <= 4
    assert server.messages == []


def test_a_relay_that_wants_fewer_connections_gets_fewer() -> None:
    with scripted(BANNER=["220 hello", *["421 4.7.0 too many"] * 9]) as server, to(server, 4) as relay:
        found = verdicts(relay, some(20))

    assert set(found.values()) == {Verdict.ACCEPTED}
    assert len(server.messages) == len(found) == 20


def test_a_relay_that_does_not_greet_a_second_connection_does_not_keep_the_first_one_waiting() -> None:
    with scripted(BANNER=["220 hello", *[SILENCE] * 9]) as server, to(server, 4, another=0.1) as relay:
        found = verdicts(relay, some(2))
        server.silent.wait(5)

    assert set(found.values()) == {Verdict.ACCEPTED}
    assert server.connections == 2
    assert server.meanwhile > 0


class Recorded:
    """A journal that knows how much the relay had when it was written."""

    def __init__(self, server: Scripted) -> None:
        self.server = server
        self.facts: list[tuple[str, str, int]] = []

    def write(self, begun: Iterable[Message], answered: Iterable[tuple[Message, Outcome]]) -> None:
        arrived = len(self.server.messages)
        self.facts += [("answered", message.id, arrived) for message, _ in answered]
        self.facts += [("begun", message.id, arrived) for message in begun]


def test_a_message_is_in_the_journal_before_it_leaves_and_its_answer_before_the_next_one_leaves() -> None:
    messages = some(5)
    with scripted() as server, to(server) as relay:
        journal = Recorded(server)
        assert len(list(relay.deliver(messages, journal))) == 5

    expected = []
    for number, message in enumerate(messages):
        expected += [("begun", message.id, number), ("answered", message.id, number + 1)]
    assert journal.facts == expected


def test_an_error_of_whoever_makes_the_messages_waits_for_those_under_way() -> None:
    def messages() -> Iterator[Message]:
        yield from some(2)
        raise RuntimeError("no more")

    with scripted() as server, to(server) as relay:
        answers = relay.deliver(messages(), NoJournal())
        assert [next(answers)[1].verdict, next(answers)[1].verdict] == [Verdict.ACCEPTED] * 2
        with pytest.raises(RuntimeError, match="no more"):
            next(answers)


def test_a_journal_that_cannot_be_written_stops_before_anything_leaves() -> None:
    class Full:
        def write(self, begun: Iterable[Message], answered: Iterable[tuple[Message, Outcome]]) -> None:
            raise DeliveryError("full")

    with scripted() as server, to(server) as relay, pytest.raises(DeliveryError, match="full"):
        list(relay.deliver(some(3), Full()))

    assert server.messages == []


def test_a_message_larger_than_any_buffer_arrives_whole() -> None:
    large = a_message(b"Subject: x\r\n\r\n" + b"0123456789" * 7 * 100_000 + b"\r\n")
    with scripted() as server, to(server) as relay:
        assert hand_over(large, relay).verdict is Verdict.ACCEPTED

    assert server.messages == [large.content]


def test_a_relay_that_stops_taking_octets_before_the_dot_has_taken_nothing() -> None:
    def deaf(_stream: object) -> bytes:
        server.over.wait(5)
        return b""

    with scripted() as server, to(server, block=0.3) as relay:
        server._body = deaf  # type: ignore[method-assign]
        large = a_message(b"Subject: x\r\n\r\n" + b"0123456789" * 7 * 300_000 + b"\r\n")

        assert hand_over(large, relay).verdict is Verdict.UNREACHABLE


def test_connections_that_wait_do_not_keep_others_waiting() -> None:
    with scripted(DOT=[SILENCE]) as server, to(server, 2, final_dot=5) as relay:
        began = time.monotonic()
        found = list(verdicts(relay, some(20)).values())

    assert found.count(Verdict.ACCEPTED) == 19
    assert found[-1] is Verdict.IN_DOUBT  # the first to leave, the last to be answered
    assert time.monotonic() - began < 5
