"""Papers that do not exist, for fixtures: every title, name, sentence and number here is made up.

Raw TeX goes through the function that reads sources, so that a fixture holds what a source's paper would.
"""

# ruff: noqa: RUF001 (other scripts, and characters that look alike, are what these texts are for)

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Iterable
from dataclasses import replace

from digest.ingest.text import readable
from digest.model import (
    Link,
    Listed,
    Mention,
    Paper,
    Reason,
    ReasonKind,
    Rights,
    Signals,
    SourceState,
    SourceStatus,
    Trend,
)

#: When all of them were listed, and the edition that holds them was published.
NOON = dt.datetime(2026, 4, 16, 10, tzinfo=dt.UTC)
#: The host of their links, which leads nowhere (RFC 2606).
HOST = "https://papers.example.org"

_ORDINARY = (
    (
        "Sparse routing lets small planners keep up with large ones",
        "Planning with language models is dominated by the largest of them. We route each step of a plan to one of eight small experts and train the router on the outcome of whole plans. A made-up planner of 1.3 billion parameters reaches 71.4 % on a made-up benchmark of household tasks, where a dense one of 7 billion reaches 70.9 %. The router costs two per cent of the compute.",
        ("Ada Madeup", "Bo Inventar", "Cyra Fabel", "Dov Fiktiv"),
        "cs.AI",
        128,
    ),
    (
        "What a protein model forgets when it learns a second family",
        "Fine-tuning a protein language model on one family harms it on others. We measure how much, for forty families that we made up, and find that 83 % of the loss comes from the last three layers. Freezing them keeps the gain and halves the loss.",
        ("Elin Erfunden", "Farid Conte"),
        "q-bio.BM",
        64,
    ),
    (
        "A calibration set of ten examples is enough, if they are the right ten",
        "Conformal prediction usually asks for hundreds of calibration examples. We choose ten by leverage and show that the intervals keep their coverage within one point on twelve invented data sets. The choice takes a second on a laptop.",
        ("Greta Fingida",),
        "stat.ML",
        41,
    ),
    (
        "Agents that ask before they act waste less of everybody's time",
        "We let agents ask one question before a long task. Over 2,400 invented office tasks, one question reduces failed runs from 31 % to 19 %, and people answered in eleven seconds on average. A second question brings nothing more.",
        ("Hana Ukjent", "Igor Vymysel", "Jun Kakuu"),
        "cs.HC",
        37,
    ),
    (
        "Reading tables by their borders, not by their text",
        "Tables in scanned papers are read badly when their text is poor. Our reader looks at rules and white space first and recovers the grid of 94 % of 5,000 made-up tables, nine points more than readers that begin with the words.",
        ("Kaya Hayali", "Lo Phantom"),
        "cs.CV",
        22,
    ),
    (
        "Compressing the cache of a long conversation by what was said twice",
        "Conversations repeat themselves. We merge cache entries of sentences that say the same and keep one in four. On invented dialogues of 100,000 words the answers stay the same in 97 cases of 100, in a third of the memory.",
        ("Mira Imaginer", "Nils Oppfunnet"),
        "cs.CL",
        19,
    ),
    (
        "How wrong are wind forecasts on the second day?",
        "Forecasts of wind power are scored on the first day, and sold for the second. We score both on three invented parks. The error grows by half, and a correction learnt from yesterday takes back a third of it.",
        ("Ola Tenkt",),
        "cs.LG",
        11,
    ),
    (
        "A small proof assistant that explains its refusals",
        "When a proof is refused, the reason is rarely told in words. Ours tells which step fails and what would be needed, and students of an invented course mended 62 % of their proofs at the first try instead of 38 %.",
        ("Pia Fantasi", "Quim Inventat"),
        "cs.LO",
        8,
    ),
)
_METHODS = ("Sparse routing", "Late fusion", "Replay", "Contrastive pruning", "Guided sampling")
_TASKS = (
    "grid forecasting",
    "sign translation",
    "protein docking",
    "code review",
    "reef counting",
    "tutoring",
    "satellite mapping",
    "speech repair",
    "theorem search",
    "crop disease",
)


def listed(
    number: int,
    title: str,
    abstract: str,
    authors: Iterable[str] = ("Ada Madeup",),
    category: str = "cs.LG",
    votes: int | None = 20,
) -> Listed:
    """A paper of which everything is known, as it stands in an edition."""
    # In the form of an arXiv id, in a month in which there was no arXiv.
    name = f"8001.{number:05}"
    paper = Paper(
        id=f"arxiv:{name}",
        aliases=(f"arxiv:{name}",),
        title_key=hashlib.sha256(title.encode()).hexdigest()[:16],
        title=title,
        abstract=abstract,
        authors=tuple(authors),
        categories=(category,) if category else (),
        published=NOON - dt.timedelta(hours=20),
        version=1,
        links=tuple(
            Link(rel=rel, url=f"{HOST}/{rel}/{name}") for rel in ("abstract", "pdf", "discussion", "code")
        ),
        rights=Rights.OPEN,
        first_seen=NOON - dt.timedelta(hours=8),
    )
    mention = Mention(
        paper=paper.id,
        source="A made-up source",
        weight=1.0,
        listed_at=NOON - dt.timedelta(hours=9),
        url=f"{HOST}/abstract/{name}",
        signals=Signals(votes=votes, stars=1200 if number % 3 == 1 else None),
        as_of=NOON,
    )
    reasons = (Reason(kind=ReasonKind.VOTES, subject=mention.source, value=votes),) if votes else ()
    return Listed(paper=paper, mentions=(mention,), trend=Trend(score=0.5, reasons=reasons))


