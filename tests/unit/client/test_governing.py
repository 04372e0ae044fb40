"""`@governed`: the model runs only on rows it may, and nothing it says is believed before the gateway has heard it."""

from __future__ import annotations

import asyncio
import hashlib
import re
from collections.abc import Generator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from standwatch.client import (
    AsyncClient,
    Client,
    Governed,
    GovernedAsync,
    Refused,
    Unreachable,
    governed,
    governing,
)
from standwatch.enforce.ports import Caller
from standwatch.facts.decisions import Answer, Predicted, Trouble
from support.deciders import ID, MODEL, SYSTEM, TOKEN, BenchDeciders
from support.decision_server import serving

OURS = msgspec.structs.replace(MODEL, protocol="client")
RICH: dict[str, Any] = {"income": 4200.5, "term": 360, "purpose": "home"}
POOR: dict[str, Any] = {"income": 12, "term": 12, "purpose": "home"}


class Array:
    """Looks as numpy's arrays do."""

    def __init__(self, values: list[Any]) -> None:
        self._values = values

    def tolist(self) -> list[Any]:
        return self._values


def predict(rows: list[Any]) -> dict[str, Any]:
    scores = [0.9 if row["income"] < 1_000 else 0.25 for row in rows]
    words = ["denied" if score > 0.5 else "approved" for score in scores]
    return {"score": Array(scores), "word": words, "shares": [[score, 0, 0] for score in scores]}


@pytest.fixture
def deciders() -> BenchDeciders:
    return BenchDeciders(OURS)


@pytest.fixture
def client(deciders: BenchDeciders) -> Generator[Client]:
    with serving(deciders) as url, Client(url, TOKEN) as client:
        yield client


def test_asked_run_told_and_answered(deciders: BenchDeciders, client: Client, tmp_path: Path) -> None:
    artifact = tmp_path / "model.json"
    artifact.write_bytes(b"weights")
    seen: list[Any] = []

    @governed(client, system=SYSTEM, model="scorer", version="v2", artifact=artifact)
    def score(rows: list[Any]) -> dict[str, Any]:
        """Scores."""
        seen.extend(rows)
        return predict(rows)

    artifact.write_bytes(b"changed afterwards")
    found = score([RICH, {"income": "much"}, POOR], parameters={"cache_age": 3})
    assert seen == [RICH, POOR]
    assert [(row.outcome, row.route) for row in found] == [
        ("approved", "model"),
        ("", "refer-to-human"),
        ("denied", "model"),
    ]
    assert found.contract["score"]["max"] == 1
    outputs = predict([RICH, POOR])
    digest = hashlib.sha256(b"weights").hexdigest()
    assert deciders.told == [Predicted({**outputs, "score": [0.25, 0.9]}, "v2", digest)]
    assert deciders.asks[0].parameters == {"cache_age": 3}
    assert isinstance(score, Governed)
    assert (score.__name__, score.__doc__) == ("score", "Scores.")
    assert score.predict([POOR])["word"] == ["denied"]


def test_a_refusal_runs_nothing(deciders: BenchDeciders, client: Client) -> None:
    deciders.word = "refused"

    @governed(client, system=SYSTEM, on_unreachable="refer-to-human")
    def score(rows: list[Any]) -> dict[str, Any]:
        raise AssertionError("it ran")

    with pytest.raises(Refused):
        score([RICH])


@pytest.mark.parametrize(
    ("result", "text"),
    [
        (ZeroDivisionError("secret"), "ZeroDivisionError"),
        ({"score": [float("nan")]}, "ValueError"),
        (None, "TypeError"),
        ({"score": object()}, "TypeError"),
        ({"score": [object()]}, "TypeError"),
    ],
)
def test_a_model_that_fails_is_answered_for(
    deciders: BenchDeciders, client: Client, result: Any, text: str
) -> None:
    @governed(client, system=SYSTEM)
    def score(rows: list[Any]) -> dict[str, Any]:
        if isinstance(result, Exception):
            raise result
        return result

    (row,) = score([RICH])
    assert (row.route, row.code) == ("refer-to-human", "upstream_error")
    assert deciders.told == [Trouble("upstream_error", text)]


def test_being_stopped_is_told(deciders: BenchDeciders, client: Client) -> None:
    @governed(client, system=SYSTEM)
    def score(rows: list[Any]) -> dict[str, Any]:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        score([RICH])
    assert deciders.told == [Trouble("upstream_error", "KeyboardInterrupt")]


