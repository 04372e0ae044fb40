"""Real model servers through our clients: what they say is, to the last bit, what their libraries say directly."""

from __future__ import annotations

import hashlib
import json
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from standwatch.enforce.decision_ports import ModelServer
from standwatch.facts.configuration import Component
from standwatch.facts.decisions import Predicted, Rows, Trouble
from standwatch.facts.models import Feature, FeatureType, Model, Output, Version
from standwatch.upstream.models import open_models
from support.model_servers import ENVIRONMENT, Trained, free_ports, serve_mlserver
from support.mortgage import ARTIFACTS, MORTGAGE, module, serving
from support.upstreams import run

NUMBERS = (
    Feature("income"),
    Feature("debt", missing=True),
    Feature("years", type="integer"),
    Feature("score"),
)
WORDS = (
    *NUMBERS,
    Feature("purpose", type="category", one_of=("home", "car", "study")),
    Feature("owner", type="boolean"),
)
PROBABILITIES = Output("predict_proba", type="probability", labels=("lost", "paid"))
CLASS = Output("predict", type="label", labels=("0", "1"))


def opened(name: str, versions: dict[str, Version], url: str = "", **more: Any) -> ModelServer:
    model = Model(component=name, versions=versions, **more)
    return open_models(Component("model", name, url=url), model, folder=Path(), environment={})


def oip(url: str, name: str, **more: Any) -> ModelServer:
    versions = {version: Version(version, served_as=version) for version in ("1", "2")}
    return opened(name, versions, url, **{"outputs": (CLASS, PROBABILITIES), **more})


async def ask(server: ModelServer, version: str, features: Sequence[Feature], rows: list[Any]) -> Predicted:
    asked = Rows(tuple(feature.name for feature in features), [tuple(row) for row in rows])
    said = await server.infer(version, asked, 30.0)
    assert isinstance(said, Predicted), said
    return said


def as_labels(expected: dict[str, Any]) -> list[str]:
    return [str(value) for value in expected["predict"]]


@pytest.mark.parametrize("name", ["forest", "boosted"])
def test_a_matrix_of_numbers_with_missing_ones(mlserver: str, trained: Trained, name: str) -> None:
    async def check() -> None:
        server = oip(mlserver, name, inputs=NUMBERS, layout="matrix")
        answers: list[Predicted] = []
        for version in ("1", "2"):
            said = await ask(server, version, NUMBERS, trained.expected["holes"])
            expected = trained.expected[f"{name}@{version}"]
            assert said.outputs == {
                "predict": as_labels(expected),
                "predict_proba": expected["predict_proba"],
            }
            assert said.version == version
            answers.append(said)
            alone = await ask(server, version, NUMBERS, trained.expected["holes"][:1])
            assert alone.outputs["predict_proba"] == expected["predict_proba"][:1]
        assert answers[0].outputs != answers[1].outputs
        await server.close()

    run(check())


def test_a_frame_of_numbers_words_and_booleans(mlserver: str, trained: Trained) -> None:
    async def check() -> None:
        server = oip(mlserver, "words", inputs=WORDS, layout="pandas")
        for version in ("1", "2"):
            said = await ask(server, version, WORDS, trained.expected["frame"])
            expected = trained.expected[f"words@{version}"]
            assert said.outputs == {
                "predict": as_labels(expected),
                "predict_proba": expected["predict_proba"],
            }
        await server.close()

    run(check())


def test_mlflow_serves_the_same(mlflow_servers: dict[str, str], trained: Trained) -> None:
    async def check() -> None:
        versions = {version: Version(version, url=url) for version, url in mlflow_servers.items()}
        server = opened("words", versions, inputs=WORDS, outputs=(PROBABILITIES,), protocol="mlflow")
        for version in ("1", "2"):
            assert await server.ready(version)
            said = await ask(server, version, WORDS, trained.expected["frame"])
            assert said.outputs["predict_proba"] == trained.expected[f"words@{version}"]["predict_proba"]
            assert (said.version, said.digest) == ("", "")
        await server.close()

    run(check())


