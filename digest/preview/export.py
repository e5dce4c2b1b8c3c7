"""A folder that shows every fixture without a server or a script: for colleagues, and to keep beside a build.

Rule 1. Only a folder that is empty, not there yet, or was written by this is written to; of such a one only the files
        that this wrote are replaced.
Rule 2. Nothing of a real subscriber is in it: fixtures only.
"""

from __future__ import annotations

import email
import email.policy
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from email.message import EmailMessage
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape

from digest.config import shipped
from digest.errors import UsageError
from digest.preview.sweep import Checked

#: Says that a folder is ours, and which files in it are.
MARK = ".digest-export"


@dataclass(frozen=True, slots=True, kw_only=True)
class Folder:
    """A folder that may be written to."""

    path: Path

    @classmethod
    def at(cls, path: Path) -> Folder:
        """UsageError if somebody else's files are there."""
        if path.exists() and not path.is_dir():
            raise UsageError(f"not a folder; give another --export: {str(path)!r}")
        if path.is_dir() and any(path.iterdir()) and not (path / MARK).is_file():
            raise UsageError(f"not empty and not an export; give another --export: {str(path)!r}")
        return cls(path=path)

    def write(self, site: str, checked: Sequence[Checked]) -> None:
        """Write an index and each message's files, in place of the ones that were written before.

        UsageError if the folder cannot be written, or holds a file of somebody else where one of ours goes.
        """
        files = dict(_files(site, checked))
        try:
            before = self._ours()
            foreign = [name for name in files if name not in before and (self.path / name).exists()]
            if foreign:
                raise UsageError(
                    f"not written by an export, so it is left alone: {str(self.path / foreign[0])!r}"
                )
            for name in before:
                (self.path / name).unlink(missing_ok=True)
            self.path.mkdir(parents=True, exist_ok=True)
            # First of all: what a broken run leaves is ours too.
            (self.path / MARK).write_text("\n".join([*files, ""]), encoding="utf-8")
            for name, content in files.items():
                target = self.path / name
                target.parent.mkdir(exist_ok=True)
                target.write_bytes(content)
        except OSError as error:
            raise UsageError(f"cannot write there ({error.strerror}): {str(self.path)!r}") from None

    def _ours(self) -> frozenset[str]:
        """The files that an earlier export wrote, as it says; none of them outside of the folder."""
        mark = self.path / MARK
        named = mark.read_text("utf-8").splitlines() if mark.is_file() else []
        root = self.path.resolve()
        return frozenset(name for name in named if name and (root / name).resolve().is_relative_to(root))


def _files(site: str, checked: Iterable[Checked]) -> Iterator[tuple[str, bytes]]:
    """Names, relative to the folder, and what is in each."""
    environment = Environment(
        loader=FileSystemLoader(shipped("templates", "preview")),
        autoescape=select_autoescape(),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    parsed = [(one, _parsed(one)) for one in checked]
    index = environment.get_template("export/index.html").render(site=site, messages=parsed)
    yield "index.html", index.encode()
    page = environment.get_template("export/message.html")
    for one, message in parsed:
        html, text = _body(message, "html"), _body(message, "plain")
        told = page.render(site=site, checked=one, subject=message["Subject"], size=len(html))
        yield f"{one.name}/index.html", told.encode()
        yield f"{one.name}/message.html", html
        yield f"{one.name}/message.txt", text
        yield f"{one.name}/message.eml", one.message.content
        yield (
            f"{one.name}/headers.txt",
            "".join(f"{name}: {value}\n" for name, value in message.items()).encode(),
        )


def _parsed(one: Checked) -> EmailMessage:
    message: EmailMessage = email.message_from_bytes(one.message.content, policy=email.policy.default)
    return message


def _body(message: EmailMessage, kind: str) -> bytes:
    """A part, decoded; empty if there is none."""
    part = message.get_body((kind,))
    return part.get_content().encode() if part else b""
