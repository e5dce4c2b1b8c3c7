"""Whatever is sent to the API and to the forms: no 5xx, and answers as the descriptions say.

In short by default, in full among the slow tests. schemathesis is used as a library: its plugin for pytest stays
off (pyproject.toml), and hypothesis draws the cases as everywhere else.
"""

from __future__ import annotations

import datetime as dt
import itertools
import json
from collections.abc import Iterator

import pytest
import schemathesis
from factories import a_plan
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis import GenerationMode
from schemathesis.checks import CHECKS, load_all_checks
from schemathesis.schemas import APIOperation

from digest import keys
from digest.links import Purpose
from digest.model import Scope

load_all_checks()
#: Not every address, zone or paper that a schema lets through is one: 422 is right then.
EXCLUDED = CHECKS.get_by_names(["positive_data_acceptance"])
#: Checks of a form: what it holds wrongly is told on its own page, with 200 or 422, as it comes.
OF_FORMS = CHECKS.get_by_names(["not_a_server_error", "status_code_conformance", "content_type_conformance"])
LENGTHS = [pytest.param(4, id="short"), pytest.param(40, id="full", marks=pytest.mark.slow)]
MODES = list(GenerationMode)


def untimed(examples: int) -> settings:
    return settings(
        max_examples=examples,
        phases=[Phase.generate],  # a failing case names its request; shrinking takes minutes
        suppress_health_check=list(HealthCheck),
        database=None,
        derandomize=True,
    )


@pytest.fixture
def numbers(site) -> Iterator[itertools.count[int]]:
    yield itertools.count(1)
    for one in site.day.store.keys.list():
        site.day.store.keys.remove(one.name)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("examples", LENGTHS)
def test_the_api_answers_as_it_says(site, numbers, examples: int, mode: GenerationMode) -> None:
    day = site.day
    key = keys.add(day, "fuzz", Scope.WRITE, site.clock.now)
    schema = schemathesis.openapi.from_dict(json.loads(site.get("/api/openapi.json").text))
    schema.config.update(base_url=f"{site.url}/api", headers={"Authorization": f"Bearer {key}"})
    edition = day.store.editions.latest()

    def somebody(operation: str) -> object:
        """An id that is there: a new reader's, their delivery's, or the edition's."""
        reader = site.reader(f"fuzzed{next(numbers)}x{mode.value}x{examples}")
        if "/deliveries" in operation:
            day.store.outbox.enqueue([a_plan(reader, edition, message_id=f"<{reader.id}@x>")])
            return day.store.outbox.list(limit=1)[0].id
        return edition.id if "/editions" in operation else reader.id

    for found in schema.get_all_operations():
        operation = found.ok()
        site.clock.now += dt.timedelta(minutes=1)  # no key may ask without end
        fuzz(operation, mode, somebody(operation.label), examples)


def fuzz(operation: APIOperation, mode: GenerationMode, there: object, examples: int) -> None:
    @untimed(examples)
    @given(case=operation.as_strategy(generation_mode=mode))
    def ask(case: schemathesis.Case) -> None:
        if "id" in case.path_parameters and mode is GenerationMode.POSITIVE:
            case.path_parameters["id"] = there
        case.call_and_validate(excluded_checks=EXCLUDED)

    ask()


def a_form(*fields: str) -> dict[str, object]:
    """A path's description: a form with these fields, and whatever page comes back for it."""
    page = {"description": "a page", "content": {"text/html": {}}}
    properties = {field: {"type": "string"} for field in fields}
    body = {"application/x-www-form-urlencoded": {"schema": {"type": "object", "properties": properties}}}
    return {"post": {"requestBody": {"content": body}, "responses": {"2XX": page, "3XX": page, "4XX": page}}}


#: Written for this test: the pages have no description of their own.
FORMS = {
    "/subscribe": a_form("email", "interests", "likes"),
    "/confirm/{confirm}": a_form(),
    "/confirm/{confirm}/again": a_form(),
    "/unsubscribe/{unsubscribe}": a_form("List-Unsubscribe"),
    "/preferences/{preferences}": a_form(
        "interests", "about", "excludes", "rhythm", "days", "weekday", "send_at", "timezone", "papers",
        "language",
    ),
    "/preferences/{preferences}/preview": a_form("interests", "papers", "language"),
    "/preferences/{preferences}/forget": a_form("subject", "value"),
    "/feedback/{feedback}": a_form("subject", "value", "opinion"),
    "/try": a_form("interests", "papers"),
}  # fmt: skip


@pytest.mark.parametrize("examples", LENGTHS)
def test_no_form_brings_a_page_down(site, numbers, examples: int) -> None:
    schema = schemathesis.openapi.from_dict(
        {"openapi": "3.1.0", "info": {"title": "forms", "version": "1"}, "paths": FORMS}
    )
    schema.config.update(base_url=site.url)
    paper = site.day.store.editions.latest().papers[0].paper.id

    for found in schema.get_all_operations():
        operation = found.ok()

        @untimed(examples)
        @given(case=operation.as_strategy())
        def ask(case: schemathesis.Case) -> None:
            number = next(numbers)
            reader = site.reader(f"formed{number}x{examples}")
            paths = {
                "confirm": site.confirm_path(reader),
                "unsubscribe": site.path(Purpose.UNSUBSCRIBE, reader),
                "preferences": site.path(Purpose.PREFERENCES, reader),
                "feedback": site.path(Purpose.FEEDBACK, reader, paper=paper),
            }
            for name in case.path_parameters:
                case.path_parameters[name] = paths[name].rpartition("/")[2]
            network = {"X-Forwarded-For": f"198.18.{number // 256}.{number % 256}"}
            case.call_and_validate(headers=network, checks=OF_FORMS)

        ask()
