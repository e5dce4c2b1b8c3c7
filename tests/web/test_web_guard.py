"""Who is counted as one network, and whose forms are refused."""

from __future__ import annotations

import ipaddress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from digest.web.guard import is_foreign, network

SITE = "https://digest.example.org/papers"


@settings(deadline=None)
@given(st.ip_addresses(v=4))
def test_an_ipv4_address_is_its_own_network_however_it_is_written(address: ipaddress.IPv4Address) -> None:
    assert network(str(address)) == network(f"::ffff:{address}") == str(address)


@settings(deadline=None)
@given(st.ip_addresses(v=6), st.integers(0, 2**64 - 1))
def test_all_addresses_of_a_customers_ipv6_network_count_as_one(
    address: ipaddress.IPv6Address, other: int
) -> None:
    neighbour = ipaddress.IPv6Address(int(address) >> 64 << 64 | other)
    if address.ipv4_mapped is None and neighbour.ipv4_mapped is None:
        assert network(str(address)) == network(str(neighbour))
        assert network(str(address)) != network(str(ipaddress.IPv6Address(int(address) ^ 1 << 64)))


@pytest.mark.parametrize("host", [None, "", "testclient", "unix:/run/digest.sock"])
def test_clients_without_an_address_count_as_one_network(host: str | None) -> None:
    assert network(host) == "unknown"


def test_a_zone_index_does_not_make_a_network_of_its_own() -> None:
    assert network("fe80::1%eth0") == network("fe80::2%eth1")


@pytest.mark.parametrize(
    ("headers", "foreign"),
    [
        ({}, False),
        ({"origin": "null"}, False),
        ({"origin": "https://digest.example.org"}, False),
        ({"origin": "http://digest.example.org"}, True),
        ({"origin": "http://127.0.0.1:8000", "host": "127.0.0.1:8000"}, False),
        ({"origin": "https://evil.example.net", "host": "digest.example.org"}, True),
        ({"origin": "http://[::1"}, True),
        ({"origin": "https://digest.example.org.evil.example.net"}, True),
        ({"sec-fetch-site": "same-origin", "origin": "null"}, False),
        ({"sec-fetch-site": "none"}, False),
        ({"sec-fetch-site": "cross-site", "origin": "null"}, True),
        ({"sec-fetch-site": "same-site", "origin": "https://blog.example.org"}, True),
        ({"sec-fetch-site": "cross-site", "origin": "https://digest.example.org"}, True),
    ],
)
def test_a_form_of_another_site_is_told_by_what_the_browser_says(
    headers: dict[str, str], foreign: bool
) -> None:
    assert is_foreign(headers, SITE) is foreign
