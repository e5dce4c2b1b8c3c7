"""What is on this machine: the database, the disks, the secrets, the time zones, the sources."""

from __future__ import annotations

import datetime as dt
import importlib.metadata
import stat
import zoneinfo
from collections.abc import Iterable, Iterator
from pathlib import Path

from digest import operating
from digest.config import Settings
from digest.doctor.finding import Finding, bad, doubtful, well
from digest.errors import StoreError, UsageError
from digest.model import SourceState, zone
from digest.service import Service

#: A disk with less than this free should be looked at; `operating` says when it is nearly full.
ROOM = 0.1
#: What is broken and checked here by itself.
_BESIDES = {"disk"}


def database(day: Service) -> Finding:
    """Whether it is sound and can be written to; that its schema is ours was found when it was opened."""
    try:
        day.store.check_writable()
        day.store.check_sound()
    except StoreError as error:
        return bad("database", str(error), "Nothing can be prepared or recorded until it can be used.")
    return well("database", f"sound, of this version's schema, {day.store.octets() / 1e6:,.1f} MB")


def disks(day: Service) -> Iterator[Finding]:
    """What is free where we write."""
    for disk in operating.disks(day):
        share = disk.free / disk.total
        text = f"{share:.0%} free ({disk.free / 1e9:,.1f} GB), with {disk.holds}"
        if operating.is_full(disk):
            yield bad("disk", text, "Make room: nothing is sent that could not be written down.")
        elif share < ROOM:
            yield doubtful("disk", text, "Make room soon.")
        else:
            yield well("disk", text)


def secrets(files: Iterable[Path]) -> Iterator[Finding]:
    """Who may read what holds passwords, keys or addresses; POSIX permissions."""
    open_ = {file: mode for file in files if file.is_file() and (mode := file.stat().st_mode) & stat.S_IROTH}
    for file, mode in open_.items():
        text = f"everybody on this machine may read {file} ({stat.filemode(mode)})"
        yield doubtful("secrets", text, f"chmod o-rwx {file}")
    if not open_:
        yield well("secrets", "what holds secrets and addresses is closed to others")


def time_zones(day: Service, now: dt.datetime) -> Finding:
    """Whether every reader's zone is known, and how old what is known of zones is."""
    unknown = set()
    for schedule in day.store.subscribers.schedules(now.date()):
        try:
            zone(schedule.timezone)
        except UsageError:
            unknown.add(schedule.timezone)
    version = zones_version()
    if unknown:
        text = f"readers live in zones that {version} does not have: {', '.join(sorted(unknown))}"
        return bad("time zones", text, "Upgrade tzdata: they get no digest.")
    year = version.rpartition(" ")[2][:4]
    if year.isdecimal() and int(year) < now.year - 1:
        return doubtful("time zones", version, "Upgrade tzdata: some clocks change on other days by now.")
    return well("time zones", version)


def zones_version() -> str:
    """Which release of the zones Python reads: the system's, else the package's."""
    for folder in zoneinfo.TZPATH:
        file = Path(folder, "tzdata.zi")
        if file.is_file():
            with file.open(encoding="utf-8") as lines:
                return f"the system's {lines.readline().removeprefix('# version').strip()}"
        if Path(folder, "UTC").is_file():
            return "the system's, of an unknown version"
    return f"the package tzdata {importlib.metadata.version('tzdata')}"


def sources(day: Service, now: dt.datetime) -> Iterator[Finding]:
    """How each is doing."""
    standings = operating.standings(day, now)
    if not standings:
        yield doubtful(
            "source", "none is configured", "Without one there is nothing to send: see [[sources]]."
        )
    for one in standings:
        status, name = one.status, f"source {one.source.name}"
        if status is None:
            yield well(name, "not asked yet")
        elif status.state in {SourceState.FAILING, SourceState.DISABLED}:
            yield bad(name, f"{status.state}: {status.reason}", "`digest sources check` shows its week.")
        elif status.state in {SourceState.STALE, SourceState.LATE, SourceState.PARTIAL}:
            yield doubtful(name, f"{status.state}: {status.reason}", "It is asked again at its next turn.")
        else:
            yield well(name, f"{status.state}, {status.entries} entries")


def day_of(day: Service, now: dt.datetime) -> Iterator[Finding]:
    """What is broken of the day itself, as `digest status` judges it."""
    broken = [
        need
        for need in operating.judge(operating.vitals(day, now))
        if need.broken and need.name not in _BESIDES
    ]
    for need in broken:
        yield bad("day", need.text, need.advice)
    if not broken:
        yield well("day", "nothing is broken; `digest status` has the numbers")


def files_of(settings: Settings) -> Iterator[Path]:
    """What holds everybody's address, and the keys."""
    url = settings.database_url
    if url.startswith("sqlite:///"):
        yield Path(url.removeprefix("sqlite:///").partition("?")[0])
    key = settings.mail.dkim_key.get_secret_value()
    if key and "-----BEGIN" not in key:
        yield settings.directory / key
