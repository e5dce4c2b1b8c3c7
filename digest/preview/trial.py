"""A message as a test to an operator: told as one in the subject, and with links that are no real reader's."""

from __future__ import annotations

import re
from dataclasses import replace

from digest import deliver
from digest.model import Message, Plan
from digest.service import Service


def readdressed(day: Service, plan: Plan, address: str) -> Plan:
    """The same message to somebody else: no subscriber has the id that its links name, so they open nothing."""
    reader = replace(plan.reader, id=f"test-{plan.reader.id}", address=address, name="")
    mail = day.settings.mail
    return replace(
        plan,
        reader=reader,
        message_id=deliver.message_id(day.links, plan.kind, reader.id, plan.local_date, mail.domain),
    )


def as_test(message: Message) -> Message:
    """The message with [Test] before its subject."""
    # On a line of its own: what follows may be encoded words, whose lines have at most 76 octets (RFC 2047 2).
    head, blank, body = message.content.partition(b"\r\n\r\n")
    head = re.sub(rb"(?im)^Subject: ", b"Subject: [Test]\r\n ", head, count=1)
    return replace(message, content=head + blank + body)
