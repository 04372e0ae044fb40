"""The operators' API against its own document: schemathesis as three callers; no server error, nothing undocumented."""

from __future__ import annotations

import http.client
import json
from collections.abc import Iterator
from pathlib import Path

import jsonschema_rs
import pytest

from standwatch.fronts.control_openapi import document
from standwatch.fronts.control_plain import PLAIN
from standwatch.fronts.control_routes import BASE, ROUTES
from support.api_fuzzing import CALLERS, LEFT_OUT, fuzz, organisation, populate
from support.system import Living

World = tuple[Living, dict[str, str], dict[str, list[str]]]
SECONDS = 14
SEED = 20261121


@pytest.fixture(scope="module")
def watch(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with organisation(tmp_path_factory.mktemp("api") / "org") as (living, tokens):
        yield living, tokens, populate(living)


@pytest.mark.parametrize("caller", CALLERS, ids=["administrator", "no role", "nobody"])
def test_every_answer_is_documented_and_none_is_a_fault(watch: World, caller: str, tmp_path: Path) -> None:
    living, tokens, world = watch
    found = fuzz(living, tokens[caller], SECONDS, SEED, world, tmp_path / "report.ndjson")
    assert not found.problems, f"seed {SEED}\n{found.problems}"
    table = {f"{route.method} {BASE}{route.path}" for route in ROUTES}
    by_hand = {*LEFT_OUT, f"{BASE}/openapi.json"}  # the tool's first request
    table |= {f"GET {one.path}" for one in PLAIN if one.path not in by_hand}
    assert table <= set(found.seen), "every operation was called"
    if caller:
        assert found.never(range(200, 401), range(402, 405), range(409, 500)) == [], (
            "some only ever heard 401"
        )
    else:
        assert found.never(range(401, 402)) == sorted(
            f"GET {one.path}" for one in PLAIN if one.open and one.path not in by_hand
        )
    assert living.process.poll() is None
    assert not [line for line in living.said if "Traceback" in line]


def test_the_stream_says_what_the_document_says(watch: World) -> None:
    living, tokens, _ = watch
    connection = http.client.HTTPConnection("127.0.0.1", living.operators, timeout=10)
    connection.request(
        "GET", f"{BASE}/entries/stream?from=0", headers={"authorization": f"Bearer {tokens['maria']}"}
    )
    answer = connection.getresponse()
    assert (answer.status, answer.getheader("content-type")) == (200, "text/event-stream")
    told = document()
    schema = told["paths"][f"{BASE}/entries/stream"]["get"]["responses"]["200"]["content"][
        "text/event-stream"
    ]["schema"]
    valid = jsonschema_rs.validator_for({**schema["contentSchema"], "components": told["components"]})
    for number in range(3):
        assert answer.readline() == b"id: %d\n" % number
        valid.validate(json.loads(answer.readline().removeprefix(b"data: ")))
        assert answer.readline() == b"\n"
    connection.close()
