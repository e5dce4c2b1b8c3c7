"""The API: not there without a key, nothing without the right one, and the same stories as on every other way in."""

from __future__ import annotations

import datetime as dt
import hashlib
import itertools
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import pytest
from factories import a_plan, a_subscriber

from digest import keys
from digest.model import DeliveryKind, Interest, InterestKind, Opinion, Scope, Subject, SubscriberState

#: Each key has a name of its own: how often it asked is counted by that.
NUMBERS = itertools.count(1)


@dataclass(frozen=True)
class Client:
    """Somebody with a key."""

    site: object
    key: str

    def ask(self, method: str, path: str, body: object = None, **headers: str):
        sent = {"Authorization": f"Bearer {self.key}"} | headers
        content = b""
        if body is not None:
            sent["Content_Type"] = "application/json"
            content = json.dumps(body).encode()
        return self.site.ask(method, f"/api/v1{path}", content, **sent)

    def get(self, path: str) -> dict[str, object]:
        answer = self.ask("GET", path)
        assert answer.status == 200, answer.text
        assert answer.headers["cache-control"] == "no-store"
        found: dict[str, object] = json.loads(answer.text)
        return found


def a_key(site, scope: Scope = Scope.WRITE) -> str:
    return keys.add(site.day, f"key{next(NUMBERS)}", scope, site.clock.now)


@pytest.fixture
def client(site) -> Iterator[Client]:
    """Somebody who may do everything."""
    made = Client(site, a_key(site))
    yield made
    for one in site.day.store.keys.list():
        site.day.store.keys.remove(one.name)


@pytest.fixture
def name(request: pytest.FixtureRequest) -> str:
    """A reader's name that no other test uses."""
    return "api" + hashlib.sha256(request.node.nodeid.encode()).hexdigest()[:12]


def problem(answer) -> Mapping[str, object]:
    assert answer.headers["content-type"] == "application/problem+json"
    found: Mapping[str, object] = json.loads(answer.text)
    assert found["status"] == answer.status
    assert found["title"]
    return found


# --- keys -----------------------------------------------------------------------------------------


def test_without_a_key_of_the_operators_there_is_no_api(site) -> None:
    nothing = site.get("/nothing-here").body
    for path in ("/api/v1/subscribers", "/api/docs", "/api/openapi.json", "/api/v1/nothing"):
        answer = site.get(path)
        assert (answer.status, answer.body) == (404, nothing)
    assert site.post("/api/v1/subscribers", b"{}").status == 404


def test_every_wrong_key_is_answered_alike(client: Client) -> None:
    right = client.key
    refused = [
        client.site.get("/api/v1/subscribers"),
        *(
            client.site.ask("GET", "/api/v1/subscribers", Authorization=said)
            for said in (
                "Bearer ",
                f"Bearer {right}x",
                f"Bearer {right[:-1]}",
                f"Bearer {right.swapcase()}",
                f"Bearer {keys.hashed(right)}",
                f"Basic {right}",
                right,
                f"Bearer {'é' * 40}",
            )
        ),
    ]
    assert {(answer.status, answer.body) for answer in refused} == {(401, refused[0].body)}
    assert {answer.headers["www-authenticate"] for answer in refused} == {"Bearer"}
    problem(refused[0])


def test_a_key_is_asked_for_before_anything_is_read(client: Client) -> None:
    answer = client.site.ask("POST", "/api/v1/subscribers", b"not json", Content_Type="application/json")
    assert answer.status == 401


def test_a_key_that_was_taken_away_opens_nothing(client: Client) -> None:
    key = keys.add(client.site.day, "taken-away", Scope.READ, client.site.clock.now)
    assert Client(client.site, key).ask("GET", "/subscribers").status == 200
    client.site.day.store.keys.remove("taken-away")
    assert Client(client.site, key).ask("GET", "/subscribers").status == 401


def test_a_key_does_what_its_scope_says_and_no_more(client: Client, name: str) -> None:
    reader = client.site.reader(name)
    asked = [
        ("GET", "/editions", None),
        ("GET", f"/subscribers/{reader.id}", None),
        ("POST", f"/subscribers/{reader.id}/pause", None),
    ]
    statuses = {
        scope: [Client(client.site, a_key(client.site, scope)).ask(*one).status for one in asked]
        for scope in Scope
    }
    assert statuses == {
        Scope.EDITIONS: [200, 403, 403],
        Scope.READ: [200, 200, 403],
        Scope.WRITE: [200, 200, 200],
    }


