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
from standwatch.fronts.control_route import BASE
from standwatch.fronts.control_routes import ROUTES
from support.api_fuzzing import CALLERS, LEFT_OUT, fuzz, organisation, populate
from support.system import Living

World = tuple[Living, dict[str, str], dict[str, list[str]]]
PLANS = {
    "maria": (26, "coverage,fuzzing,stateful", 20),
    "nora": (16, "fuzzing,stateful", 8),
    "": (10, "fuzzing", 2),
}
"""Caller → seconds, what the tool does, and how many cases of each operation. `python -m bench.api` is the long one."""
SEED = 20261121


@pytest.fixture(scope="module")
def watch(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with organisation(tmp_path_factory.mktemp("api") / "org") as (living, tokens):
        yield living, tokens, populate(living)


@pytest.mark.timeout(900)  # the tool ends in its own time, which a busy machine stretches
@pytest.mark.parametrize("caller", CALLERS, ids=["administrator", "no role", "nobody"])
def test_every_answer_is_documented_and_none_is_a_fault(watch: World, caller: str, tmp_path: Path) -> None:
    living, tokens, world = watch
    seconds, phases, most = PLANS[caller]
    more = ("--phases", phases, "--max-examples", str(most))
    table = {f"{route.method} {BASE}{route.path}" for route in ROUTES}
    by_hand = {*LEFT_OUT, f"{BASE}/openapi.json"}  # the tool's first request
    table |= {f"GET {one.path}" for one in PLAIN if one.path not in by_hand}
    for longer in (1, 3, 9):  # where the time does not reach, it is given more
        report = tmp_path / f"report-{longer}.ndjson"
        found = fuzz(living, tokens[caller], seconds * longer, SEED, world, report, *more)
        assert not found.problems, f"seed {SEED}\n{found.problems}"
        missed = table - set(found.seen)
        if not missed or ("coverage" not in phases and len(missed) < len(table) / 2):
            break
    else:
        raise AssertionError(f"in {seconds * longer} s these were not called: {missed}")
    if caller:
        assert found.never(range(200, 401), range(402, 405), range(409, 500)) == [], (
            "some only ever heard 401"
        )
    else:
        entrances = {f"GET {one.path}" for one in PLAIN if one.open}
        entrances |= {f"{one.method} {BASE}{one.path}" for one in ROUTES if one.open}
        assert set(found.never(range(401, 402))) <= entrances
    assert living.process.poll() is None
    assert not any("Traceback" in line for line in living.said), "\n".join(living.said)


def test_the_stream_says_what_the_document_says(watch: World) -> None:
    living, tokens, _ = watch
    connection = http.client.HTTPConnection("127.0.0.1", living.operators, timeout=30)
    connection.request(
        "GET", f"{BASE}/entries/stream?from=0", headers={"authorization": f"Bearer {tokens['maria']}"}
    )
    answer = connection.getresponse()
    assert (answer.status, answer.getheader("content-type")) == (200, "text/event-stream")
    told = document()
    event = told["paths"][f"{BASE}/entries/stream"]["get"]["responses"]["200"]["content"][
        "text/event-stream"
    ]["schema"]
    valid = jsonschema_rs.validator_for(
        {**event["properties"]["data"]["contentSchema"], "components": told["components"]}
    )
    while (line := answer.readline()).startswith(b":") or line == b"\n":
        pass  # a comment, which clients pass over
    assert line == b"id: 0\n"
    valid.validate(json.loads(answer.readline().removeprefix(b"data: ")))
    assert answer.readline() == b"\n"
    for number in range(1, 3):
        assert answer.readline() == b"id: %d\n" % number
        valid.validate(json.loads(answer.readline().removeprefix(b"data: ")))
        assert answer.readline() == b"\n"
    connection.close()