def test_what_is_decided_while_it_runs_is_named(deciders: BenchDeciders) -> None:
    with serving(BenchDeciders()) as elsewhere, serving(deciders) as url:
        other, ours = Client(elsewhere, TOKEN), Client(url, TOKEN)

        @governed(ours, system=SYSTEM, version="v2")
        def score(rows: list[Any]) -> dict[str, Any]:
            for _ in range(2):
                other.decide(SYSTEM, [RICH])
            other.decide(SYSTEM, [RICH, POOR])
            return predict(rows)

        score([RICH])
        other.close()
        ours.close()
    (told,) = deciders.told
    assert isinstance(told, Predicted)
    assert told.used == ("41/0", ID)


LOCAL: list[tuple[Any, list[tuple[str, dict[str, Any]]]]] = [
    ("refer-to-human", [("refer-to-human", {}), ("refer-to-human", {})]),
    ({"score": 1.0}, [("", {"score": 1.0}), ("", {"score": 1.0})]),
    (lambda rows: ["a" if row is RICH else {"score": 0} for row in rows], [("a", {}), ("", {"score": 0})]),
]


@pytest.mark.parametrize(("local", "expected"), LOCAL)
def test_nobody_there(local: Any, expected: list[tuple[str, dict[str, Any]]]) -> None:
    ran: list[Any] = []

    def score(rows: list[Any]) -> dict[str, Any]:
        ran.append(rows)
        return predict(rows)

    nobody = Client("http://127.0.0.1:1", TOKEN)
    with pytest.raises(Unreachable):
        governed(nobody, system=SYSTEM)(score)([RICH, POOR])
    found = governed(nobody, system=SYSTEM, on_unreachable=local)(score)([RICH, POOR])
    assert [(row.outcome, row.outputs) for row in found] == expected
    assert {(row.id, row.route, row.code) for row in found} == {("", "unreachable", "unreachable")}
    assert not found.recorded
    assert found.used == ""
    assert not ran


def test_a_gateway_that_goes_away_while_it_runs_releases_nothing(deciders: BenchDeciders) -> None:
    with serving(deciders) as url:
        client = Client(url, TOKEN, timeout=20)
        serving_still = [True]

        @governed(client, system=SYSTEM)
        def score(rows: list[Any]) -> dict[str, Any]:
            serving_still.clear()
            client._wire._place.port = 1
            client.close()
            return predict(rows)

        with pytest.raises(Unreachable):
            score([RICH])
    assert not serving_still
    assert not deciders.told


class Late(BenchDeciders):
    """It hears what a model said at once, and answers too late."""

    after = 6.0

    async def finish(self, caller: Caller, ident: str, predicted: Predicted | Trouble) -> Answer:
        answer = await super().finish(caller, ident, predicted)
        await asyncio.sleep(self.after)
        return answer


def test_an_answer_lost_after_the_gateway_heard_is_not_replaced_by_a_local_one() -> None:
    deciders = Late(OURS)
    with serving(deciders) as url, Client(url, TOKEN, timeout=2) as client, pytest.raises(Unreachable):
        governed(client, system=SYSTEM, version="v2", on_unreachable="refer-to-human")(predict)([RICH])
    (told,) = deciders.told
    assert isinstance(told, Predicted)


def test_nor_is_it_for_a_coroutine() -> None:
    deciders = Late(OURS)

    async def score(rows: list[Any]) -> dict[str, Any]:
        return predict(rows)

    async def main(url: str) -> None:
        async with AsyncClient(url, TOKEN, timeout=2) as client:
            with pytest.raises(Unreachable):
                await governed(client, system=SYSTEM, version="v2", on_unreachable="wait")(score)([RICH])

    with serving(deciders) as url:
        asyncio.run(main(url))
    (told,) = deciders.told
    assert isinstance(told, Predicted)


def test_a_gateway_that_is_gone_does_not_hide_what_stops_us(deciders: BenchDeciders) -> None:
    with serving(deciders) as url:
        client = Client(url, TOKEN, timeout=20)

        @governed(client, system=SYSTEM, on_unreachable="refer-to-human")
        def score(rows: list[Any]) -> dict[str, Any]:
            client._wire._place.port = 1
            client.close()
            raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            score([RICH])
    assert not deciders.told