def test_a_key_that_asks_too_often_waits_and_others_do_not(client: Client) -> None:
    other = Client(client.site, a_key(client.site))
    statuses = [client.ask("GET", "/events?limit=1").status for _ in range(601)]
    assert statuses == [200] * 600 + [429]
    answer = client.ask("GET", "/events")
    assert answer.headers["retry-after"] == "60"
    problem(answer)
    assert other.ask("GET", "/events").status == 200
    client.site.clock.now += dt.timedelta(minutes=1)
    assert client.ask("GET", "/events").status == 200


def test_the_key_is_kept_nowhere(client: Client) -> None:
    assert client.key not in str(client.site.rows())
    assert len(client.key) >= 43 + len(keys.PREFIX)


# --- subscribers ----------------------------------------------------------------------------------


def test_who_is_added_is_asked_by_mail(client: Client, name: str) -> None:
    answer = client.ask("POST", "/subscribers", {"address": f"{name}@example.org", "papers": 3})
    assert answer.status == 201
    made = json.loads(answer.text)
    assert (made["state"], made["papers"], made["address"]) == ("pending", 3, f"{name}@example.org")
    assert (
        json.loads(
            client.site.ask("GET", answer.headers["location"], Authorization=f"Bearer {client.key}").text
        )
        == made
    )
    assert [kind for kind, _ in client.site.mails(name)] == [DeliveryKind.CONFIRM]


def test_who_is_known_to_agree_is_confirmed_and_not_mailed(client: Client, name: str) -> None:
    body = {"address": f"{name}@example.org", "basis": "signed the list at our seminar, 2026-03-02"}
    assert json.loads(client.ask("POST", "/subscribers", body).text)["state"] == "confirmed"
    assert client.site.mails(name) == []
    assert client.site.now(name).confirmed_at == client.site.clock.now


def test_a_key_is_no_way_to_flood_an_address(client: Client, name: str) -> None:
    body = {"address": f"{name}@example.org"}
    first = json.loads(client.ask("POST", "/subscribers", body).text)
    assert client.ask("DELETE", f"/subscribers/{first['id']}").status == 204
    again = client.ask("POST", "/subscribers", body)
    assert (again.status, again.headers["retry-after"]) == (429, "86400")
    assert client.site.day.store.subscribers.by_address(f"{name}@example.org") is None


@pytest.mark.parametrize("spelling", ["{}@example.org", "{}@EXAMPLE.org"])
def test_an_address_is_added_once(client: Client, name: str, spelling: str) -> None:
    client.site.reader(name)
    answer = client.ask("POST", "/subscribers", {"address": spelling.format(name)})
    assert answer.status == 409
    problem(answer)


def test_an_address_that_must_not_be_mailed_is_not_added(client: Client, name: str) -> None:
    client.site.day.store.suppressions.add(f"{name}@example.org", "asked us to", client.site.clock.now)
    body = {"address": f"{name}@example.org", "basis": "we think that they want it"}
    assert client.ask("POST", "/subscribers", body).status == 409


@pytest.mark.parametrize(
    ("body", "where"),
    [
        ({}, "body/address"),
        ({"address": "x@example.org", "state": "confirmed"}, "body/state"),
        ({"address": "x@example.org", "papers": 51}, "body/papers"),
        ({"address": "x@example.org", "papers": "many"}, "body/papers"),
        ({"address": "x@example.org", "send_at": "25:00"}, "body/send_at"),
        ({"address": "x@example.org", "days": "sometimes"}, "body/days"),
        ({"address": "x@example.org", "basis": "yes"}, "body/basis"),
        (
            {"address": "x@example.org", "interests": [{"kind": "phrase", "value": ""}]},
            "body/interests/0/value",
        ),
        (
            {"address": "x@example.org", "interests": [{"kind": "phrase", "value": "a", "weight": 0}]},
            "body/interests/0/weight",
        ),
        ([], "body"),
        ("text", "body"),
    ],
)
def test_what_does_not_fit_is_named(client: Client, body: object, where: str) -> None:
    answer = client.ask("POST", "/subscribers", body)
    assert answer.status == 422
    errors = problem(answer)["errors"]
    assert isinstance(errors, list)
    assert [one["where"] for one in errors] == [where]


