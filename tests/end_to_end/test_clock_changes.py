"""Readers whose clocks are changed, with `digest run` as cron would start it: one mail a date, at the hour that there is."""

from __future__ import annotations

import datetime as dt
import json
import re
from email.utils import parsedate_to_datetime
from pathlib import Path

import pytest
from conftest import ROOT

HOUR = dt.timedelta(hours=1)
CONFIGURATION = """
[site]
url = "https://digest.example.org"
[mail]
transport = "smtp"
host = "127.0.0.1"
port = {port}
security = "none"
from = "Daily Papers <papers@example.org>"
[digest]
papers = 3
also_trending = 0
[[sources]]
name = "Hugging Face"
kind = "huggingface"
path = "{{date}}.json"
[[readers]]
address = "reader@example.org"
timezone = "{zone}"
send_at = "{send_at}"
"""


def lists(folder: Path, first: dt.date) -> None:
    """The sample's lists as those of five days: papers enough for each."""
    sample = sorted((ROOT / "config" / "sample" / "huggingface").glob("*.json"))
    for number in range(5):
        date, text = first + dt.timedelta(days=number), sample[number % 3].read_text(encoding="utf-8")
        entries = json.loads(re.sub(r"2026-04-\d\d(?=T)", f"{date}", text))
        for place, entry in enumerate(entries):
            paper = entry.get("paper", entry)
            paper["id"] = f"{date:%y%m}.{number}{place:0{4 if date.year > 2014 else 3}}"
            paper["title"] = f"{paper['title']} on day {number}"
        (folder / f"{date}.json").write_text(json.dumps(entries), encoding="utf-8")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("zone", "send_at", "expected"),
    [
        ("Europe/Berlin", "02:30", {"2026-10-24": "24T00:30", "2026-10-25": "25T00:30", "2026-10-26": "26T01:30"}),
        ("America/New_York", "02:30", {"2026-03-07": "07T07:30", "2026-03-08": "08T07:30", "2026-03-09": "09T06:30"}),
        ("Africa/Cairo", "00:30", {"2026-04-23": "22T22:30", "2026-04-24": "23T22:30", "2026-04-25": "24T21:30"}),
        ("Australia/Lord_Howe", "01:45", {"2026-04-04": "03T14:45", "2026-04-05": "04T14:45", "2026-04-06": "05T15:15"}),
        ("Pacific/Apia", "07:00", {"2011-12-29": "29T17:00", "2011-12-31": "30T17:00"}),
    ],
)  # fmt: skip
def test_one_mail_a_date_over_a_change_of_clocks(
    tmp_path: Path, sink, digest, zone: str, send_at: str, expected: dict[str, str]
) -> None:
    """A pass a minute before each hour, at it, and an hour later, when a clock may show it again."""
    kept, port = sink
    (tmp_path / "digest.toml").write_text(CONFIGURATION.format(port=port, zone=zone, send_at=send_at))
    dues = {date: dt.datetime.fromisoformat(f"{date[:8]}{time}Z") for date, time in expected.items()}
    lists(tmp_path, min(dues.values()).date() - dt.timedelta(days=1))
    told = []
    for date, due in dues.items():
        for now in (due - dt.timedelta(minutes=1), due, due + HOUR):
            done = digest("run", "--now", now.isoformat())
            assert done.returncode == 0, done.stderr
            told += [(date, now)] * (len(kept.messages) - len(told))
    assert told == list(dues.items())
    assert [mail["X-Digest-Date"] for mail in kept.messages] == list(dues)
    assert [parsedate_to_datetime(mail["Date"]) for mail in kept.messages] == list(dues.values())
