"""Where the pages ask a checker: the one place that knows which."""

from __future__ import annotations

from digest.preview.report import Judge

#: None: nothing is checked, and the pages say so.
judge: Judge | None = None
