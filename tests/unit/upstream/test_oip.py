"""A server of the Open Inference Protocol that misbehaves: every answer that is not the one asked for is a trouble."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from standwatch.facts.decisions import Predicted, Rows, Trouble
from standwatch.facts.models import Feature, Model, Output
from standwatch.upstream.http import HttpClient
from standwatch.upstream.model_http import ModelHttp
from standwatch.upstream.oip import OipServer, Place
from support.rude_http import Exchange, Script
from support.rude_model import RudeModel, rude_model, saying
from support.upstreams import run

FEATURES = (Feature("income"), Feature("region", type="category", one_of=("north", "south")))
SCORE = Output("score", type="probability")
CLASS = Output("class", type="label", labels=("no", "yes"))
BOTH = Output("both", type="probability", labels=("no", "yes"))
TWO = Rows(("income", "region"), [(1.5, "north"), (None, "south")])


def tensor(
    name: str, data: list[Any], datatype: str = "FP64", shape: list[int] | None = None
) -> dict[str, Any]:
    return {
        "name": name,
        "shape": [len(data)] if shape is None else shape,
        "datatype": datatype,
        "data": data,
    }


def answer(*outputs: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"model_name": "m", "model_version": "7", "id": "x", "outputs": list(outputs), **more}


GOOD = answer(tensor("score", [0.25, 0.5]))


def server(url: str, outputs: tuple[Output, ...] = (SCORE,), **more: Any) -> OipServer:
    model = Model(component="m", inputs=FEATURES, outputs=outputs, **more)
    return OipServer(model, {"1": Place(url, "m", "7")}, ModelHttp(HttpClient(), (("x-key", "secret"),)))


def ask(
    script: Script,
    outputs: tuple[Output, ...] = (SCORE,),
    rows: Rows = TWO,
    within: float = 5.0,
    after: Callable[[RudeModel], None] = lambda rude: None,
) -> Predicted | Trouble:
    found: list[Predicted | Trouble] = []

    async def go() -> None:
        async with rude_model(script) as rude:
            it = server(rude.url, outputs)
            found.append(await it.infer("1", rows, within))
            await it.close()
            after(rude)

    run(go())
    return found[0]


def test_what_is_sent_and_what_comes_back() -> None:
    def sent(rude: RudeModel) -> None:
        [asked] = rude.asked
        assert asked.headers["x-key"] == "secret"
        assert asked.message == {
            "inputs": [
                {"name": "income", "shape": [2, 1], "datatype": "FP64", "data": [1.5, None]},
                {"name": "region", "shape": [2, 1], "datatype": "BYTES", "data": ["north", "south"]},
            ],
            "outputs": [{"name": "score"}],
        }

    assert ask(saying(GOOD), after=sent) == Predicted({"score": [0.25, 0.5]}, version="7")


def test_columns_vectors_and_labels() -> None:
    said = answer(
        tensor("score", [1, 0], "INT64", [2, 1]),
        tensor("class", ["yes", "no"], "BYTES"),
        tensor("both", [0.1, 0.9, 0.8, 0.2], shape=[2, 2]),
        tensor("more", ["what", "nobody"], "BYTES"),
    )
    outputs = {"score": [1, 0], "class": ["yes", "no"], "both": [[0.1, 0.9], [0.8, 0.2]]}
    assert ask(saying(said), (SCORE, CLASS, BOTH)) == Predicted(outputs, version="7")
    nested = answer(tensor("both", [[0.1, 0.9], [0.8, 0.2]], shape=[2, 2]))
    assert ask(saying(nested), (BOTH,)) == Predicted({"both": outputs["both"]}, version="7")
    base64 = {**tensor("class", ["eWVz", "bm8="], "BYTES"), "parameters": {"content_type": "base64"}}
    assert ask(saying(answer(base64)), (CLASS,)) == Predicted({"class": ["yes", "no"]}, version="7")


@pytest.mark.parametrize("name", ["sha256", "digest", "artifact_sha256"])
def test_the_digest_that_a_server_gives(name: str) -> None:
    said = answer(tensor("score", [0.25, 0.5]), parameters={name: "sha256:" + "AB" * 32})
    found = ask(saying(said))
    assert isinstance(found, Predicted)
    assert found.digest == "ab" * 32


def test_a_digest_in_the_metadata_is_taken_at_each_look() -> None:
    digests = ["aa", "bb"]

    async def script(it: Exchange) -> None:
        if it.verb == "POST":
            it.json(GOOD)
        else:
            it.json({"name": "m", "parameters": {"sha256": digests[0]}})

    async def go() -> None:
        async with rude_model(script) as rude:
            it = server(rude.url)
            for expected in ("aa", "bb"):
                digests[:] = [expected]
                assert await it.ready("1")
                said = await it.infer("1", TWO, 5.0)
                assert isinstance(said, Predicted)
                assert said.digest == expected
            await it.close()

    run(go())


@pytest.mark.parametrize(
    ("said", "why"),
    [
        (answer(tensor("score", [0.25])), "score: 1 rows, 2 were asked about"),
        (answer(tensor("score", [0.25, 0.5, 0.75])), "score: 3 rows, 2 were asked about"),
        (answer(tensor("score", [0.25], shape=[2])), "score: 1 values, its shape says 2"),
        (answer(tensor("score", [0.2, 0.8, 0.1, 0.9], shape=[2, 2])), "score: shape [2, 2], expected [2]"),
        (answer(tensor("score", [[0.2], [0.8, 0.1]], shape=[2, 1])), "not the shape that it says"),
        (answer(tensor("score", [0.25, 0.5], shape=[])), "0 rows"),
        (answer(tensor("other", [0.25, 0.5])), "output score: not in the answer"),
        (answer(), "output score: not in the answer"),
        (answer(tensor("score", [0.25, 0.5]), tensor("score", [0.5, 0.25])), "stands twice"),
        (answer(tensor("score", ["a", "b"], "BYTES")), "datatype 'BYTES', expected a number"),
        (answer(tensor("score", [True, False], "BOOL")), "datatype 'BOOL', expected a number"),
        (answer(tensor("score", [0.25, "x"])), "score: Expected `float`, got `str`"),
        (answer(tensor("score", [0.25, 0.5], "INT64")), "score: Expected `int`, got `float`"),
        (answer(tensor("score", [0.25, None])), "a row is null (NaN)"),
        (answer(tensor("score", [1, 10**400], "INT64")), "score: "),
        (answer(tensor("score", [1, 2], shape=[2, 10**30])), "score: shape [2, 1"),
        (answer(tensor("score", [0.25, 0.5]), model_name="other"), "the model 'other' answered"),
        (answer(tensor("score", [0.25, 0.5]), parameters=[1]), "parameters are not an object"),
        (
            b'{"model_name":"m","outputs":[{"name":"score","shape":[2],"datatype":"FP64","data":[NaN,1]}]}',
            "not an",
        ),
        (
            b'{"model_name":"m","outputs":[{"name":"score","shape":[2],"datatype":"FP64","data":[1e999,1]}]}',
            "",
        ),
        (b"{}", "not an inference response"),
        (b"", "not an inference response"),
        (b"[1, 2", "not an inference response"),
        (b"<html>" * 10, "not an inference response"),
        (b"[" * 100_000, "not an inference response"),
        (b'{"model_name":"\xff"}', "not an inference response"),
    ],
)
def test_a_bad_answer(said: Any, why: str) -> None:
    found = ask(saying(said))
    assert isinstance(found, Trouble)
    assert found.code == "bad_answer"
    assert why in found.text
    assert len(found.text) < 300


@pytest.mark.parametrize(
    "twice",
    [
        b'"model_name":"m","model_name":"m"',
        b'"model_name":"m","model_version":"6","model_version":"7"',
        b'"model_name":"m","model_n\\u0061me":"m"',
        b'"model_name":"m","parameters":{"sha256":"a","sha256":"b"}',
        b'"model_name":"m","outputs":[]',
    ],
)
def test_a_member_that_stands_twice(twice: bytes) -> None:
    body = b'{%b,"outputs":[{"name":"score","shape":[2],"datatype":"FP64","data":[0,1]}]}' % twice
    found = ask(saying(body))
    assert isinstance(found, Trouble)
    assert found.code == "bad_answer"


@pytest.mark.parametrize("output", [CLASS, BOTH])
def test_swapped_labels(output: Output) -> None:
    said = (
        tensor("both", [0.1, 0.9, 0.8, 0.2], shape=[2, 2])
        if output is BOTH
        else tensor("class", [1, 0], "INT64")
    )
    kept = ask(saying(answer({**said, "parameters": {"labels": ["no", "yes"]}})), (output,))
    assert isinstance(kept, Predicted)
    swapped = ask(saying(answer({**said, "parameters": {"labels": ["yes", "no"]}})), (output,))
    assert swapped == Trouble("bad_answer", f"output {output.name}: its labels are not no, yes in this order")


def test_an_error_is_told_in_one_sentence() -> None:
    found = ask(saying({"error": "no\nsuch\x00 model" + "!" * 900}, "404 Not Found"))
    assert isinstance(found, Trouble)
    assert found.code == "upstream_error"
    assert found.text.startswith("the model server answered HTTP 404: no such model!")
    assert len(found.text) < 300
    assert found.text.isprintable()
    for body in (b"", b"garbage", b"[]", b'{"error":{"a":1}}', b"\xff\xfe"):
        assert ask(saying(body, "500 Oops")) == Trouble(
            "upstream_error", "the model server answered HTTP 500"
        )


def test_slow_dying_flooding_and_absent_servers() -> None:
    async def slow(_: Exchange) -> None:
        await asyncio.sleep(3)

    async def dying(it: Exchange) -> None:
        it.writer.write(b'HTTP/1.1 200 OK\r\ncontent-length: 500\r\n\r\n{"model_name":"m","outp')
        it.writer.close()

    async def garbage(it: Exchange) -> None:
        it.writer.write(b"\x00\x01 not HTTP\r\n\r\n")

    async def flood(it: Exchange) -> None:
        it.writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 99000000\r\n\r\n")
        for _ in range(64):
            it.writer.write(b" " * (64 << 10))
            await it.writer.drain()

    late = ask(slow, within=0.2)
    assert late == Trouble("timeout", "the model server gave no answer within 0.2 s")
    for script, code in ((dying, "upstream_error"), (garbage, "upstream_error"), (flood, "bad_answer")):
        found = ask(script)
        assert isinstance(found, Trouble)
        assert found.code == code

    async def absent() -> None:
        async with rude_model(slow) as rude:
            url = rude.url
        it = server(url)
        found = await it.infer("1", TWO, 2.0)
        assert isinstance(found, Trouble)
        assert found.code == "unreachable"
        assert not await it.ready("1")
        await it.close()

    run(absent())


def test_what_cannot_be_asked() -> None:
    async def go() -> None:
        it = server("http://127.0.0.1:1")
        for version, rows in (("2", TWO), ("1", Rows(("income",), [(1.0,)]))):
            assert isinstance(await it.infer(version, rows, 1.0), Trouble)
        for odd in ("\ud800", 1 << 70, object()):
            said = await it.infer("1", Rows(TWO.names, [(1.0, odd)]), 1.0)  # pyright: ignore[reportArgumentType]
            assert isinstance(said, Trouble)
        infinite = await it.infer("1", Rows(TWO.names, [(float("inf"), "north")]), 1.0)
        assert infinite == Trouble(
            "upstream_error", "the rows cannot be sent: income: a value is not a finite number"
        )
        await it.close()

    run(go())
