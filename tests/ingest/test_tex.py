"""Formulas read as a mathematician would write them in a mail, with nothing lost."""

from __future__ import annotations

import re
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digest.ingest.text import readable

#: TeX, and what is to stand in a subject line; written for this test.
FORMULAS = {
    "$O(n^2)$": "O(n²)",
    "$\\mathcal{L}_{\\text{task}}$": "ℒ_task",
    "$\\mathcal{L}_{task}+\\lambda\\mathcal{L}_{reg}$": "ℒ_task+λℒ_reg",
    "$\\frac{1}{2}$": "1/2",
    "$\\frac{\\partial f}{\\partial x}$": "∂f/∂x",
    "$\\tfrac{n}{\\log n}$": "n/(log n)",
    "\\textbf{bold \\emph{and} nested}": "bold and nested",
    'Schr\\"odinger, Erd\\H{o}s, \\\'Etale, na\\"{\\i}ve, Fran\\c{c}ois, \\r{A}ngstr\\"om, G\\"odel, {\\L}ukasiewicz': "Schrödinger, Erdős, Étale, naïve, François, Ångström, Gödel, Łukasiewicz",
    "a--b and c---d": "a–b and c—d",
    "``quotes'' and `single'": "“quotes” and ‘single’",
    "10\\% of $5\\%$": "10% of 5%",
    "$5 to $10": "$5 to $10",
    "cost \\$5 vs. $x$": "cost $5 vs. x",
    "from $5 to $10 million and $n$ steps": "from $5 to $10 million and n steps",
    "$\\{x_{i_j}\\}_{j=1}^{n}$": "{x_(iⱼ)}ⱼ₌₁ⁿ",
    "$x_{i_{j}}^{2}$": "x_(iⱼ)²",
    "$\\sqrt{n}$": "√n",
    "$\\sqrt[3]{n+1}$": "∛(n+1)",
    "$\\sum_{i=1}^{n} x_i$": "∑ᵢ₌₁ⁿ xᵢ",
    "$\\int_0^\\infty e^{-x}\\,dx$": "∫₀^∞ e⁻ˣ dx",
    "$\\hat{y}$ and $\\bar{x}$, $\\tilde{O}(n)$": "ŷ and x̅, Õ(n)",
    "$\\widetilde{O}(\\sqrt{T})$": "Õ(√T)",
    "$\\mathbb{R}^{n\\times d}$": "ℝ^(n×d)",
    "$\\alpha\\to\\infty$": "α→∞",
    "$a \\leq b \\ll c$": "a ≤ b ≪ c",
    "$\\mathrm{GeV}/c^2$": "GeV/c²",
    "$\\sim 10^{-3}$": "∼ 10⁻³",
    "$\\ell_2$-norm, $\\ell_{\\infty}$": "ℓ₂-norm, ℓ_∞",
    "$p<0.05$": "p<0.05",
    "$\\pm 0.3$": "± 0.3",
    "$1.5\\times$ faster": "1.5× faster",
    "$\\approx$90\\%": "≈90%",
    "$^{13}$C NMR, H$_2$O": "¹³C NMR, H₂O",
    "$T_c$, $T_\\mathrm{c}$": "T_c, T_c",
    "$\\binom{n}{k}$": "(n choose k)",
    "$\\left(\\frac{a}{b}\\right)^2$": "(a/b)²",
    "$\\lfloor x \\rfloor$ and $\\lceil y\\rceil$": "⌊ x ⌋ and ⌈ y⌉",
    "$\\|x\\|_2$, $|x|$": "‖x‖₂, |x|",
    "$\\langle x, y \\rangle$": "⟨ x, y ⟩",
    "$f:\\mathcal{X}\\rightarrow\\mathcal{Y}$": "f:X→Y",
    "$\\operatorname{arg\\,max}_x f(x)$": "arg maxₓ f(x)",
    "$\\arg\\max_{\\theta}$": "arg max_θ",
    "$\\mathbf{x}^\\top \\mathbf{y}$": "xᵀ y",
    "$x^*$, $x^{\\ast}$, $f^\\prime$": "x*, x*, f′",
    "$f'(x)$, $f''$": "f'(x), f″",
    "\\(a+b\\) and \\[c=d\\]": "a+b and c=d",
    "$$E = mc^2$$": "E = mc²",
    "\\begin{equation}E=mc^2\\end{equation}": "E=mc²",
    "\\cite{foo2020} shows; see Fig.~\\ref{fig:1}": "[foo2020] shows; see Fig. [fig:1]",
    "\\textit{in vivo}, {\\bf bold}, {\\it it}": "in vivo, bold, it",
    "\\mathcal{L}_{\\text{task}} without dollars": "ℒ_task without dollars",
    "R$^2$ of 0.9 and k$\\Omega$": "R² of 0.9 and kΩ",
    "$\\lambda_{\\max}$, $\\epsilon$-DP, $\\varepsilon$": "λₘₐₓ, ϵ-DP, ε",
    "\\underline{x}\\footnote{note}": "x (note)",
    "$\\mathcal{O}\\left(\\frac{1}{\\sqrt{T}}\\right)$": "O(1/√T)",
    "$N_\\text{eff}$": "N_eff",
    "$x_{t+1} = x_t - \\eta\\nabla f(x_t)$": "xₜ₊₁ = xₜ - η∇ f(xₜ)",
    "$\\overline{AB}$, $\\vec{v}$, $\\dot{x}$": "A̅B̅, v⃗, ẋ",
    "$A\\setminus B$, $A\\cup B\\cap C$, $\\emptyset$": "A∖ B, A∪ B∩ C, ∅",
    "$\\mathsf{NP}$-hard, $\\mathfrak{g}$": "NP-hard, g",
    "$\\pmod{p}$, $a \\equiv b \\mod n$": "(mod p), a ≡ b mod n",
    "$\\%$ and \\& and \\#": "% and & and #",
    "$2^{\\aleph_0}$": "2^(ℵ₀)",
    "$\\text{ReLU}(x)$, $\\texttt{code}$": "ReLU(x), code",
    "$\\mathbb{E}_{x\\sim p}[f(x)]$": "E_(x∼p)[f(x)]",
    "$\\not=$ $\\neq$ $\\notin$": "≠ ≠ ∉",
    "$\\xrightarrow{d}$": "→ᵈ",
    "$\\stackrel{d}{=}$, $\\overset{d}{\\to}$": "=ᵈ, →ᵈ",
    "$\\underbrace{a+b}_{n}$": "(a+b)ₙ",
    "\\textsc{Small} \\texttt{tt} \\textsf{sf}": "Small tt sf",
    '{\\"u}ber {\\ss}': "über ß",
    "$\\ge 3\\sigma$": "≥ 3σ",
    "**bold** and *it* markdown": "bold and *it* markdown",
    "$K_{3,3}$ and $x_{-1}$": "K_(3,3) and x₋₁",
    "$\\mathcal{N}(0,\\sigma^2 I)$": "N(0,σ² I)",
    "$e^{i\\pi}$, $e^{-\\lambda t}$": "e^(iπ), e^(-λ t)",
    "$10^{15.3}$ and $M_{\\odot}$, $M_\\star$": "10¹⁵.³ and M_⊙, M_⋆",
    "$\\mu$m, $\\mu$s, 5$^\\circ$C, 3$\\arcsec$": "μm, μs, 5°C, 3″",
    "$\\Delta$AIC, $\\chi^2/\\mathrm{dof}$": "ΔAIC, χ²/dof",
    "$\\cdots$, $\\ldots$, \\dots": "⋯, …, …",
    "${\\cal N}=4$ and ${\\rm SU}(2)$": "N=4 and SU(2)",
    "$(1+\\epsilon)$-approximation in $\\mathrm{poly}(n,1/\\epsilon)$ time": "(1+ϵ)-approximation in poly(n,1/ϵ) time",
    "\\url{https://example.org/a_b} \\href{https://x.org}{site}": "https://example.org/a_b site (https://x.org)",
    "$\\bigl(a\\bigr)$, $\\Big|x\\Big|$": "(a), |x|",
    "$\\mathop{\\mathrm{argmin}}$": "argmin",
    "$x\\,y\\;z\\!w\\quad v$": "x y zw v",
    "$\\sim\\!90\\%$": "∼90%",
    "O($n \\log n$)": "O(n log n)",
    "$\\tau_\\pi$": "τ_π",
    "$\\mathbb{1}[x>0]$": "1[x>0]",
    "$\\mathrm{d}x/\\mathrm{d}t$": "dx/dt",
    "$D_{\\mathrm{KL}}(p\\|q)$": "D_KL(p‖q)",
    "$\\mathcal{S}^{d-1}$, $\\mathbb{Z}_{\\ge 0}$": "Sᵈ⁻¹, ℤ_(≥0)",
    "$\\sqrt{LMK}$ and $\\sqrt{N_s}$": "√(LMK) and √Nₛ",
    "2**n**2 stays": "2**n**2 stays",
    "\\underline{L}arge \\underline{M}odels": "Large Models",
    "$5 for $x$ and $y$, or \\$5": "$5 for x and y, or $5",
    "$\\widehat{C}$, $\\widehat{abc}$": "Ĉ, abc",
}


