"""The operators' listeners: one shape of errors everywhere, nothing without a name, nothing for a strange page."""

from __future__ import annotations

import asyncio
import http.client
import json
import re
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest

from standwatch.fronts.control_names import NAMES
from standwatch.fronts.control_openapi import document
from standwatch.fronts.control_plain import PLAIN
from standwatch.fronts.control_ports import AgentOrder, HaltOrder, Status
from standwatch.fronts.control_routes import ROUTES
from standwatch.record.checkpoint import open_checkpoint
from standwatch.record.tree import leaf_hash
from support.watch import ROLES, Watch, served


class Site:
    """A served organisation over TCP, with tokens of its people."""

    def __init__(self, watch: Watch, loop: asyncio.AbstractEventLoop, port: int) -> None:
        self.watch, self.loop, self.port = watch, loop, port
        self._tokens: dict[str, str] = {}

    def there(self, work: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(30)

    def token(self, name: str) -> str:
        if name not in self._tokens:
            order = AgentOrder(name, role="human")
            self._tokens[name] = self.there(
                self.watch.control.add_agent(self.watch.who("maria"), order)
            ).token
        return self._tokens[name]

    def ask(
        self,
        method: str,
        path: str,
        body: object = None,
        *,
        by: str = "",
        raw: bytes | None = None,
        **headers: str,
    ) -> tuple[int, dict[str, str], bytes]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        if by:
            headers["Authorization"] = f"Bearer {self.token(by)}"
        data = raw if raw is not None else json.dumps(body).encode() if body is not None else None
        connection.request(method, path, data, headers)
        answer = connection.getresponse()
        found = answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read()
        connection.close()
        return found


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Generator[Site]:
    with served(tmp_path_factory.mktemp("org")) as (watch, loop, port):
        yield Site(watch, loop, port)


def problem(body: bytes) -> dict[str, str]:
    """The one shape of errors."""
    found = json.loads(body)
    assert set(found) <= {"code", "message", "reference", "cure"}
    assert found["code"]
    assert found["message"]
    return found


def filled(path: str) -> str:
    return "/api/v1" + re.sub(r"\{\w+\}", "nothing", path)


@pytest.mark.parametrize("route", [one for one in ROUTES if one.open], ids=lambda route: route.name)
def test_what_lets_people_in_gives_nobody_anything(site: Site, route: Any) -> None:
    status, _, answer = site.ask(
        route.method, filled(route.path), {"ceremony": "x", "credential": {}, "seat": "x"}
    )
    assert status in (400, 403)
    problem(answer)


@pytest.mark.parametrize("route", [one for one in ROUTES if not one.open], ids=lambda route: route.name)
def test_no_route_answers_nobody_or_an_agent(site: Site, route: Any) -> None:
    body = {} if route.takes is not None else None
    bot = "bot"
    if bot not in site.watch.gate.state.principals:
        issued = site.there(site.watch.control.add_agent(site.watch.who("maria"), AgentOrder(bot, ("pay",))))
        site._tokens[bot] = issued.token  # pyright: ignore[reportPrivateUsage]
    for by in ("", bot):
        status, headers, answer = site.ask(route.method, filled(route.path), body, by=by)
        assert (status, problem(answer)["code"]) == (401, "unauthenticated")
        assert headers["content-type"] == "application/json"


@pytest.mark.parametrize(
    "route", [route for route in ROUTES if route.takes is not None], ids=lambda route: route.name
)
@pytest.mark.parametrize(
    "raw", [b"", b"{", b"[]", b"null", b'{"nonsense":1}', b'{"reason":"a","reason":"b"}', b"\xff", b"[" * 200]
)
def test_a_body_that_is_none_is_refused_whole(site: Site, route: Any, raw: bytes) -> None:
    status, _, answer = site.ask(route.method, filled(route.path), raw=raw, by="maria")
    assert status == 400
    assert problem(answer)["code"] == "malformed"


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/nowhere", 404),
        ("GET", "/api/v1/nowhere", 404),
        ("GET", "/api/v1/status/", 404),
        ("DELETE", "/api/v1/holds", 405),
        ("POST", "/api/v1/status", 405),
        ("GET", "/api/v1/status?as_of=x", 400),
        ("GET", "/api/v1/status?when=1", 400),
        ("GET", "/api/v1/status?as_of=1&as_of=2", 400),
        ("GET", "/api/v1/questions/%ff", 400),
        ("GET", "/api/v1/questions/nothing", 404),
        ("GET", "/api/v1/actions/nothing", 404),
        ("GET", "/api/v1/entries?limit=0", 400),
        ("GET", "/api/v1/entries?from=x", 400),
        ("GET", "/api/v1/export?from=5&to=1", 400),
        ("POST", "/api/v1/holds/1/release", 400),
        ("GET", "/log/tile/0/999", 404),
        ("GET", "/log/../etc/passwd", 404),
    ],
)
def test_every_refusal_has_the_one_shape(site: Site, method: str, path: str, status: int) -> None:
    found, headers, answer = site.ask(method, path, by="maria")
    assert found == status
    problem(answer)
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["content-security-policy"].startswith("default-src 'none'")


