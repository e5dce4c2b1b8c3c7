"""The phrases by which a sentence of an abstract gives away what it does: claims, reports, motivates, leans, points.

Rule 1: a cue speaks of form only, so that it holds for every field; the lists grew by reading summaries of real
        abstracts, and a few words of other languages stand beside the English ones.
Rule 2: what matches no cue is neutral; a text in another language is then chosen from by place and length.
"""

# ruff: noqa: RUF001 (dashes, primes, Greek and other scripts are what is matched)

from __future__ import annotations

import re
from itertools import groupby


def _any(*patterns: str) -> re.Pattern[str]:
    """Looks for these in a text of small letters: to ask for either case would take nearly twice as long.

    Neighbours that begin at a word's border ask for it together, which halves the time once more.
    """
    runs = groupby(patterns, key=lambda pattern: pattern.startswith(r"\b"))
    return re.compile(
        "|".join(
            rf"\b(?:{'|'.join(pattern[2:] for pattern in run)})" if words else "|".join(run)
            for words, run in runs
        )
    )


# --- which sentences may stand --------------------------------------------------------------------

#: Says that something can be downloaded, or is a link itself: the card has its own.
POINTER = _any(
    r"https?://",
    r"www\.",
    r"\b(github|gitlab|huggingface|zenodo|osf|bitbucket)\.(com|co|io|org)\b",
    r"\b(codes?|data|datasets?|models?|weights|checkpoints|demos?|videos?|implementations?|software|package|project|"
    r"materials?|resources?|benchmarks?|toolkit|library|artifacts?|scripts|website|page|repository|everything)\b"
    r"[^.;]{0,90}\b(is|are|be|made|been|freely|publicly|openly)( now| all| made)* "
    r"(publicly |freely |openly |fully )?(available|released|accessible|open[- ]sourced?|hosted)\b",
    r"\bcan be (found|accessed|obtained|downloaded) (at|on|in|here|from)\b",
    r"\b(demo|project|web) ?page\b",
    r"\b(release|open[- ]source|publish|share)d? (all |both |the |our |its |this )*[^.;]{0,40}"
    r"\b(codes?|weights|checkpoints|implementation|datasets?)\b[^.;]{0,60}\.?$",
    r"^\W*(supplementary|keywords?|comments?|accepted|submitted|to appear|copyright|doi|arxiv)\b",
    r"代码.{0,12}(开源|公开|可用|获取)",
)
#: Contradicts, concludes from or continues what stood right before.
CONNECTIVE = _any(
    r"^\W*(however|but|yet|nevertheless|nonetheless|still|instead|rather|conversely|otherwise|therefore|thus|hence|"
    r"consequently|accordingly|then|next|so|similarly|likewise|meanwhile|indeed|afterwards?|subsequently|"
    r"specifically|concretely|namely|thereby|either|neither|or|and|nor|also|too|for (example|instance|this|that|these)|"
    r"as a (result|consequence)|in (contrast|particular|turn|response|other words|this way|doing so|so doing|such)|"
    r"on the (other hand|contrary)|by (contrast|doing so)|at the same time|to (this|that|do so)( end)?|that is|with this|"
    r"under (this|these|such)|(given|from|through|using|via|despite|due to|because of|following|unlike|like|(inspired|motivated|guided|informed) by|"
    r"built on|building on|leveraging) (this|these|that|those|such|it|them))\b(?!-)",
    r"^(然而|但是|因此|此外|并且|而且)",
    r"\b(aforementioned|the above)\b",
    r"^[^.]{0,60}\b(however|therefore|thus|hence)\b",
)
#: Speaks of what stood before; at the very beginning of an abstract it speaks of nothing that was left out.
POINTS_BACK = _any(
    r"^\W*(it|its|they|their|them|he|she|his|her|such|those|that|the (latter|former|two|three|other|others|same|"
    r"second|third|first|resulting|key idea|result|results|core idea|former))\b",
    r"^\W*(this|these)\b(?! (paper|work|study|article|survey|report|review|letter|note|thesis|manuscript|chapter|"
    r"research|tutorial|project|dissertation|contribution|investigation|position paper)\b)",
    r"^\W*(both|all|one|another|each|none|some|most|many|several|two|three|four|five) (of (them|these|those)|such|"
    r"other|others|are|is|stages?|components?|modules?|contributions?)\b",
    r"^\W*(another|second(ly)?|third(ly)?|fourth(ly)?|first(ly)?|lastly|one (key|main|major)|step)\b(?=,|:| \w+)",
    r"^\W*(\(?(i|ii|iii|iv|[1-9]|a|b|c)\)|[1-9][.)] )",
    r"^(其中|它|这)",
)
#: Answers something that was said before: "To close this gap, we", "Our results". It opens a summary if nothing
#: better does.
ANSWERING = _any(
    r"^\W*(our|the) (results|findings|experiments|analysis|analyses|evaluations?)\b",
    r"^\W*conclusions?\b",
    r"^\W*(to|in order to|aiming to|for) [^,]{0,120}\b(this|these|those|such|the above|that)\b[^,]{0,80}, ",
    r"^\W*(based|building) on (this|these|that|those)\b",
    r"^\W*to (address|tackle|overcome|solve|mitigate|resolve|bridge|fill|remedy|alleviate|counter)\b",
    r"\b(these|this|those|such|the above(mentioned)?|aforementioned) (\w+ )?(issues?|challenges?|problems?|gaps?|"
    r"limitations?|bottlenecks?|trade-?offs?|questions?|shortcomings?|needs?|dilemmas?|obstacles?)\b",
)
#: Adds to what was said: stands second anywhere, and first nowhere.
ADDING = _any(
    r"^\W*(moreover|furthermore|additionally|besides|in addition|finally|overall|notably|importantly|remarkably|"
    r"interestingly|surprisingly|crucially|strikingly|empirically|experimentally|theoretically|more broadly|together|"
    r"taken together|in summary|in conclusion|to summarize)\b",
    r"^\W*we (then|next|finally)\b",
    r"^[^.,]{0,60}\b(also|further|additionally|furthermore)\b",
)
STARTS_BADLY = re.compile(r"^[^\w\"'“‘(\[$±~≥≤<>∼+#@*α-ωΑ-Ω∇∂√∞-]", re.UNICODE)
ENDS_WELL = re.compile("[.!?。！？．؟۔।][\"'”’»)\\]」』”’）]*$")