def ordinary(count: int) -> tuple[Listed, ...]:
    """Up to eight papers as they come every day."""
    return tuple(listed(number, *texts) for number, texts in enumerate(_ORDINARY[:count], 1))


def many() -> tuple[Listed, ...]:
    """Fifty papers, the most that a digest may hold, with abstracts as long as abstracts are."""
    pairs = [(method, task) for task in _TASKS for method in _METHODS]
    return tuple(_one_of_many(number, *pair) for number, pair in enumerate(pairs, 1))


def _one_of_many(number: int, method: str, task: str) -> Listed:
    gain, base = 2 + number % 9, 40 + number
    abstract = (
        f"Progress in {task} has been slow for want of labelled examples, and what there is comes from a handful of laboratories that we made up. "
        f"We show that {method.lower()} brings {task} from {base}.{number % 10} % to {base + gain}.3 % on an invented benchmark, with a fifth of the examples. "
        f"The gain holds on data of another year, is largest where examples are fewest, and vanishes when the order of training is shuffled, which tells where it comes from. "
        "Code, weights and every one of the invented examples are published with the paper."
    )
    title = f"{method} for {task} with a fifth of the labelled examples"
    authors = ("Ada Madeup", "Bo Inventar", "Cyra Fabel", "Dov Fiktiv", "Elin Erfunden")
    return listed(number, title, abstract, authors[: 1 + number % 5], "cs.LG", 60 - number)


def long_titles() -> tuple[Listed, ...]:
    """Titles that are longer than a line, a subject, or any word should be."""
    long = "On the many reasons for which an invented title may grow beyond what a mail program shows in one line, in two, or on the whole of a small screen, and on why none of it is ever cut"
    word = "Tetrahydrodimethylbenzophenanthridine" * 4
    return (
        listed(1, f"{long}: a study in eleven parts with an appendix", _ORDINARY[0][1]),
        listed(2, f"{word} without a break", _ORDINARY[1][1], ("Wolfeschlegelsteinhausenbergerdorff" * 3,)),
        listed(3, "Short", _ORDINARY[2][1]),
    )


def tex() -> tuple[Listed, ...]:
    """Formulas and accents as authors write them, and money that is no formula."""
    raw = (
        (
            r"Sorting in $O(n \log^{2} n)$ comparisons with $\epsilon$-noisy oracles",
            r"We sort $n$ invented keys with an oracle that lies with probability $\epsilon < \frac{1}{2}$. Our bound of $O(n\log^{2} n)$ comparisons holds for all $\alpha \leq \beta_{max}$, and $\mathbb{E}[X_{i}^{2}] \to 0$ as $n \to \infty$. Renting the machine costs \$5 an hour, and 3,000 keys cost less than \$2.",
        ),
        (
            r"Erd\H{o}s--R\'enyi graphs at $p = \frac{\ln n}{n}$: a made-up threshold",
            r"Let $G \sim \mathcal{G}(n,p)$. We show that $\chi(G) \geq \frac{n}{2 \log_{b} n}$ for $b = 1/(1-p)$, \emph{almost surely}, which improves an invented bound of $\sqrt{n}$.",
        ),
        (
            r"Learning $H_{2}O$ and CO$_2$ potentials with $10^{-3}$ eV accuracy",
            r"A potential for $\mathrm{H_2O}$ with an error below $10^{-3}$ eV, trained on $\sim 10^{5}$ invented configurations. An unfinished formula such as $x^{ must not take the rest of the sentence with it.",
        ),
    )
    return tuple(
        listed(number, readable(title), readable(abstract)) for number, (title, abstract) in enumerate(raw, 1)
    )


def right_to_left() -> tuple[Listed, ...]:
    """Titles and abstracts in Arabic and Hebrew, with Latin names and numbers inside."""
    return (
        listed(
            1,
            "نموذج لغوي صغير مختلق يجيب عن الأسئلة الطويلة",
            "نقدم نموذجا مختلقا بحجم 1.3 مليار معلمة. يبلغ النموذج دقة 71.4 % على معيار XQA المختلق، أي أعلى بثلاث نقاط من نموذج أكبر منه بخمس مرات.",
            ("ليلى المختلقة", "Bo Inventar"),
            "cs.CL",
        ),
        listed(
            2,
            "מודל בדוי לתרגום שפת סימנים (SignX) בזמן אמת",
            "אנו מציגים מודל בדוי שמתרגם שפת סימנים בעיכוב של 80 אלפיות השנייה. הדיוק עולה מ-62 % ל-74 % על 5,000 משפטים שהומצאו.",
            ("נועה בדויה",),
            "cs.CV",
        ),
        listed(3, *_ORDINARY[3]),
    )