@pytest.mark.parametrize(
    "changes",
    [
        {"address": "no address"},
        {"timezone": "Mars/Olympus"},
        {"language": "tlh"},
        {"name": "line\nbreak"},
        {"interests": [{"kind": "like", "value": "nothing that can be"}]},
        {"interests": [{"kind": "text", "value": "one"}, {"kind": "text", "value": "two"}]},
    ],
)
def test_what_cannot_be_is_refused_and_nobody_is_kept(
    client: Client, name: str, changes: dict[str, object]
) -> None:
    before = client.site.rows()["subscribers"]
    answer = client.ask("POST", "/subscribers", {"address": f"{name}@example.org"} | changes)
    assert answer.status == 422
    problem(answer)
    assert client.site.rows()["subscribers"] == before


def test_settings_change_as_they_are_given_and_the_rest_stays(client: Client, name: str) -> None:
    reader = client.site.reader(name)
    answer = client.ask(
        "PATCH", f"/subscribers/{reader.id}", {"send_at": "18:30", "timezone": "Europe/Berlin"}
    )
    assert answer.status == 200
    now = client.site.now(name)
    assert (now.schedule.timezone, now.schedule.send_at) == ("Europe/Berlin", dt.time(18, 30))
    assert (now.interests, now.papers, now.state) == (reader.interests, reader.papers, reader.state)
    assert client.get(f"/subscribers/{reader.id}") == json.loads(answer.text)


def test_only_who_is_confirmed_is_paused_and_only_who_is_paused_resumed(client: Client, name: str) -> None:
    reader = client.site.reader(name, state=SubscriberState.PENDING)
    path = f"/subscribers/{reader.id}"
    assert client.ask("POST", f"{path}/resume").status == 409  # nobody is confirmed by that
    assert client.ask("POST", f"{path}/pause").status == 409
    client.site.day.store.subscribers.change(reader.id, lambda _: a_subscriber(name), client.site.clock.now)
    assert json.loads(client.ask("POST", f"{path}/pause").text)["state"] == "paused"
    assert client.ask("POST", f"{path}/pause").status == 409
    assert json.loads(client.ask("POST", f"{path}/resume").text)["state"] == "confirmed"


def test_who_is_removed_is_gone(client: Client, name: str) -> None:
    reader = client.site.reader(name)
    assert client.ask("DELETE", f"/subscribers/{reader.id}").status == 204
    assert client.ask("GET", f"/subscribers/{reader.id}").status == 404
    assert client.ask("DELETE", f"/subscribers/{reader.id}").status == 404


def test_pages_of_subscribers_hold_everybody_once(client: Client, name: str) -> None:
    for number in range(7):
        client.site.reader(f"{name}{number}", state=SubscriberState.PAUSED)
    seen: list[object] = []
    path = "/subscribers?state=paused&limit=3"
    while path:
        page = client.get(path)
        items = page["items"]
        assert isinstance(items, list)
        assert len(items) <= 3
        seen += [one["id"] for one in items]
        path = f"/subscribers?state=paused&limit=3&cursor={page['next']}" if page["next"] else ""
    everybody = client.site.day.store.subscribers.list(SubscriberState.PAUSED)
    assert seen == [one.id for one in everybody]


@pytest.mark.parametrize(
    "query", ["limit=0", "limit=101", "limit=x", "cursor=%00", "cursor=", "state=gone", "state="]
)
def test_a_page_that_cannot_be_is_refused(client: Client, query: str) -> None:
    assert client.ask("GET", f"/subscribers?{query}").status == 422


# --- interests and feedback -----------------------------------------------------------------------


def test_interests_are_replaced_as_a_whole_and_read_back(client: Client, name: str) -> None:
    reader = client.site.reader(name)
    path = f"/subscribers/{reader.id}/interests"
    items = [
        {"kind": "phrase", "value": "state space models", "weight": 2.0},
        {"kind": "phrase", "value": "P=NP", "weight": 1.0},
        {"kind": "exclude", "value": "blockchain", "weight": 1.0},
        {"kind": "category", "value": "cs.CL", "weight": 1.0},
        {"kind": "author", "value": "Ada Author", "weight": 1.0},
        {"kind": "like", "value": "arxiv:2604.07429", "weight": 1.0},
        {"kind": "text", "value": "We study touch.", "weight": 1.0},
    ]
    answer = client.ask("PUT", path, {"items": items})
    assert json.loads(answer.text) == {"items": items, "next": None}
    assert client.get(path)["items"] == items
    assert client.ask("PUT", path, {"items": []}).status == 200
    assert client.site.now(name).interests == ()


