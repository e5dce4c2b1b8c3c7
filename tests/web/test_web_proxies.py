"""Whose word counts for where a request came from: over HTTP, from several addresses of this machine."""

from __future__ import annotations

from pathlib import Path

import pytest

from digest import config
from digest.errors import ConfigError

#: The proxy, one behind it, and a peer that is neither.
OUTER, INNER, STRANGER = "127.0.0.3", "127.1.0.1", "127.0.0.9"


@pytest.fixture(scope="module")
def proxied(install, tmp_path_factory: pytest.TempPathFactory):
    """An installation that trusts one address and one network, and not the default."""
    trusted = {"DIGEST_WEB__TRUSTED_PROXIES": f"{OUTER}, 127.1.0.0/16"}
    with install(tmp_path_factory.mktemp("proxied"), papers=False, environment=trusted) as site:
        yield site


def sign_ups(site, name: str, source: str, told: str) -> list[int]:
    """The statuses of six sign-ups that come from `source`; `told` names a client for each."""
    forms = ({"email": f"{name}{number}@example.org"} for number in range(6))
    clients = (told.format(number) for number in range(6))
    return [
        site.ask("POST", "/subscribe", form, source=source, X_Forwarded_For=client).status
        for form, client in zip(forms, clients, strict=True)
    ]


MANY, ONE = [200] * 6, [200] * 5 + [429]


def test_a_trusted_proxy_tells_clients_apart(proxied) -> None:
    assert sign_ups(proxied, "proxy", OUTER, "203.0.113.{}") == MANY
    assert sign_ups(proxied, "network", INNER, "203.0.114.{}") == MANY


def test_what_anybody_else_says_is_ignored(proxied) -> None:
    assert sign_ups(proxied, "stranger", STRANGER, "203.0.115.{}") == ONE
    assert sign_ups(proxied, "default", "127.0.0.1", "203.0.116.{}") == ONE


def test_a_client_cannot_make_up_an_address_before_the_proxys_own(proxied) -> None:
    assert sign_ups(proxied, "spoof", OUTER, "203.0.117.{}, 198.51.100.7") == ONE
    assert sign_ups(proxied, "chain", OUTER, "203.0.118.{}, 198.51.100.8, 127.1.2.3") == ONE


def test_an_address_that_is_none_counts_as_one_network(proxied) -> None:
    assert sign_ups(proxied, "odd", OUTER, "nonsense-{}") == ONE


@pytest.mark.parametrize("wrong", ["*", "proxy.example.org", "10.0.0.1/8", "127.0.0.1:8000"])
def test_what_is_no_address_is_refused_when_loaded(tmp_path: Path, wrong: str) -> None:
    (tmp_path / "digest.toml").write_text(f'[web]\ntrusted_proxies = ["{wrong}"]')
    with pytest.raises(ConfigError, match=r"web\.trusted_proxies.*IP addresses or networks"):
        config.load(tmp_path / "digest.toml", {})
