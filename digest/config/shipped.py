"""Where the files are that come with the package."""

from __future__ import annotations

from importlib import resources
from pathlib import Path


def shipped(*parts: str) -> Path:
    """A file of `templates/` or `config/`, whether installed from a wheel or run from a clone."""
    package = Path(str(resources.files("digest")))
    installed = package / "_shipped"
    root = installed if installed.is_dir() else package.parent
    return root.joinpath(*parts)