def cjk() -> tuple[Listed, ...]:
    """Titles and abstracts in Chinese, Japanese and Korean."""
    return (
        listed(
            1,
            "用虚构的小型规划器追上大型规划器：稀疏路由方法",
            "大型语言模型主导了规划任务。我们把计划的每一步交给八个虚构的小专家之一。在一个虚构的家务基准上，13亿参数的规划器达到71.4 %，而70亿参数的稠密模型为70.9 %。",
            ("虚明", "架空太郎"),
            "cs.AI",
        ),
        listed(
            2,
            "架空の長い対話のためのキャッシュ圧縮",
            "同じことを言う文のキャッシュをまとめ、四分の一だけを残す。十万語の架空の対話で、百回のうち九十七回は答えが変わらなかった。",
            ("架空花子",),
            "cs.CL",
        ),
        listed(
            3,
            "가상의 표를 테두리로 읽는 방법",
            "스캔한 논문의 표는 글자가 나쁘면 잘 읽히지 않는다. 가상의 표 5,000개 가운데 94 %의 격자를 되찾는다.",
            ("가상훈",),
            "cs.CV",
        ),
    )


def emoji() -> tuple[Listed, ...]:
    """Signs outside the basic plane, joined ones, flags, and marks that stand on others."""
    return (
        listed(
            1,
            "🦜 Parrots at scale: an invented model that repeats 👩🏽‍🔬 and 🇪🇺 faithfully",
            "We train a made-up parrot 🦜 on a billion invented sentences. It repeats 99.2 % of them, family emoji 👨‍👩‍👧‍👦 included, and stays silent on the rest.",
            ("Zoë Ë̀ccentric", "Nguyễn Bịa Đặt"),
        ),
        listed(2, "Plain, after all that 🎉🎉🎉🎉🎉", _ORDINARY[4][1]),
    )


def gaps() -> tuple[Listed, ...]:
    """Papers of which almost nothing is known: no abstract, no authors, no category, no votes, no links."""
    bare = listed(1, "A title and nothing else", "", (), "", None)
    unlinked = replace(bare.paper, links=())
    nameless = listed(3, "", _ORDINARY[5][1], (), "", 0)
    return (
        replace(bare, paper=unlinked, mentions=()),
        listed(2, "No abstract, one author, no votes", "", ("Ada Madeup",), "cs.LG", None),
        nameless,
    )


def hostile() -> tuple[Listed, ...]:
    """What somebody might put into a title, a name or a link to break the mail or its reader."""
    script = "<script>document.documentElement.dataset.owned='yes'</script>"
    attack = listed(
        1,
        f'</h2></td></tr></table>{script}<img src=x onerror="alert(1)"> a title that closes tables',
        f"First sentence{script} of an attack that we made up. <!-- --> <style>*{{display:none}}</style> {{{{ 7*7 }}}} {{% raw %}} ]]> &amp;lt;b&amp;gt; \x00\u202e reversed.",
        ('"><svg onload=alert(2)>', "Bobby\r\nBcc: victim@example.org"),
        '"><x',
    )
    unsafe = (
        Link(rel="abstract", url="javascript:alert(3)"),
        Link(rel="pdf", url='https://papers.example.org/"onmouseover="alert(4)'),
        Link(rel="code", url="https://name:password@papers.example.org/code"),
    )
    linked = listed(2, "Links that must not be followed", _ORDINARY[1][1])
    return (
        attack,
        replace(linked, paper=replace(linked.paper, links=unsafe), mentions=()),
        listed(3, "An ordinary paper between them", _ORDINARY[2][1]),
    )


def crowd() -> tuple[Listed, ...]:
    """A paper by three thousand authors."""
    names = [f"Author {number} Madeup" for number in range(1, 3001)]
    return (
        listed(1, "A measurement that we made up, by everybody", _ORDINARY[6][1], names),
        *ordinary(2)[1:],
    )


def sources() -> tuple[SourceStatus, ...]:
    """Three sources, two of them in trouble."""
    told = (
        ("A made-up source", SourceState.FRESH, "41 entries"),
        ("Another one", SourceState.FAILING, "no answer in 30 seconds, for the third time"),
        ("A third", SourceState.PARTIAL, "4 entries, where 60 are usual on a Thursday"),
    )
    return tuple(
        SourceStatus(
            name=name,
            location=f"{HOST}/feed",
            state=state,
            reason=reason,
            last_attempt=NOON,
            last_success=NOON - dt.timedelta(hours=26),
            entries=4,
        )
        for name, state, reason in told
    )
