"""The e-mail in a browser, for whoever writes templates: the very bytes that were or would be sent."""

from digest.preview.app import serve

__all__ = ["serve"]
