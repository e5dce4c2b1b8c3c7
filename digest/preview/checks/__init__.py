"""What an operator's template can break, found in the bytes of a message."""

from digest.preview.checks.finding import Finding, Part, Place, Severity
from digest.preview.checks.report import Report, findings, inspect
from digest.preview.checks.specimen import Post

__all__ = ["Finding", "Part", "Place", "Post", "Report", "Severity", "findings", "inspect"]
