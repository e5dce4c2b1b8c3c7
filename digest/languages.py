"""The languages of mails and pages: their words (gettext catalogues), their dates, numbers and lists (CLDR).

The one door for Babel.

Rule 1. English is what code and templates say. Any other language is one catalogue,
        `digest/translations/<code>/LC_MESSAGES/digest.po`, read as it is: nothing is compiled or built.
Rule 2. A sentence is one message with named places, never glued together from parts.
"""

from __future__ import annotations

import datetime as dt
import gettext
import hashlib
import io
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

from babel import Locale
from babel.core import get_global
from babel.dates import format_date
from babel.lists import format_list
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.numbers import format_compact_decimal, format_decimal, format_percent

SOURCE = "en"
CATALOGUES = Path(__file__).parent / "translations"
CATALOGUE = Path("LC_MESSAGES", "digest.po")
#: Where a code alone says too little: British dates, without their comma, and simplified characters.
_FULL = {"en": "EEEE d MMMM y"}
_LOCALES = {"en": "en_GB", "zh": "zh_Hans"}


class Language:
    """One language. Equal only to itself, so that what is said in it can be cached by it."""

    def __init__(self, code: str, words: gettext.NullTranslations) -> None:
        """`words`: the messages of code and templates, in this language."""
        self.code = code
        self._words = words
        self._locale = _locale(code)
        script = self._locale.script
        #: For `lang` (BCP 47).
        self.tag = f"{self._locale.language}-{script}" if script else self._locale.language
        #: For `dir`: `ltr` or `rtl`.
        self.direction = self._locale.text_direction
        #: For `align`: where lines begin.
        self.start = "right" if self.direction == "rtl" else "left"

    def gettext(self, message: str, /, **values: str) -> str:
        """The message in this language, its `%(name)s` filled."""
        return self.raw(message) % values

    def ngettext(self, one: str, many: str, number: int, /, **values: str) -> str:
        """The form that goes with the number, which fills `%(number)s`."""
        return self.raw_plural(one, many, number) % ({"number": self.number(number)} | values)

    def pgettext(self, context: str, message: str, /) -> str:
        """A word that would be ambiguous without its context."""
        return self._words.pgettext(context, message)

    def raw(self, message: str) -> str:
        """The message, its places still open."""
        return self._words.gettext(message)

    def raw_plural(self, one: str, many: str, number: int) -> str:
        """The form that goes with the number, its places still open."""
        return self._words.ngettext(one, many, number)

    def number(self, number: int) -> str:
        """`2,997`."""
        return str(number) if -1000 < number < 1000 else format_decimal(number, locale=self._locale)

    def compact(self, number: int) -> str:
        """`950`, `1.2K`, `34K`, `1.1M`; rounded down."""
        if number < 1000:
            return str(number)
        size: int = 10 ** (len(str(number)) - 2)
        return format_compact_decimal(number // size * size, fraction_digits=1, locale=self._locale)

    def percent(self, number: int) -> str:
        """`4%`."""
        return format_percent(number / 100, locale=self._locale)

    def day(self, date: dt.date) -> str:
        """`Friday 10 April 2026`, within a sentence."""
        return _formatted(date, _FULL.get(self.code, "full"), self._locale)

    def headline(self, date: dt.date) -> str:
        """`day` as it stands alone."""
        said = self.day(date)
        return said[:1].upper() + said[1:]

    def date(self, date: dt.date) -> str:
        """`10 April 2026`."""
        return _formatted(date, "long", self._locale)

    def weekday(self, number: int) -> str:
        """`Monday` for 0, as within a sentence."""
        return str(self._locale.days["format"]["wide"][number])

    def territory(self, code: str) -> str:
        """`Europe` for `150`, `Australia` for `AU` (UN M.49, ISO 3166-1)."""
        return str(self._locale.territories[code])

    def place(self, timezone: str) -> str:
        """`Berlin` for `Europe/Berlin`; `Knox, Indiana` where a name alone says too little."""
        named = get_global("zone_aliases").get(timezone, timezone)  # CLDR keeps the name that it knew first
        known = self._locale.time_zones.get(named, {}).get("city")
        return str(known) if known else ", ".join(reversed(timezone.replace("_", " ").split("/")[1:]))

    def listing(self, names: Sequence[str]) -> str:
        """`A`, `A and B`, `A, B and C`."""
        return format_list(names, locale=self._locale)


@lru_cache(maxsize=4096)  # a message is made in microseconds, a date is said in thirty
def _formatted(date: dt.date, pattern: str, locale: Locale) -> str:
    return format_date(date, pattern, locale=locale)


def codes() -> tuple[str, ...]:
    """The languages that are there, English first."""
    return (SOURCE, *sorted(folder.name for folder in CATALOGUES.iterdir() if (folder / CATALOGUE).is_file()))


def names() -> tuple[tuple[str, str], ...]:
    """Code and name of each, the name as its speakers say it."""
    return tuple((code, str(_locale(code).languages[code]).capitalize()) for code in codes())


def _locale(code: str) -> Locale:
    return Locale.parse(_LOCALES.get(code, code))


def of(code: str) -> Language:
    """The language as its catalogue stands now; English if there is none of that code (any more)."""
    if code == SOURCE:
        return ENGLISH
    path = CATALOGUES / code / CATALOGUE
    try:
        changed = path.stat().st_mtime_ns
    except OSError:
        return ENGLISH
    return _read(code, path, changed)


@lru_cache(maxsize=32)
def _read(code: str, path: Path, _changed: int) -> Language:
    return Language(code, read(path))


def read(path: Path) -> gettext.NullTranslations:
    """A catalogue's messages, without those that are empty or fuzzy."""
    with path.open(encoding="utf-8") as file:
        catalogue = read_po(file)
    compiled = io.BytesIO()
    write_mo(compiled, catalogue)
    compiled.seek(0)
    return gettext.GNUTranslations(compiled)


def fingerprint() -> str:
    """Of all words that are in force."""
    digest = hashlib.sha256()
    for code in codes()[1:]:
        digest.update(code.encode() + b"\0" + (CATALOGUES / code / CATALOGUE).read_bytes())
    return digest.hexdigest()


#: The language that code and templates are written in.
ENGLISH = Language(SOURCE, gettext.NullTranslations())
