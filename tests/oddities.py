"""Editions as they never are, one oddity each."""

from __future__ import annotations

from factories import a_listed

from digest.model import Edition, Link


def odd_papers(*changes):
    listed = tuple(a_listed(number, **change) for number, change in enumerate(changes, 1))
    return Edition(id=1, published_at=listed[0].paper.first_seen, papers=listed)


def usual(number):
    """A paper of normal size: three sentences, four links."""
    arxiv = f"2604.{number:05}"
    rels = {
        "abstract": f"https://arxiv.org/abs/{arxiv}",
        "pdf": f"https://arxiv.org/pdf/{arxiv}",
        "discussion": f"https://huggingface.co/papers/{arxiv}",
        "code": f"https://github.com/example-lab/some-repository-{number}",
    }
    return {
        "title": f"A title of usual length about thing {number}, its many uses and its limits",
        "abstract": f"Thing {number} has been studied for years with methods that need much data and more patience. "
        f"We show that {number} examples are enough when they are chosen well, and that choosing takes minutes. "
        "On nine benchmarks this is better than all that came before it, by four points on average.",
        "authors": tuple(f"Given Familyname {n}" for n in range(6)),
        "links": tuple(Link(rel=rel, url=url) for rel, url in rels.items() if rel != "code" or number % 5),
    }


LONG = (
    "A very long title that says what was done, how it was done, to whom, and why nobody did it before: " * 3
)
EDITIONS = {
    "one": odd_papers({}),
    "fifty": odd_papers(*map(usual, range(1, 51))),
    "gaps": odd_papers(
        {"abstract": "", "authors": ()}, {"categories": (), "authors": ()}, {"votes": None, "abstract": ""}, {"votes": None}
    ),
    "long": odd_papers({"title": LONG.strip()}, {"title": "Deoxyribonucleic" * 20}),
    "maths": odd_papers(
        {"title": "Sorting ε-close keys in O(n² log n) for 𝒢 ⊂ ℝᵈ", "abstract": "We prove ‖x‖₂ ≤ √2 for β → ∞, and p(x | y) ≈ 0.3."},
        {"title": "α-Divergence ≠ KL: when x ∈ [0, 1)"},
    ),
    "wide": odd_papers(
        {"title": "大规模语言模型的稀疏路由", "abstract": "我们提出一种方法。它比以前的方法更快。", "authors": ("张 伟", "李 娜")},
        {"title": "小さなモデルは計画できるか", "authors": ("田中 花子",)},
    ),
    "rtl": odd_papers({"title": "בינה מלאכותית עם מודל קטן", "authors": ("דנה לוי",)}),
    "emoji": odd_papers({"title": "🦜 Parrots and 🧪 people", "abstract": "We count 🦜 in the wild. They are many."}),
    "hostile": odd_papers(
        {"title": "x < y & z > 0: <scr", "abstract": "If a < b & c > d, then <x> is lost. \"Quoted\" and 'single'."}
    ),
    "crowd": odd_papers({"authors": tuple(f"Given Familyname {n}" for n in range(3000))}),
}  # fmt: skip
