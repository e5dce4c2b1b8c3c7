"""All rules, as a table: the id of each and the function that looks for it."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import NamedTuple

from digest.preview.checks import access, compatibility, headers, linking, structure, wording
from digest.preview.checks.finding import Faults
from digest.preview.checks.specimen import Specimen


class Rule(NamedTuple):
    """What is asked of a message; why, and by whom, is in the function's docstring."""

    id: str
    look: Callable[[Specimen], Faults]

    @property
    def title(self) -> str:
        """What it asks for, in one line."""
        return _told(self.look).partition("\n")[0]

    @property
    def source(self) -> str:
        """Who asks for it: a standard, a measurement, a report."""
        return " ".join(_told(self.look).partition("\n")[2].split())


def _told(look: Callable[[Specimen], Faults]) -> str:
    return inspect.getdoc(look) or ""


#: The ids are those that reports about e-mails are written with here; gaps are rules that no template can break.
RULES: tuple[Rule, ...] = (
    Rule("H05", headers.subject),
    Rule("H09", headers.list_unsubscribe),
    Rule("H10", headers.one_click),
    Rule("H11", headers.list_id),
    Rule("H12", headers.automatic),
    Rule("W01", structure.doctype),
    Rule("W02", structure.head),
    Rule("W03", structure.clipped),
    Rule("W04", structure.active),
    Rule("W05", structure.fetched),
    Rule("W06", structure.inlined),
    Rule("W07", structure.style_elements),
    Rule("W09", structure.well_formed),
    Rule("W10", structure.nesting),
    Rule("C01", compatibility.breaking),
    Rule("C02", compatibility.supported),
    Rule("A01", access.language),
    Rule("A02", access.wrapper),
    Rule("A03", access.title),
    Rule("A04", access.layout_tables),
    Rule("A05", access.alternatives),
    Rule("A06", access.headings),
    Rule("A07", access.light_contrast),
    Rule("A08", access.dark_contrast),
    Rule("A09", access.sizes),
    Rule("A10", access.link_texts),
    Rule("A11", access.prose_links),
    Rule("T01", wording.same_words),
    Rule("T02", wording.same_links),
    Rule("T03", wording.clean_text),
    Rule("T04", wording.narrow_text),
    Rule("P01", wording.preheader),
    Rule("L01", linking.absolute),
    Rule("L02", linking.public),
    Rule("L03", linking.once),
    Rule("L04", linking.leaving),
    Rule("L05", linking.honest),
    Rule("L06", linking.direct),
    Rule("I01", linking.pictures),
    Rule("V01", linking.pixels),
    Rule("V02", linking.unfollowed),
    Rule("V03", linking.private),
    Rule("X01", wording.tex),
    Rule("X03", wording.escaped_twice),
    Rule("X04", wording.residue),
)
