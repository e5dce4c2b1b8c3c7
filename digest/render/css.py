"""The one door for css-inline: class rules become style attributes, because mail clients drop style sheets.

Only the rules handed to the constructor are inlined. A `<style>` in a document stays as it is: there stand the
rules that cannot be inlined (media queries, dark palettes).
"""

from __future__ import annotations

import css_inline

from digest.errors import RenderError


class Inliner:
    """Inlines one style sheet into documents and fragments; never fetches anything."""

    def __init__(self, style: str) -> None:
        self._style = style
        self._inliner = css_inline.CSSInliner(
            inline_style_tags=False,
            keep_style_tags=True,
            load_remote_stylesheets=False,
            minify_css=True,
            extra_css=style,
        )

    def document(self, html: str) -> str:
        """A whole page, from doctype to `</html>`."""
        try:
            return self._inliner.inline(html)
        except css_inline.InlineError as error:
            raise RenderError(f"style.css cannot be inlined: {error}") from error

    def fragment(self, html: str) -> str:
        """Elements that may stand in a body; a row or a cell needs its table around it."""
        try:
            return self._inliner.inline_fragment(html, self._style)
        except css_inline.InlineError as error:
            raise RenderError(f"style.css cannot be inlined: {error}") from error
