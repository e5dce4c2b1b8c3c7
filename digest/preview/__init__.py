"""The e-mail in a browser, for whoever writes templates: the very bytes that were or would be sent."""

from digest.preview.bench import Bench
from digest.preview.server import serve

__all__ = ["Bench", "serve"]
