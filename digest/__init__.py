"""Daily Digest: the day's trending research papers, ranked for each reader, by e-mail once a day.

Read `daily.py` first (the flow), then `model/` (the nouns), then any room, in the order in which
a paper travels: ingest, rank, render, deliver.
"""

__version__ = "0.1.0"
