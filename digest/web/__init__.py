"""Pages for readers: what this is, subscribe, confirm, tune, leave. All of it works without scripts."""

from digest.web.app import app
from digest.web.server import serve

__all__ = ["app", "serve"]
