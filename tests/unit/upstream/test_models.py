"""From a declaration to its model server: fallbacks of a version, credentials, and what cannot be asked."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from standwatch.enforce.decision_ports import ModelServer
from standwatch.facts.configuration import Component
from standwatch.facts.decisions import Predicted, Rows, Trouble
from standwatch.facts.models import Feature, Model, Output, Version
from standwatch.upstream.models import open_models
from support.rude_http import Exchange
from support.rude_model import rude_model, saying
from support.upstreams import run

ONE = Rows(("x",), [(1.0,)])


def opened(url: str, environment: dict[str, str] | None = None, **more: Any) -> ModelServer:
    component = Component("model", "scorer", url=url, headers={"Authorization": "Bearer ${TOKEN}"})
    model = Model(component="scorer", inputs=(Feature("x"),), outputs=(Output("y"),), **more)
    given = {"TOKEN": "s3cret"} if environment is None else environment
    return open_models(component, model, folder=Path(), environment=given)


def test_each_version_is_asked_where_it_is_with_the_credentials() -> None:
    heard: list[str] = []

    async def script(it: Exchange) -> None:
        assert it.headers["authorization"] == "Bearer s3cret"
        heard.append(it.path)
        tensor = {"name": "y", "shape": [1], "datatype": "FP64", "data": [0.5]}
        it.json({"model_name": it.path.split("/")[3], "outputs": [tensor]})

    async def go() -> None:
        async with rude_model(script) as one, rude_model(script) as other:
            versions = {
                "a": Version("a"),
                "b": Version("b", model="scorer-b", served_as="2"),
                "c": Version("c", url=other.url + "/base/"),
            }
            server = opened(one.url, versions=versions)
            for version in ("a", "b"):
                assert await server.infer(version, ONE, 2.0) == Predicted({"y": [0.5]})
            assert heard == [
                "/v2/models/scorer/infer",
                "/v2/models/scorer-b/versions/2/infer",
            ]
            await server.infer("c", ONE, 2.0)
            assert other.asked[0].path == "/base/v2/models/scorer/infer"
            await server.close()

    run(go())


def test_mlflow_is_asked_at_its_own_path() -> None:
    async def go() -> None:
        async with rude_model(saying({"predictions": [0.5]})) as rude:
            server = opened("", versions={"a": Version("a", url=rude.url + "/")}, protocol="mlflow")
            assert await server.infer("a", ONE, 2.0) == Predicted({"y": [0.5]})
            assert rude.asked[0].path == "/invocations"
            await server.close()

    run(go())


def test_one_connection_is_kept_for_many_requests() -> None:
    async def go() -> None:
        async with rude_model(saying({"predictions": [0.5]})) as rude:
            server = opened("", versions={"a": Version("a", url=rude.url)}, protocol="mlflow")
            for _ in range(5):
                await server.infer("a", ONE, 2.0)
            assert (len(rude.asked), len(rude.writers)) == (5, 1)
            await server.close()

    run(go())


def test_what_cannot_be_asked_says_why() -> None:
    async def go() -> None:
        versions = {"a": Version("a")}
        for server, why in (
            (opened("http://127.0.0.1:1", {}, versions=versions), "TOKEN"),
            (opened("", versions=versions), "where version 'a' is served"),
            (opened("http://127.0.0.1:1", versions=versions, protocol="client"), "runs in its callers"),
            (opened("ftp://127.0.0.1", versions=versions), "cannot be asked"),
            (opened("http://127.0.0.1:1", {"TOKEN": "a\r\nb: c"}, versions=versions), "cannot be asked"),
        ):
            said = await server.infer("a", ONE, 2.0)
            assert isinstance(said, Trouble)
            assert said.code == "unreachable"
            assert why in said.text
            assert "s3cret" not in said.text
            assert not await server.ready("a")
            await server.close()

    run(go())
