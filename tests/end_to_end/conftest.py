"""A real SMTP server on loopback, and the product run as its users run it."""

from __future__ import annotations

import asyncio
import email
import email.policy
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from email.message import EmailMessage
from pathlib import Path

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session


class Sink:
    """Accepts every message, after `seconds`, and keeps it."""

    def __init__(self, seconds: float = 0.0) -> None:
        self.seconds = seconds
        self.raw: list[bytes] = []

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802 (aiosmtpd's name)
        await asyncio.sleep(self.seconds)
        self.raw.append(envelope.original_content or b"")
        return "250 kept"

    @property
    def messages(self) -> list[EmailMessage]:
        return [email.message_from_bytes(raw, policy=email.policy.default) for raw in self.raw]


@pytest.fixture
def sink() -> Iterator[tuple[Sink, int]]:
    """The sink and the port it listens on."""
    handler = Sink()
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    controller = Controller(handler, hostname="127.0.0.1", port=port)
    controller.start()
    yield handler, port
    controller.stop()


Command = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def digest(tmp_path: Path) -> Command:
    """`digest --config tmp_path/digest.toml …`, in a process of its own."""

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "digest", "--config", str(tmp_path / "digest.toml"), *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)

    return run
