"""What whoever runs this sees, does and is told: by the command line, on /admin, by mail and by numbers.

Rule 1. Everything is asked in a bounded number of statements, each of which reads an index or one page of rows.
Rule 2. What is wrong is judged by one pure function (`judging.judge`) over what was counted (`Vitals`): status, the
        pages, mails, pings and metrics say the same.
Rule 3. Nothing that is told to them names a reader: numbers, local dates, sources.
"""

from __future__ import annotations

from digest.operating.attending import attend
from digest.operating.glance import Due, Glance, glance, next_due, why
from digest.operating.judging import INCIDENTS, Need, Place, is_full, judge
from digest.operating.keeping import forget
from digest.operating.metrics import exposition
from digest.operating.pinging import conclude, watched
from digest.operating.vitals import DayOf, Disk, Standing, Vitals, disks, standings, vitals

__all__ = [
    "INCIDENTS",
    "DayOf",
    "Disk",
    "Due",
    "Glance",
    "Need",
    "Place",
    "Standing",
    "Vitals",
    "attend",
    "conclude",
    "disks",
    "exposition",
    "forget",
    "glance",
    "is_full",
    "judge",
    "next_due",
    "standings",
    "vitals",
    "watched",
    "why",
]