def test_a_page_from_elsewhere_and_a_rebound_name_get_nowhere(site: Site) -> None:
    token = {"Authorization": f"Bearer {site.token('otto')}"}
    order = {"scope": "all", "reason": "x"}
    status, _, answer = site.ask("POST", "/api/v1/holds", order, Origin="https://evil.example", **token)
    assert (status, problem(answer)["code"]) == (403, "wrong_origin")
    status, _, answer = site.ask("GET", "/api/v1/status", Host="evil.example", **token)
    assert (status, problem(answer)["code"]) == (421, "wrong_host")
    assert site.watch.gate.state.holds == {}


def test_a_hold_is_placed_and_lifted_over_http(site: Site) -> None:
    status, _, answer = site.ask("POST", "/api/v1/holds", {"scope": "run:x", "reason": "odd"}, by="otto")
    halted = json.loads(answer)
    assert (status, halted["recorded"]) == (201, True)
    path = f"/api/v1/holds/{halted['hold']}/release"
    assert site.ask("POST", path, {"reason": "mine"}, by="chen")[0] == 403
    assert site.ask("POST", path, {"reason": "over"}, by="otto")[0] == 200
    assert site.ask("POST", path, {"reason": "over"}, by="otto")[0] == 404


def test_who_one_is(site: Site) -> None:
    for name in ROLES:
        status, _, answer = site.ask("GET", "/api/v1/whoami", by=name)
        assert (status, json.loads(answer)["ident"]) == (200, name)


def test_the_document_describes_exactly_what_is_served(site: Site) -> None:
    status, _, answer = site.ask("GET", "/api/v1/openapi.json")
    told = json.loads(answer)
    assert (status, told["openapi"]) == (200, "3.1.0")
    served_ = {(route.method.lower(), "/api/v1" + route.path) for route in ROUTES}
    served_ |= {("get", plain.path) for plain in PLAIN}
    assert {(method, path) for path, methods in told["paths"].items() for method in methods} == served_
    assert len({route.name for route in ROUTES}) == len(ROUTES)
    named = {part for path in told["paths"] for part in re.findall(r"\{(\w+)\}", path)}
    named |= {name for route in (*ROUTES, *PLAIN) for name in route.query}
    assert named <= set(NAMES), "a name without a meaning"
    references = set(re.findall(r'"#/components/schemas/([^"]+)"', json.dumps(told)))
    assert references <= set(told["components"]["schemas"])


def test_answers_are_as_the_document_says(site: Site) -> None:
    import jsonschema_rs

    told = document()
    for path in (
        "/status",
        "/agents",
        "/questions",
        "/people",
        "/configuration",
        "/entries",
        "/diagnose",
        "/whoami",
    ):
        status, _, answer = site.ask("GET", "/api/v1" + path, by="maria")
        assert status == 200, path
        said = told["paths"]["/api/v1" + path]["get"]["responses"]["200"]["content"]["application/json"][
            "schema"
        ]
        schema = {**said, "components": told["components"]}
        jsonschema_rs.validate(schema, json.loads(answer))


