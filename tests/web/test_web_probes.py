"""What machines of whoever runs it ask, and who may ask it."""

from __future__ import annotations

from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from digest.errors import StoreError
from digest.store import open_store
from digest.web.probes import among


def test_metrics_are_told_to_this_machine_and_hold_no_reader(site) -> None:
    site.reader("vision")
    told = site.ask("GET", "/metrics", X_Forwarded_For="127.0.0.1")
    assert told.status == 200
    text = told.body.decode()
    samples = {s.name: s for family in text_string_to_metric_families(text) for s in family.samples}
    assert samples["digest_incident"].value in {0, 0.5, 1}
    assert "digest_subscribers" in samples
    assert "@" not in text
    assert "example.org" not in text


def test_metrics_are_not_there_for_anybody_else(site) -> None:
    assert site.get("/metrics").status == 404


@pytest.mark.parametrize(
    ("host", "inside"),
    [
        ("127.0.0.1", True), ("::1", True), ("::ffff:127.0.0.1", True), ("10.1.2.3", True), ("fe80::1%eth0", False),
        ("203.0.113.9", False), (None, False), ("unix", False), ("", False),
    ],
)  # fmt: skip
def test_who_is_inside_is_told_by_their_address(host: str | None, inside: bool) -> None:
    assert among(host, ("127.0.0.1", "::1", "10.0.0.0/8")) is inside


def test_readiness_is_told_by_the_jobs_the_database_and_the_disks(site) -> None:
    assert (site.get("/readyz").status, site.get("/readyz").body) == (200, b"ready")


def test_a_database_that_may_only_be_read_is_not_ready(tmp_path: Path) -> None:
    open_store(f"sqlite:///{tmp_path}/digest.db").close()
    with (
        open_store(f"sqlite:///file:{tmp_path}/digest.db?mode=ro&uri=true") as store,
        pytest.raises(StoreError),
    ):
        store.check_writable()
