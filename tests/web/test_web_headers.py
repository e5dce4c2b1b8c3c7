"""What a site under https, or under a path of its host, adds."""

from __future__ import annotations

import pytest

from digest.web.headers import Headers


def test_a_site_on_https_says_that_it_will_stay_there() -> None:
    assert "max-age=" in Headers(base="", https=True).of("/")["Strict-Transport-Security"]
    assert "Strict-Transport-Security" not in Headers(base="", https=False).of("/")


@pytest.mark.parametrize("path", ["/confirm/x", "/unsubscribe/x", "/preferences/x", "/preferences/x/digest"])
def test_whatever_a_token_opens_is_kept_nowhere(path: str) -> None:
    headers = Headers(base="", https=True).of(path)
    assert (headers["Cache-Control"], headers["X-Robots-Tag"]) == ("no-store", "noindex")


@pytest.mark.parametrize(
    ("base", "path", "inner"),
    [
        ("", "/", "/"),
        ("", "/confirm/x", "/confirm/x"),
        ("/digest", "/digest", "/"),
        ("/digest", "/digest/", "/"),
        ("/digest", "/digest/confirm/x", "/confirm/x"),
        ("/digest", "/confirm/x", "/confirm/x"),
        ("/digest", "/digestive", "/digestive"),
        ("/digest", "/digest/digest", "/digest"),
    ],
)
def test_the_sites_own_path_may_be_there_or_not(base: str, path: str, inner: str) -> None:
    assert Headers(base=base, https=True).inner(path) == inner