@pytest.mark.parametrize("tex", FORMULAS)
def test_a_formula_reads_as_it_would_be_written_by_hand(tex: str) -> None:
    assert readable(tex) == FORMULAS[tex]


@pytest.mark.parametrize("tex", FORMULAS)
def test_what_was_read_is_never_raw_tex(tex: str) -> None:
    assert not re.search(r"\\[A-Za-z]|(?<!\d)\$[a-z]|[{}]{2}|``", readable(tex))


LETTERS = st.sampled_from("abcdkmnpqrstxyz")
ATOMS = LETTERS | st.integers(0, 99).map(str)


def _wrapped(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    pair = st.tuples(inner, inner)
    return st.one_of(
        pair.map(lambda two: rf"\frac{{{two[0]}}}{{{two[1]}}}"),
        pair.map(lambda two: rf"\tfrac{{{two[0]}}}{{{two[1]}}}"),
        pair.map(lambda two: rf"\binom{{{two[0]}}}{{{two[1]}}}"),
        pair.map(lambda two: rf"\sqrt[{two[0]}]{{{two[1]}}}"),
        pair.map(lambda two: f"{two[0]}+{two[1]}"),
        inner.map(lambda one: rf"\left({one}\right)"),
        inner.map(lambda one: rf"\mathbf{{{one}}}"),
        inner.map(lambda one: rf"\underbrace{{{one}}}"),
    )


@given(st.recursive(ATOMS, _wrapped, max_leaves=6))
def test_no_letter_and_no_digit_of_a_formula_is_lost(formula: str) -> None:
    bare = re.sub(r"\\[a-z]+", "", formula)
    plain = unicodedata.normalize("NFKC", readable(f"${formula}$").replace("choose", "").replace("mod", ""))
    roots = {"∛": "3", "∜": "4"}
    said = [c for c in "".join(roots.get(c, c) for c in plain) if c.isalnum()]
    # The index of a plain root is not written: √x is \sqrt[2]{x}.
    missing = [c for c in bare if c.isalnum() and said.count(c) < bare.count(c) and c != "2"]
    assert missing == []
