"""Vectors of any sentence-transformers model, on a GPU if there is one. The one door for sentence-transformers.

The library and its torch are an extra, and slow to import: they are when a model is loaded, once a process.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from functools import cache

import numpy as np

from digest.errors import ConfigError
from digest.rank.vectors import Floats, unit

#: One line from each of many fields. The mean of their vectors is what all texts share, of which some models have so
#: much that any two texts look alike (Ethayarajh 2019); it is taken away.
FIELDS = (
    "Deep neural networks for image recognition",
    "Large language models and text generation",
    "Reinforcement learning for robot control",
    "Speech recognition and audio processing",
    "Distributed systems and databases",
    "Program verification and programming languages",
    "Cryptography and network security",
    "Human-computer interaction and user studies",
    "Galaxies, stars and cosmology",
    "Quantum information and superconducting circuits",
    "Semiconductor materials and thin films",
    "Particle physics at colliders",
    "Fluid dynamics and turbulence",
    "Algebraic geometry and number theory",
    "Partial differential equations and numerical analysis",
    "Bayesian statistics and causal inference",
    "Gene expression and genome sequencing",
    "Protein structure and drug discovery",
    "Neurons, memory and brain imaging",
    "Ecology, evolution and biodiversity",
    "Clinical trial of a treatment for cancer patients",
    "Public health and epidemiology of infection",
    "Organic synthesis and catalysis",
    "Climate change and atmospheric chemistry",
    "Economic growth, markets and policy",
    "Social networks and political behaviour",
    "Education and learning in schools",
    "Psychology of perception and decision making",
)
#: Texts that the model reads together.
BATCH = 32

#: The library's encoders: texts as rows of any length.
Encode = Callable[..., Floats]


class Neural:
    """One model, loaded; may be shared by threads, which take turns."""

    def __init__(self, name: str, documents: Encode, queries: Encode) -> None:
        self.name = name
        self._documents, self._queries = documents, queries
        self._turn = threading.Lock()
        self._shared = self._encode(documents, FIELDS).mean(axis=0)
        self.dimensions = len(self._shared)

    def documents(self, texts: Sequence[str]) -> Floats:
        """One row a title with its abstract, as far as the model reads; MiniLM reads 256 word pieces."""
        return self._centred(self._documents, texts)

    def queries(self, texts: Sequence[str]) -> Floats:
        """One row a phrase; a model that was trained to be asked in another way than it is told is."""
        return self._centred(self._queries, texts)

    def _centred(self, encode: Encode, texts: Sequence[str]) -> Floats:
        said = np.array([bool(text.strip()) for text in texts])[:, None]
        return unit((self._encode(encode, texts) - self._shared) * said)

    def _encode(self, encode: Encode, texts: Sequence[str]) -> Floats:
        with self._turn:  # the library's tokenizers are not safe for two threads
            return unit(encode(list(texts), batch_size=BATCH, show_progress_bar=False, convert_to_numpy=True))


@cache
def load(model: str) -> Neural:
    """The model of that name or in that folder, loaded once a process.

    One that is on this machine is read from it, and nobody is asked. Another is fetched by the library from its hub,
    since the operator named it. ConfigError if the extra is not installed or the model cannot be had.
    """
    try:
        from sentence_transformers import SentenceTransformer  # noqa: PLC0415 (slow, and an extra)
    except ModuleNotFoundError as error:
        raise ConfigError(
            f"ranking.embedder needs sentence-transformers: pip install 'daily-digest[neural]': {model!r}"
        ) from error
    try:
        found = SentenceTransformer(model, local_files_only=True)
    except Exception:  # noqa: BLE001 (whatever the library raises: it is not here)
        found = None
    try:
        found = found or SentenceTransformer(model)
    except Exception as error:  # whatever the library raises, the model cannot be had
        said = str(error).strip().partition("\n")[0]
        raise ConfigError(
            "ranking.embedder names a model that cannot be loaded; give a folder that holds one, or the name of one "
            f"on the library's hub while it can be reached ({said[:200]}): {model!r}"
        ) from error
    return Neural(model, found.encode_document, found.encode_query)