#: The end of a text that a feed cut short.
CUT = re.compile("(…|\\.\\.\\.|\\[…\\])[\"'”’)]*$")

# --- what they say --------------------------------------------------------------------------------

_VERBS = (
    r"propos\w*|present\w*|introduc\w*|develop\w*|show\w*|demonstrat\w*|find|found|prove\w*|establish\w*|design\w*|"
    r"reveal\w*|deriv\w*|report\w*|discover\w*|buil[dt]\w*|construct\w*|identif\w*|formulat\w*|describ\w*|creat\w*|"
    r"provid\w*|observ\w*|argu\w*|extend\w*|address\w*|devis\w*|formali[sz]\w*|quantif\w*|measur\w*|detect\w*|obtain\w*|"
    r"present|offer\w*|solv\w*|characteri[sz]\w*|conduct\w*|determin\w*|stud(y|ies|ied)|investigat\w*|explor\w*|"
    r"analy[sz]\w*|examin\w*|consider\w*|evaluat\w*|compar\w*|review\w*|survey\w*|discuss\w*|us(e|ed)"
)
#: What a paper is about is said with these, once.
STRONG = _any(
    r"\b(we|(this|the) (paper|work|study|article|thesis)) (\w+ly |here |hereby |first |therefore |thus )*"
    r"(propos|present|introduc|develop|build|design|show|prov(e|ing)|find|found|demonstrat|establish|construct|deriv|report)",
    r"\bwe [^.;]{0,80} and (propose|present|introduce|develop)\b",
    r"\b(is|are) (proposed|presented|introduced)\b",
)
WEAK = re.compile(
    r"\bwe (also |then |further |first |next )*(stud(y|ied)|investigat\w*|explor\w*|analy[sz]\w*|examin\w*|consider\w*|"
    r"evaluat\w*|compar\w*|review\w*|survey\w*|discuss\w*|conduct\w*|us(e|ed)|address\w*)\b"
)
CLAIM = _any(
    rf"\bwe (\w+ly |also |further |first |here |hereby |can |are able to |have |then )*({_VERBS})\b",
    r"\b(this|the|our) (present )?(paper|work|study|article|survey|report|letter|thesis|note|review)"
    rf" (\w+ly |also |first )*({_VERBS}|aims|proposes|presents|introduces|shows)\b",
    r"\b(in this (paper|work|study|article|letter|report|survey|note))\b",
    r"^\W*here,? (we|i)\b",
    r"\b(is|are) (proposed|presented|introduced|developed|shown|derived|proved|established|demonstrated)\b",
    r"我们(提出|证明|发现|展示|介绍|设计)",
    r"本文(提出|介绍|研究|证明)",
    r"wir (zeigen|stellen|entwickeln|präsentieren)",
    r"nous (proposons|montrons|présentons)",
    r"(proponemos|mostramos|presentamos)",
)
NAMED = re.compile(
    r"\b(propose|present|introduce|develop|call|design|build|release)s? [^.;]{0,40}?\b([A-Z]\w*[A-Z0-9]\w*)"
)
RESULT = _any(
    r"(?<!\A)(?<!to )\b(outperform|surpass|exceed|beat|achiev|improv|reduc|increas|decreas|lower|rais|boost|accelerat|"
    r"speed|halv|doubl|gain|drop|sav(e|es|ed|ing))\w*\b",
    r"\bstate[- ]of[- ]the[- ]art\b",
    r"\bsota\b",
    r"\b(faster|better|cheaper|higher|lower|smaller|fewer|larger|stronger|more|less)"
    r" [^.]{0,40}\bthan\b",
    r"\b(results|experiments|evaluations?|simulations|findings|analysis|analyses|observations) (\w+ ){0,6}?"
    r"(show|demonstrate|indicate|reveal|suggest|confirm|validate|prove)s?\b",
    r"\bwe (\w+ly )?(find|found|show|showed|prove|proved|observe|demonstrate|discover|obtain|detect|conclude)\w*\b",
    r"^\W*(results?|findings|conclusions?)\s*[:—–-]",
    r"\b(up to|as much as|at least|on average|by a factor of)\b",
    r"提高",
    r"提升",
    r"降低",
    r"减少",
    r"优于",
    r"达到",
)
FIGURE = re.compile(
    r"(?<![\w.])[-+±~≈]?\d[\d,.]*\s?(%|×|x\b|times\b|-?fold\b|percent|points?\b|pp\b|dB\b|ms\b|[σkMBK]\b|σ)"
    r"|\b(from|by|of|to|at|than|over|under|only|with|above|below|about) [-~≈<>≤≥]?\d[\d,.]*"
)
COMPARED = _any(
    r"\b(compared (to|with)|relative to|versus|vs\.?|over (the )?(prior|previous|existing|strong|best|current)|than|"
    r"baselines?|by|from \S+ to)\b"
)
BACKGROUND = _any(
    r"\b(in recent (years|times|decades)|recent(ly)?,? |over the (past|last)|has (recently )?(attracted|emerged|become|"
    r"gained|received|shown|been|made|seen|revolutioni[sz]ed|led)|have (recently )?(attracted|emerged|become|gained|"
    r"received|shown|been|made|achieved|demonstrated|revolutioni[sz]ed|led)|remains? (a|an|one|unclear|under|largely|"
    r"challeng\w*|difficult|open|limited|poorly|elusive|unknown|unexplored))",
    r"\b(existing|earlier|early|current|traditional|conventional|prior|previous|most|classical|today's|standard)( \S+)? "
    r"(methods?|approach\w*|works?|systems?|models?|studies|benchmarks?|techniques?|research|literature|agents?|"
    r"frameworks?|solutions?|pipelines?|datasets?|evaluations?|algorithms?|paradigms?|practice)\b",
    r"\b(is|are) (\w+ )?(an?|one of the) ?(\w+ )?(important|fundamental|key|central|crucial|essential|critical|"
    r"long[- ]standing|common|popular|powerful|promising|core|major|open|active|widely|challenging)\b",
    r"\b(is|are) (\w+ly )?(important|fundamental|crucial|essential|critical|challenging|difficult|limited|widely|"
    r"increasingly|often|typically|known|vital|common|ubiquitous|hard|expensive|costly|prone|needed|necessary)\b",
    r"\b(suffers?|struggles?|lacks?|neglects?|overlooks?|ignores?|fails?|hinders?|fall short|relies|rely) \w+\b",
    r"\b(challeng\w+|bottleneck|little is known|plays? an?|often|typically|usually|despite|although|while|whether)\b",
    r"^\W*(background|objectives?|purpose|aims?|context|motivation|introduction|methods?|materials and methods|"
    r"importance|design|setting)\s*[:.—–-]",
    r"\b(understanding|advances?|progress|growing|rapid|increasing(ly)? (interest|attention|demand|used|deployed))\b",
    r"^\W*(can|how|do|does|what|why|is|are|which|when) [^.]{0,400}\?$",
)
DETAIL = _any(
    r"^\W*(specifically|concretely|we (first|then|next)|first|the (framework|model|method|architecture|system|"
    r"pipeline|dataset|benchmark) (\w+ )?(consists?|comprises?|contains?|is based|is trained|is built|is composed))\b",
    r"\b(consists? of|comprises|is composed of|are then|is then|each of which)\b",
    r"\b(we|is|are|were) (\w+ly )?(evaluated?|tested|conducted?|performed?|train(ed)?|apply|applied|use|validated?)\b",
)
OUTLOOK = _any(
    r"\b(future (work|research|directions?|studies)|pav\w+ the way|we hope|we discuss|open(s|ing)? (up )?(new|the door)|"
    r"implications|sheds? light|lays? the (foundation|groundwork)|promising (direction|path|avenue)|"
    r"(underscor|highlight)\w* the (need|importance|potential)|provides? a (foundation|basis|step)|potential (to|for|of))\b",
)
