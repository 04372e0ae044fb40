"""Applications to decide on: real rows of the held-out part, replayed. Nobody is applying: a script sends them.

    STANDWATCH_TOKEN=sw_… python traffic.py --url http://127.0.0.1:8400 [--applications 200] [--rate 0] [--seed 1]
                                            [--batch 1] [--applicant 17] [--version 2] [--json]

Seeded: the same rows in the same order. Every request says in its parameters that it is a replay. Without a watch in
between (`--url http://127.0.0.1:9310`), the model server answers and the threshold is applied here.
"""

from __future__ import annotations

import argparse
import http.client
import json
import os
import random
import sys
import time
from collections import Counter
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

from data import FEATURES, WHOLE, YES_NO, Row, applicant, rows, split

THRESHOLD = 0.3
REPLAY = {"source": "scripted replay of boston-hmda 1990"}


class Unanswered(Exception):
    """The other side refused, or said what is no answer."""


def numbers(seed: int) -> Iterator[int]:
    """Row numbers (from 1) of the held-out part, shuffled anew each time round."""
    held_out = split(rows())[1]
    shuffler = random.Random(seed)  # noqa: S311 - traffic that everybody can repeat
    while True:
        shuffler.shuffle(held_out)
        yield from (index + 1 for index in held_out)


def request(chosen: list[int], every: list[Row]) -> dict[str, Any]:
    """The inference request for these rows: a tensor for each input."""
    tensors = [tensor("applicant_id", "BYTES", [applicant(number) for number in chosen])]
    for name in FEATURES:
        kind = "BYTES" if name in YES_NO else "INT64" if name in WHOLE else "FP64"
        tensors.append(tensor(name, kind, [every[number - 1][name] for number in chosen]))
    return {"parameters": REPLAY, "inputs": tensors}


def tensor(name: str, datatype: str, data: list[Any]) -> dict[str, Any]:
    return {"name": name, "shape": [len(data)], "datatype": datatype, "data": data}


class Sender:
    """One connection, kept open."""

    def __init__(self, url: str, token: str, version: str = "") -> None:
        where = urlsplit(url)
        self._path = f"/v2/models/mortgage{f'/versions/{version}' if version else ''}/infer"
        self._connection = http.client.HTTPConnection(where.hostname or "", where.port, timeout=20)
        self._headers = {"content-type": "application/json"}
        if token:
            self._headers["authorization"] = f"Bearer {token}"

    def ask(self, body: dict[str, Any]) -> dict[str, Any]:
        """Raises `Unanswered`, and OSError where nobody is there."""
        self._connection.request("POST", self._path, json.dumps(body), self._headers)
        answer = self._connection.getresponse()
        content = answer.read()
        if answer.status != 200:
            raise Unanswered(f"{answer.status}: {content.decode(errors='replace')[:300]}")
        return json.loads(content)


def told(chosen: list[int], answer: dict[str, Any]) -> list[dict[str, Any]]:
    """What came of each row, whoever answered."""
    tensors = {each["name"]: each["data"] for each in answer["outputs"]}
    p = tensors["p_denied"]
    plain = (
        ["denied" if each >= THRESHOLD else "approved" for each in p]
        if "standwatch.outcome" not in tensors
        else []
    )
    blank = [""] * len(chosen)
    version = [answer.get("model_version", "")] * len(chosen)
    columns = {
        "applicant": [applicant(number) for number in chosen],
        "id": tensors.get("standwatch.id", blank),
        "outcome": tensors.get("standwatch.outcome", plain),
        "route": tensors.get("standwatch.route", ["model"] * len(chosen)),
        "code": tensors.get("standwatch.code", blank),
        "version": tensors.get("standwatch.version", version),
        "p_denied": p,
    }
    return [dict(zip(columns, line, strict=True)) for line in zip(*columns.values(), strict=True)]


def send(
    sender: Sender, chosen: Iterator[int], count: int, batch: int, rate: float
) -> Iterator[dict[str, Any]]:
    """`count` applications, `batch` to a request, at most `rate` a second (0: as fast as they are answered)."""
    every, begun, sent = rows(), time.monotonic(), 0
    while sent < count:
        now = [next(chosen) for _ in range(min(batch, count - sent))]
        if rate:
            time.sleep(max(0.0, begun + sent / rate - time.monotonic()))
        yield from told(now, sender.ask(request(now, every)))
        sent += len(now)


def summary(lines: list[dict[str, Any]]) -> str:
    """`200 applications: approved 176, denied 21, refer-to-human 3 · version 1`"""
    came = Counter(line["outcome"] or line["route"] for line in lines)
    versions = sorted({line["version"] for line in lines if line["route"] == "model"})
    counted = ", ".join(f"{name} {count}" for name, count in sorted(came.items()))
    return f"{len(lines)} applications: {counted} · version {', '.join(versions) or 'none'}"


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--url", required=True, help="of the agents' listener, or of the model server itself")
    parser.add_argument("--applications", type=int, default=200)
    parser.add_argument("--batch", type=int, default=1, help="rows of one request")
    parser.add_argument(
        "--rate", type=float, default=0.0, help="applications a second; 0: as fast as it goes"
    )
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--applicant", type=int, help="only the one in this row of hmda.csv, from 1")
    parser.add_argument(
        "--version", default="", help="ask for this version; without it, for whichever answers"
    )
    parser.add_argument("--json", action="store_true", help="a line for each application")
    given = parser.parse_args()
    chosen = iter([given.applicant]) if given.applicant else numbers(given.seed)
    count = 1 if given.applicant else given.applications
    sender = Sender(given.url, os.environ.get("STANDWATCH_TOKEN", ""), given.version)
    try:
        lines = list(send(sender, chosen, count, given.batch, given.rate))
    except (OSError, Unanswered) as error:
        print(f"traffic: {error}", file=sys.stderr)
        return 1
    print("\n".join(json.dumps(line) for line in lines) if given.json else summary(lines))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