def test_a_cancelled_coroutine_tells_so(deciders: BenchDeciders) -> None:
    async def main(url: str) -> None:
        async with AsyncClient(url, TOKEN) as client:
            running = asyncio.Event()

            @governed(client, system=SYSTEM)
            async def score(rows: list[Any]) -> dict[str, Any]:
                running.set()
                await asyncio.sleep(60)
                return predict(rows)

            task = asyncio.ensure_future(score([RICH]))
            await running.wait()
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task

    with serving(deciders) as url:
        asyncio.run(main(url))
    assert deciders.told == [Trouble("upstream_error", "CancelledError")]


def test_a_coroutine_cancelled_while_it_tells_is_heard(deciders: BenchDeciders) -> None:
    async def main(url: str) -> None:
        async with AsyncClient(url, TOKEN) as client:
            ran: list[asyncio.Task[Any]] = []

            @governed(client, system=SYSTEM, version="v2")
            async def score(rows: list[Any]) -> dict[str, Any]:
                await client.close()  # it has to connect again, so nothing is on its way when we are stopped
                asyncio.get_running_loop().call_soon(lambda: ran[0].cancel())
                return predict(rows)

            async def once() -> None:
                await score([RICH])

            ran.append(asyncio.create_task(once()))
            with pytest.raises(asyncio.CancelledError):
                await ran[0]

    with serving(deciders) as url:
        asyncio.run(main(url))
    (told,) = deciders.told
    assert isinstance(told, Predicted)


def test_a_cancelled_coroutine_waits_no_longer_than_it_says(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(governing, "PARTING", 0.1)
    deciders = Late(OURS)

    async def main(url: str) -> float:
        async with AsyncClient(url, TOKEN) as client:
            running = asyncio.Event()

            @governed(client, system=SYSTEM)
            async def score(rows: list[Any]) -> dict[str, Any]:
                running.set()
                await asyncio.sleep(60)
                return predict(rows)

            task = asyncio.ensure_future(score([RICH]))
            await running.wait()
            begun = asyncio.get_running_loop().time()
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            return asyncio.get_running_loop().time() - begun

    with serving(deciders) as url:
        assert 0.05 < asyncio.run(main(url)) < 5
    assert deciders.told == [Trouble("upstream_error", "CancelledError")]


def test_the_wrong_number_of_local_answers() -> None:
    score = governed(Client("http://127.0.0.1:1", TOKEN), system=SYSTEM, on_unreachable=lambda rows: [])(
        predict
    )
    with pytest.raises(ValueError, match="0 answers for 1 rows"):
        score([RICH])


def test_coroutines(deciders: BenchDeciders) -> None:
    async def main(url: str) -> None:
        async with AsyncClient(url, TOKEN) as client:

            @governed(client, system=SYSTEM, version="v2")
            async def score(rows: list[Any]) -> dict[str, Any]:
                await asyncio.sleep(0)
                if rows[0] is POOR:
                    raise ZeroDivisionError
                return predict(rows)

            assert isinstance(score, GovernedAsync)
            assert (await score([RICH]))[0].outcome == "approved"
            assert (await score([POOR]))[0].code == "upstream_error"
        async with AsyncClient("http://127.0.0.1:1", TOKEN) as nobody:
            alone = governed(nobody, system=SYSTEM, on_unreachable="wait")(score.predict)
            assert (await alone([RICH]))[0].outcome == "wait"

    with serving(deciders) as url:
        asyncio.run(main(url))


def test_the_example_in_the_documentation(
    deciders: BenchDeciders, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = (Path(__file__).parents[3] / "docs/decisions.md").read_text(encoding="utf-8")
    (code,) = re.findall(r"^```python\n(.*?)^```", page, re.MULTILINE | re.DOTALL)
    (tmp_path / "models").mkdir()
    (tmp_path / "models/v2.json").touch()
    monkeypatch.chdir(tmp_path)
    with serving(deciders) as url:
        known: dict[str, Any] = {}
        exec(code.replace("http://127.0.0.1:8400", url).replace("sw_…", TOKEN), known)
        known["client"].close()
    assert [row.route for row in known["decided"]] == ["model"]


def test_functions_and_clients_go_together(client: Client) -> None:
    async def later(rows: list[Any]) -> dict[str, Any]:
        return predict(rows)

    with pytest.raises(TypeError):
        governed(client, system=SYSTEM)(later)
    with pytest.raises(TypeError):
        governed(AsyncClient("http://x", TOKEN), system=SYSTEM)(predict)
    with pytest.raises(OSError, match="nowhere"):
        governed(client, system=SYSTEM, artifact="nowhere.bin")