def test_what_somebody_else_changed_meanwhile_is_not_overwritten(client: Client, name: str) -> None:
    reader = client.site.reader(name)
    path = f"/subscribers/{reader.id}"
    read = [client.ask("GET", one).headers["etag"] for one in (path, f"{path}/interests")]
    assert read[0] == read[1]

    first = client.ask("PATCH", path, {"papers": 7}, If_Match=f'"other", {read[0]}')
    assert (first.status, json.loads(first.text)["papers"]) == (200, 7)
    assert first.headers["etag"] == client.ask("GET", path).headers["etag"] != read[0]

    for method, where, body in (
        ("PATCH", path, {"papers": 3}),
        ("PUT", f"{path}/interests", {"items": []}),
    ):
        for stale in (read[0], f"W/{first.headers['etag']}", "", '"other"'):
            late = client.ask(method, where, body, If_Match=stale)
            assert late.status == 412
            assert "since you read" in problem(late)["detail"]
    found = client.get(path)
    assert found["papers"] == 7
    assert found["interests"]

    answer = client.ask("PUT", f"{path}/interests", {"items": []}, If_Match=first.headers["etag"])
    assert (answer.status, answer.headers["etag"]) == (200, client.ask("GET", path).headers["etag"])
    assert client.get(path)["interests"] == []
    assert client.ask("PATCH", path, {"papers": 4}, If_Match="*").status == 200
    assert client.ask("PATCH", path, {"papers": 3}).status == 200


def test_the_description_says_how_not_to_overwrite(client: Client) -> None:
    said = json.loads(client.site.ask("GET", "/api/openapi.json", Authorization=f"Bearer {client.key}").text)
    for path, method in (("/v1/subscribers/{id}", "patch"), ("/v1/subscribers/{id}/interests", "put")):
        operation = said["paths"][path][method]
        assert "If-Match" in [one["name"] for one in operation["parameters"]]
        assert "ETag" in operation["responses"]["200"]["headers"]
        assert "ETag" in said["paths"][path]["get"]["responses"]["200"]["headers"]


def test_feedback_is_said_counted_and_taken_back(client: Client, name: str) -> None:
    reader = client.site.reader(name)
    edition = client.site.day.store.editions.latest()
    paper = edition.papers[0].paper
    path = f"/subscribers/{reader.id}/feedback"
    for body in (
        {"subject": "paper", "value": paper.aliases[-1], "opinion": "more"},
        {"subject": "topic", "value": " diffusion  models ", "opinion": "less"},
        {"subject": "topic", "value": "diffusion models", "opinion": "less"},
    ):
        assert client.ask("POST", path, body).status == 200
    (said,) = client.site.day.store.opinions.of([reader.id]).values()
    assert {(one.subject, one.value, one.opinion, one.count) for one in said} == {
        (Subject.PAPER, paper.id, Opinion.MORE, 1),
        (Subject.TOPIC, "diffusion models", Opinion.LESS, 2),
    }
    gone = f"{path}?subject=topic&value=diffusion%20models"
    assert [client.ask("DELETE", gone).status for _ in range(2)] == [204, 404]
    assert [one["subject"] for one in client.get(path)["items"]] == ["paper"]


def test_nobody_has_an_opinion_of_a_paper_that_nobody_knows(client: Client, name: str) -> None:
    reader = client.site.reader(name)
    body = {"subject": "paper", "value": "arxiv:9999.99999", "opinion": "mute"}
    assert client.ask("POST", f"/subscribers/{reader.id}/feedback", body).status == 422


# --- what can only be read ------------------------------------------------------------------------


def test_editions_are_those_of_the_command_line(client: Client) -> None:
    latest = client.site.day.store.editions.latest()
    (first,) = client.get("/editions?limit=1")["items"]
    assert first["id"] == latest.id
    assert first["papers"] == [listed.paper.id for listed in latest.papers]
    whole = client.get(f"/editions/{latest.id}")
    assert [paper["title"] for paper in whole["papers"]] == [one.paper.title for one in latest.papers]
    assert client.get(f"/editions?cursor={latest.id}")["next"] is None


