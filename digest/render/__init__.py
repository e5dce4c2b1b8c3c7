"""Picks -> cards -> HTML and text: what a reader sees, before it is addressed."""

from digest.render.composer import Composer

__all__ = ["Composer"]
