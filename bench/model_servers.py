"""CPU µs of asking a model server: rows to bytes, over loopback and back, bytes to columns; raw loopback beside it.

`python -m bench.model_servers [seconds]`. The server is another process that answers with bytes made before, so what
is counted is our side alone. "raw" sends and hears as many bytes on one connection with no HTTP and no JSON.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import sys
import time
from collections.abc import Awaitable, Callable
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, Final

import msgspec
import uvloop

from bench.machine import machine, raw
from bench.report import Cell, Report
from standwatch.facts.configuration import Component
from standwatch.facts.decisions import Predicted, Rows
from standwatch.facts.models import Feature, Model, Output, Version
from standwatch.upstream import mlflow, oip_read
from standwatch.upstream.models import open_models
from standwatch.upstream.oip_write import writer

FEATURES: Final = 20
ROUNDS: Final = 5
INPUTS: Final = tuple(
    Feature(f"feature_{k:02}", "category", one_of=("a", "b")) if k % 5 == 4 else Feature(f"feature_{k:02}")
    for k in range(FEATURES)
)
NUMBERS: Final = tuple(Feature(f"feature_{k:02}") for k in range(FEATURES))
OUTPUTS: Final = (Output("predict_proba", type="probability", labels=("no", "yes")),)
FORMS: Final[dict[str, dict[str, Any]]] = {
    "OIP, columns": {"inputs": INPUTS},
    "OIP, pandas": {"inputs": INPUTS, "layout": "pandas"},
    "OIP, matrix": {"inputs": NUMBERS, "layout": "matrix"},
    "MLflow": {"inputs": INPUTS, "protocol": "mlflow"},
}


def main(seconds: float) -> None:
    """Measure and print; `seconds` for each figure."""
    report = Report(live=True)
    report.machine(machine(), raw(Path()))
    table: list[list[Cell]] = []
    for name, form in FORMS.items():
        for rows in (1, 256):
            model = Model(component="scorer", outputs=OUTPUTS, versions={"1": Version("1")}, **form)
            figures = uvloop.run(_measured(model, rows, seconds))
            table.append([f"{name}, {rows}", *figures, figures[0] / rows])
    columns = ("form, rows", "asked", "raw", "written", "read", "per row")
    report.table("model_servers", f"CPU µs for a request with {FEATURES} features", columns, table)


async def _measured(model: Model, rows: int, seconds: float) -> list[float]:
    """µs of the whole, of the raw bytes, of writing, of reading."""
    asked = _rows(model, rows)
    answer = _answer(model, rows)
    head = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n" % len(answer)
    parent, child = multiprocessing.Pipe()
    context = multiprocessing.get_context("spawn")
    process = context.Process(target=serve, args=(child, head + answer), daemon=True)
    process.start()
    port = await asyncio.get_running_loop().run_in_executor(None, parent.recv)
    server = open_models(
        Component("model", "scorer", url=f"http://127.0.0.1:{port}"), model, folder=Path(), environment={}
    )

    async def ask() -> None:
        if not isinstance(said := await server.infer("1", asked, 5.0), Predicted):
            raise TypeError(said.text)

    try:
        whole = await _cpu(ask, seconds)
        write, read = _halves(model, asked, answer)
        reader, stream = await asyncio.open_connection("127.0.0.1", port)
        body = write()
        request = b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: %d\r\n\r\n%b" % (len(body), body)
        length = len(head) + len(answer)

        async def trip() -> None:
            stream.write(request)
            await reader.readexactly(length)

        bare = await _cpu(trip, seconds)
        stream.close()
    finally:
        await server.close()
        process.terminate()
        process.join()
    return [whole, bare, _pure(write, seconds), _pure(read, seconds)]


def _halves(model: Model, asked: Rows, answer: bytes) -> tuple[Callable[[], bytes], Callable[[], Predicted]]:
    n = len(asked.rows)
    if model.protocol == "mlflow":
        return lambda: msgspec.json.encode(asked.rows), lambda: mlflow.read(answer, OUTPUTS, n)
    write = writer(model)
    return lambda: write(asked.rows), lambda: oip_read.read(answer, "scorer", OUTPUTS, n)


async def _cpu(do: Callable[[], Awaitable[None]], seconds: float) -> float:
    """The least of some rounds: neighbours only ever add."""
    found: list[float] = []
    for _ in range(ROUNDS):
        count, begun, end = 0, time.process_time(), time.perf_counter() + seconds / ROUNDS
        while time.perf_counter() < end:
            for _ in range(20):
                await do()
            count += 20
        found.append((time.process_time() - begun) / count * 1e6)
    return min(found)


def _pure(do: Callable[[], object], seconds: float) -> float:
    found: list[float] = []
    for _ in range(ROUNDS):
        count, begun, end = 0, time.process_time(), time.perf_counter() + seconds / ROUNDS / 2
        while time.perf_counter() < end:
            for _ in range(20):
                do()
            count += 20
        found.append((time.process_time() - begun) / count * 1e6)
    return min(found)


def _rows(model: Model, rows: int) -> Rows:
    def value(row: int, k: int, feature: Feature) -> Any:
        if feature.type == "category":
            return "ab"[row % 2]
        return None if (row + k) % 40 == 39 else (row * 31 + k * 7) % 1000 / 7

    names = tuple(feature.name for feature in model.inputs)
    return Rows(
        names, [tuple(value(row, k, each) for k, each in enumerate(model.inputs)) for row in range(rows)]
    )


def _answer(model: Model, rows: int) -> bytes:
    pairs = [[1 - row / 1000 / 7, row / 1000 / 7] for row in range(rows)]
    if model.protocol == "mlflow":
        return msgspec.json.encode({"predictions": pairs})
    tensor = {
        "name": "predict_proba",
        "shape": [rows, 2],
        "datatype": "FP64",
        "parameters": {"content_type": "np"},
        "data": [value for pair in pairs for value in pair],
    }
    said = {
        "model_name": "scorer",
        "model_version": "1",
        "id": "1be1c62b",
        "parameters": {},
        "outputs": [tensor],
    }
    return msgspec.json.encode(said)


class _Canned(asyncio.Protocol):
    """Answers every whole request with the same bytes."""

    def __init__(self, answer: bytes) -> None:
        self.answer = answer
        self.heard = b""

    def connection_made(self, transport: Any) -> None:
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self.heard += data
        head, found, body = self.heard.partition(b"\r\n\r\n")
        if found and len(body) >= int(head.lower().partition(b"content-length:")[2].split(b"\r\n")[0]):
            self.heard = b""
            self.transport.write(self.answer)


def serve(pipe: Connection, answer: bytes) -> None:
    """The other process."""

    async def go() -> None:
        server = await asyncio.get_running_loop().create_server(lambda: _Canned(answer), "127.0.0.1", 0)
        pipe.send(server.sockets[0].getsockname()[1])
        await server.serve_forever()

    uvloop.run(go())


if __name__ == "__main__":
    main(float(sys.argv[1]) if len(sys.argv) > 1 else 2.0)
