"""A Postfix log says what became of a message; the lines are written for these tests."""

from __future__ import annotations

from pathlib import Path

import pytest

from digest.deliver import taken
from digest.errors import DeliveryError

ONE, TWO = "<20260410.one@example.org>", "<20260410.two@example.org>"
CONNECT = "postfix/smtpd[71]: connect from localhost[127.0.0.1]"
DISCONNECT = "postfix/smtpd[71]: disconnect from localhost[127.0.0.1] mail=1"
LOST = "postfix/smtpd[71]: lost connection after DATA (512 bytes) from localhost[127.0.0.1]"
CLIENT = "postfix/smtpd[71]: 4F1A2B: client=localhost[127.0.0.1]"
CLEANUP = f"postfix/cleanup[72]: 4F1A2B: message-id={ONE}"
QUEUED = "postfix/qmgr[73]: 4F1A2B: from=<bounces@example.org>, size=61234, nrcpt=1 (queue active)"


def a_log(folder: Path, *lines: str, name: str = "mail.log") -> Path:
    path = folder / name
    path.write_text("".join(f"Apr 10 07:00:01 relay {line}\n" for line in lines))
    return path


def test_a_message_in_the_queue_was_taken(tmp_path: Path) -> None:
    log = a_log(tmp_path, CONNECT, CLIENT, CLEANUP, QUEUED)

    assert taken(log, {ONE}) == {ONE: True}


def test_a_message_id_alone_is_written_before_the_dot_and_proves_nothing(tmp_path: Path) -> None:
    assert taken(a_log(tmp_path, CONNECT, CLIENT, CLEANUP), {ONE}) == {}
    assert taken(a_log(tmp_path, CONNECT, CLIENT, CLEANUP, LOST, DISCONNECT), {ONE}) == {ONE: False}


def test_a_message_without_a_trace_may_still_come_while_a_connection_is_open(tmp_path: Path) -> None:
    assert taken(a_log(tmp_path, CONNECT), {TWO}) == {}
    assert taken(a_log(tmp_path, CONNECT, DISCONNECT), {TWO}) == {TWO: False}
    assert taken(a_log(tmp_path), {TWO}) == {TWO: False}


def test_the_connection_that_it_came_by_decides_and_not_another(tmp_path: Path) -> None:
    other = "postfix/smtpd[99]: connect from localhost[127.0.0.1]"
    log = a_log(tmp_path, CONNECT, other, CLIENT, CLEANUP, DISCONNECT)

    assert taken(log, {ONE, TWO}) == {ONE: False}


def test_one_queue_id_of_two_that_were_tried_is_enough(tmp_path: Path) -> None:
    again = [line.replace("4F1A2B", "9C0D1E") for line in (CLIENT, CLEANUP)]
    log = a_log(tmp_path, CONNECT, CLIENT, CLEANUP, QUEUED, *again, DISCONNECT)

    assert taken(log, {ONE}) == {ONE: True}


def test_what_was_rotated_away_is_read_too(tmp_path: Path) -> None:
    a_log(tmp_path, CONNECT, CLIENT, CLEANUP, name="mail.log.1")

    assert taken(a_log(tmp_path, QUEUED, DISCONNECT), {ONE}) == {ONE: True}


def test_a_log_that_cannot_be_read_is_said(tmp_path: Path) -> None:
    with pytest.raises(DeliveryError, match=r"mail\.relay_log"):
        taken(tmp_path / "none.log", {ONE})