def test_deliveries_are_found_by_their_subscriber_and_told_with_their_journal(
    client: Client, name: str
) -> None:
    reader = client.site.reader(name)
    edition = client.site.day.store.editions.latest()
    for day in (10, 11, 12):
        plan = a_plan(reader, edition, local_date=dt.date(2026, 4, day), message_id=f"<{name}{day}@x>")
        client.site.day.store.outbox.enqueue([plan])
    page = client.get(f"/deliveries?subscriber={reader.id}&limit=2")
    rest = client.get(f"/deliveries?subscriber={reader.id}&limit=2&cursor={page['next']}")
    assert [one["local_date"] for one in [*page["items"], *rest["items"]]] == [
        "2026-04-12",
        "2026-04-11",
        "2026-04-10",
    ]
    assert rest["next"] is None
    whole = client.get(f"/deliveries/{page['items'][0]['id']}")
    assert [line["event"] for line in whole["journal"]] == ["planned"]
    assert len(whole["picks"]) == 5


def test_events_are_read_on_from_where_one_was(client: Client, name: str) -> None:
    start = client.get("/events?limit=100")
    while start["items"]:
        start = client.get(f"/events?limit=100&cursor={start['next']}")
    reader = client.site.reader(name)
    page = client.get(f"/events?limit=1&cursor={start['next']}")
    rest = client.get(f"/events?cursor={page['next']}")
    assert [(one["kind"], one["subscriber"]) for one in [*page["items"], *rest["items"]]] == [
        ("subscribed", reader.id),
        ("confirmed", reader.id),
    ]
    nothing = client.get(f"/events?cursor={rest['next']}")
    assert nothing == {"items": [], "next": rest["next"]}


@pytest.mark.parametrize(
    "path", ["/editions/0", "/editions/99999999999", "/deliveries/x", "/subscribers/a%20b"]
)
def test_an_id_that_cannot_be_is_refused(client: Client, path: str) -> None:
    assert client.ask("GET", path).status == 422


@pytest.mark.parametrize(
    "path", ["/editions/2147483647", "/deliveries/2147483647", "/subscribers/nobody", "/x"]
)
def test_what_is_not_there_is_a_problem(client: Client, path: str) -> None:
    answer = client.ask("GET", path)
    assert answer.status == 404
    problem(answer)


# --- how it answers -------------------------------------------------------------------------------


def test_a_method_that_is_not_there_is_told_which_are(client: Client) -> None:
    answer = client.ask("PUT", "/subscribers/somebody")
    assert (answer.status, answer.headers["allow"]) == (405, "DELETE, GET, PATCH")
    problem(answer)


def test_a_body_without_end_is_not_read(client: Client) -> None:
    answer = client.site.post(
        "/api/v1/subscribers",
        b'{"name": "' + b"x" * 1_100_000,
        Authorization=f"Bearer {client.key}",
        Content_Type="application/json",
    )
    assert answer.status == 413
    problem(answer)


def test_its_page_tells_of_every_operation_and_asks_nobody_else(client: Client) -> None:
    page = client.site.get("/api/docs")
    schema = json.loads(client.site.get("/api/openapi.json").text)
    assert (page.status, schema["openapi"][:3]) == (200, "3.1")
    for path, methods in schema["paths"].items():
        for method in methods:
            assert f"<code>{method.upper()} {path}</code>" in page.text
    assert "<script" not in page.text
    assert "http" not in page.text.partition("<main>")[2].partition("</main>")[0]
    for name in schema["components"]["schemas"]:
        assert f'id="{name}"' in page.text


def test_below_a_path_of_its_host_it_says_where_it_is(below) -> None:
    key = a_key(below)
    try:
        schema = json.loads(below.get("/digest/api/openapi.json").text)
        assert schema["servers"] == [{"url": "/digest/api"}]
        answer = below.ask("GET", "/digest/api/v1/events", Authorization=f"Bearer {key}")
        assert answer.status == 200
    finally:
        below.day.store.keys.remove(below.day.store.keys.list()[0].name)


def test_no_address_and_no_key_is_logged(client: Client, name: str, logged) -> None:
    client.ask("POST", "/subscribers", {"address": f"{name}@example.org"})
    client.ask("POST", "/subscribers", {"address": f"{name}@example.org"})
    client.ask("POST", "/subscribers", {"address": f"{name} @example.org"})
    told = logged()
    assert f"{name}" not in told
    assert client.key not in told


def test_a_text_interest_is_the_one_that_the_settings_page_has(client: Client, name: str) -> None:
    reader = client.site.reader(name)
    body = {"interests": [{"kind": "text", "value": "We study\n touch."}]}
    assert client.ask("PATCH", f"/subscribers/{reader.id}", body).status == 200
    assert client.site.now(name).interests == (Interest(kind=InterestKind.TEXT, value="We study touch."),)