def test_health_readiness_and_metrics(site: Site) -> None:
    assert site.ask("GET", "/healthz")[2] == b"ok\n"
    assert site.ask("GET", "/readyz")[0] == 200
    assert site.ask("GET", "/metrics")[0] == 401
    status, headers, answer = site.ask("GET", "/metrics", by="chen")
    assert status == 200
    assert headers["content-type"].startswith("application/openmetrics-text")
    assert answer.endswith(b"# EOF\n")
    assert b'standwatch_grant{system="pay"} 2\n' in answer
    types = re.findall(rb"^# TYPE (\S+) (\S+)$", answer, re.MULTILINE)
    assert len(types) == len({name for name, _ in types})
    for line in answer.splitlines():
        assert re.fullmatch(rb"#.*|[a-z_]+(\{[a-z]+=\"[^\"]*\"\})? [0-9.e+-]+", line), line


def test_the_log_is_served_as_tiles_to_auditors(site: Site) -> None:
    site.there(site.watch.signed_up_to_now())
    status, _, note = site.ask("GET", "/log/checkpoint")
    assert status == 200
    head = open_checkpoint(note, site.watch.log.origin, [site.watch.log.key])
    width = head.size
    for path in (f"tile/0/000.p/{width}", f"tile/entries/000.p/{width}"):
        assert site.ask("GET", f"/log/{path}")[0] == 401
        assert site.ask("GET", f"/log/{path}", by="nina")[0] == 403
    status, headers, hashes = site.ask("GET", f"/log/tile/0/000.p/{width}", by="chen")
    assert (status, len(hashes)) == (200, 32 * width)
    assert "immutable" in headers["cache-control"]
    bundle = site.ask("GET", f"/log/tile/entries/000.p/{width}", by="chen")[2]
    first = bundle[2 : 2 + int.from_bytes(bundle[:2], "big")]
    assert leaf_hash(first) == hashes[:32]


# --- streams -------------------------------------------------------------------------------------------------------


def test_entries_stream_as_events_and_go_on(site: Site) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", site.port, timeout=30)
    headers = {"Authorization": f"Bearer {site.token('otto')}"}
    connection.request("GET", "/api/v1/entries/stream?from=0", headers=headers)
    answer = connection.getresponse()
    assert answer.getheader("content-type") == "text/event-stream"
    found: list[dict[str, Any]] = []
    placed = False
    while True:
        line = answer.readline()
        if line.startswith(b"data: "):
            found.append(json.loads(line[6:]))
            if found[-1]["text"] == "Otto: halted agent:streamed":
                break
        if not placed and len(found) == 3:
            placed = True
            site.there(site.watch.control.halt(site.watch.who("otto"), HaltOrder("agent:streamed", "x")))
    assert [entry["index"] for entry in found] == list(range(len(found)))
    connection.close()


def test_a_stream_nobody_may_read_is_refused_before_it_begins(site: Site) -> None:
    assert site.ask("GET", "/api/v1/entries/stream")[0] == 401
    assert site.ask("GET", "/api/v1/entries/stream", by="nina")[0] == 403
    assert site.ask("GET", "/api/v1/export", by="nina")[0] == 403


def test_what_is_wrong_is_told_by_readyz(tmp_path: Path) -> None:
    with served(tmp_path) as (watch, loop, port):
        site = Site(watch, loop, port)
        token = {"Authorization": f"Bearer {site.token('otto')}"}
        watch.recorder.close()
        status, _, text = site.ask("GET", "/readyz")
        assert (status, text) == (503, b"the record cannot be written\n")
        status, _, answer = site.ask("POST", "/api/v1/holds", {"scope": "all", "reason": "x"}, **token)
        assert (status, json.loads(answer)["recorded"]) == (201, False)
        status, _, answer = site.ask("GET", "/api/v1/status", **token)
        assert any("cannot be written" in warning for warning in json.loads(answer)["warnings"])
        assert set(json.loads(answer)) == set(Status.__struct_fields__)