def test_ready_says_which_versions_are_loaded(mlserver: str) -> None:
    async def check() -> None:
        server = opened(
            "forest",
            {name: Version(name, served_as=name) for name in ("1", "9")},
            mlserver,
            inputs=NUMBERS,
            outputs=(CLASS,),
        )
        assert [await server.ready(version) for version in ("1", "9", "none")] == [True, False, False]
        await server.close()

    run(check())


def test_what_the_server_refuses_is_said_in_one_sentence(
    mlserver: str, mlflow_servers: dict[str, str], trained: Trained
) -> None:
    async def check() -> None:
        unknown = Output("transmogrified", type="probability")
        server = oip(mlserver, "boosted", inputs=NUMBERS, outputs=(unknown,), layout="matrix")
        rows = Rows(tuple(each.name for each in NUMBERS), [(1.0, 2.0, 3, 4.0)])
        said = await server.infer("1", rows, 30.0)
        assert isinstance(said, Trouble)
        assert said.code == "upstream_error"
        assert said.text.startswith("the model server answered HTTP 4")
        assert "transmogrified" in said.text
        await server.close()

        schema = (*WORDS[:4], Feature("colour", type="text"), WORDS[5])
        versions = {"1": Version("1", url=mlflow_servers["1"])}
        other = opened("words", versions, inputs=schema, outputs=(PROBABILITIES,), protocol="mlflow")
        named = tuple(each.name for each in schema)
        said = await other.infer("1", Rows(named, [tuple(trained.expected["frame"][0])]), 30.0)
        assert isinstance(said, Trouble)
        assert said.code == "upstream_error"
        assert "Traceback" not in said.text
        assert len(said.text) < 300
        await other.close()

    run(check())


def test_a_tensor_for_each_feature_and_the_digest_of_what_is_loaded(tmp_path: Path) -> None:
    data = module("data")
    features = (
        Feature("applicant_id", type="text"),
        *(Feature(name, type=mortgage_type(name)) for name in data.FEATURES),
    )
    rows = [
        (f"applicant {n}", *(row[name] for name in data.FEATURES)) for n, row in enumerate(data.rows()[:300])
    ]

    async def check(url: str) -> None:
        output = Output("p_denied", type="probability")
        server = oip(url, "mortgage", inputs=features, outputs=(output,))
        for version in ("1", "2"):
            artifact = MORTGAGE / ARTIFACTS[version]
            said = await ask(server, version, features, rows)
            columns = dict(zip([each.name for each in features], zip(*rows, strict=True), strict=True))
            assert said.outputs["p_denied"] == scored(artifact, columns)
            assert said.version == version
            assert said.digest == hashlib.sha256(artifact.read_bytes()).hexdigest()
        await server.close()

    with serving(tmp_path / "log") as url:
        run(check(url))


def mortgage_type(name: str) -> FeatureType:
    if name in ("pbcr", "dmi", "self"):
        return "category"
    return "integer" if name in ("ccs", "mcs", "comdominiom") else "number"


def scored(artifact: Path, columns: dict[str, Any]) -> list[float]:
    """What the artifact says when it is loaded and asked without any server."""
    script = (
        "import json, sys; from pathlib import Path; from scorer import load; "
        "print(json.dumps(load(Path(sys.argv[1])).score(json.load(sys.stdin))))"
    )
    done = subprocess.run(
        [ENVIRONMENT / "python", "-c", script, artifact],
        input=json.dumps(columns),
        cwd=MORTGAGE,
        capture_output=True,
        text=True,
        check=True,
    )
    return json.loads(done.stdout)


def test_a_server_that_dies_is_missed_and_one_that_comes_back_is_found(trained: Trained) -> None:
    rows = Rows(tuple(each.name for each in NUMBERS), [(1.0, 2.0, 3, 4.0)])
    [port] = free_ports(1)

    async def check() -> None:
        server = oip(f"http://127.0.0.1:{port}", "forest", inputs=NUMBERS, layout="matrix")
        for _ in range(2):
            with serve_mlserver(trained.folder / "mlserver", port=port):
                assert isinstance(await server.infer("1", rows, 30.0), Predicted)
            said = await server.infer("1", rows, 2.0)  # over a connection that was kept
            assert isinstance(said, Trouble)
            assert said.code in ("unreachable", "upstream_error")
            assert not await server.ready("1")
        await server.close()

    run(check())
