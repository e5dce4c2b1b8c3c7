"""Bytes from the world become papers and mentions: fetch, parse, one module a source, identity, text, trend."""

from digest.ingest import opml, watch
from digest.ingest.collect import collect
from digest.ingest.growth import GROWTH, RECENTLY, moving
from digest.ingest.identity import names, resolve
from digest.ingest.politeness import Politeness
from digest.ingest.reading import read
from digest.ingest.summariser import Summariser, believed
from digest.ingest.trend import of_days, trends

__all__ = [
    "GROWTH",
    "RECENTLY",
    "Politeness",
    "Summariser",
    "believed",
    "collect",
    "moving",
    "names",
    "of_days",
    "opml",
    "read",
    "resolve",
    "trends",
    "watch",
]
