"""Rules about mail programs: what a message uses and they do not have, by caniemail's facts."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from digest.preview.checks.clients import MAIN, Effect, facts
from digest.preview.checks.detector import Use, uses
from digest.preview.checks.finding import HTML, Faults, fail, warn
from digest.preview.checks.specimen import Specimen

#: Percent of what a message uses, by clients, below which it is worth mending, and must be mended.
GOOD, POOR = 90, 80


def breaking(seen: Specimen) -> Faults:
    """Nothing that holds the layout or the text together is missing in a main client.

    caniemail: flex, grid, position, float, gap, var(), calc(), forms, and SVG, WebP, AVIF and data: pictures.
    """
    for use in uses(seen):
        lacking = use.feature.lacking(MAIN)
        if use.feature.effect is Effect.BREAKS and lacking:
            names = ", ".join(facts().clients[one] for one in lacking[:4]) + (
                " …" if len(lacking) > 4 else ""
            )
            for where in use.places:
                yield fail(f"{use.feature.title} is not there in {names}", where)


def supported(seen: Specimen) -> Faults:
    """What the message uses is there in at least nine of ten main clients, on average.

    caniemail; Mailpit's HTML check. What is lost without harm is left out.
    """
    felt = [use for use in uses(seen) if use.feature.effect is not Effect.FINE]
    score = support(felt, MAIN)
    if score is not None and score < GOOD:
        worst = min(felt, key=lambda use: use.feature.share(MAIN) or 1)
        told = (
            f"the main clients have {score:.0f} % of what the mail uses; they lack {worst.feature.title} most"
        )
        yield (fail if score < POOR else warn)(told, next(iter(worst.places), HTML))


def support(used: Iterable[Use], clients: Collection[str]) -> float | None:
    """Percent: of each feature, how many of these clients have it at least in part; the mean over the features.

    As caniemail counts a feature's support, each client being one; None if nothing is known.
    """
    shares = [share for use in used if (share := use.feature.share(clients)) is not None]
    return 100 * sum(shares) / len(shares) if shares else None
