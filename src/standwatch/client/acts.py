"""Asking for an act and telling its outcome, as steps without I/O: what is sent, what is awaited, what it comes to.

INVARIANT: nothing here answers `Go` twice for one key, in this process or another: an act that left before answers with
what the record has of it, and where that is unknown a person is asked before it leaves again.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Generator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, cast

from standwatch.client.errors import (
    LOST,
    AlreadyDone,
    ClientError,
    Failed,
    Invalid,
    NotDone,
    Pending,
    Refused,
    Unavailable,
    Unreachable,
)
from standwatch.client.plain import as_json, left_out, told_result

PATH: Final = "/v1/actions"
MOST_TURNS: Final = 16
"""How often one key leaves anew: after what certainly did nothing, or after a person allowed it again."""
PATIENCE: Final = 15.0
"""Seconds for which an outcome that nobody hears is told again."""
_PAUSES: Final = (0.05, 0.1, 0.2, 0.4, 0.8, 1.5, 3.0)
_LOOKS: Final = (0.25, 0.5, 1.0, 2.0)
_ALPHABET: Final = "0123456789abcdefghjkmnpqrstvwxyz"


@dataclass(frozen=True, slots=True)
class Act:
    """One thing to be done. `key` is the caller's own name for it, the same whenever it is the same act."""

    system: str
    tool: str
    arguments: Mapping[str, Any]
    key: str = ""
    id: str = ""
    target: str = ""
    seam: str = "client"
    attempt: str = field(default_factory=lambda: os.urandom(12).hex())


@dataclass(frozen=True, slots=True)
class Go:
    """Leave to do it once, with these arguments and no others; its outcome is owed.

    `changed` are the names of arguments that the gateway changed.
    """

    id: str
    system: str
    arguments: dict[str, Any]
    changed: frozenset[str] = frozenset()
    receipt: str = ""


@dataclass(frozen=True, slots=True)
class Done:
    """It left before, under the same key: `status` says how it ended. Nothing is to be done.

    `kept` is False where what came back is not to be had any more.
    """

    id: str
    status: str
    result: object = None
    kept: bool = True

    def value(self) -> Any:
        """What came back. Raises `Failed` for an error, `AlreadyDone` where it is not to be had."""
        if self.status == "error":
            said = _members(self.result)
            message = str(said.get("message") or said.get("error") or "it ended in an error")
            raise Failed(message, self.id, str(said.get("error", "")))
        if not self.kept or left_out(self.result):
            raise AlreadyDone(LOST, self.id)
        return self.result


@dataclass(frozen=True, slots=True)
class Post:
    """Send `body` to `path`; the answer is sent in, `Unreachable` is thrown in."""

    path: str
    body: bytes


@dataclass(frozen=True, slots=True)
class Pause:
    """Wait so many seconds."""

    seconds: float


Answer = tuple[int, str, object]
Steps = Generator[Post | Pause, Answer | None, Any]


def ident_of(act: Act, turn: int = 0) -> str:
    """The id under which `act` is asked for the first time, or once more: the same wherever it is made.

    Its time is nought and its other bits are of a digest over system, tool, arguments and key (UUIDv7's form).

    >>> ident_of(Act("pay", "bank.send", {"amount": 3}, key="call_1"))
    '0000000000e2ctvs7gm9s0m2w0'
    """
    said = [act.system, act.tool, act.target, act.key, turn, as_json(dict(act.arguments))]
    text = json.dumps(said, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    drawn = int.from_bytes(hashlib.sha256(text.encode()).digest()[:10], "big")
    value = 7 << 76 | (drawn >> 62 & 0xFFF) << 64 | 2 << 62 | drawn & 0x3FFFFFFFFFFFFFFF
    return "".join(_ALPHABET[value >> shift & 31] for shift in range(125, -1, -5))


def asking(act: Act, wait: float = 0.0) -> Steps:
    """Ask for `act` until it may be done, was done, or may not. Returns `Go | Done`; raises `ClientError`.

    While a person is asked, look again for `wait` seconds in all; then `Pending`.
    """
    after, left = "", [wait]
    for turn in range(MOST_TURNS):
        ident = act.id or (ident_of(act, turn) if act.key else "")
        found = yield from _ask(act, ident, after, left)
        if isinstance(found, Go) or act.id or found.status in ("ok", "error", "withheld"):
            return found
        # `not_sent`: nothing happened. Anything else: nobody knows, so a person is asked before it leaves again.
        after = "" if found.status == "not_sent" else found.id
    raise Unavailable("it was begun too often and never finished")


def _ask(act: Act, ident: str, after: str, left: list[float]) -> Steps:
    """Ask under one id, and look again while a person is asked or somebody else is at it."""
    looks = 0
    while True:
        found = yield from _once(act, ident, after)
        waits = isinstance(found, Pending) or (isinstance(found, Done) and found.status == "open")
        if not waits or left[0] <= 0:
            break
        pause = min(_LOOKS[min(looks, len(_LOOKS) - 1)], left[0])
        left[0] -= pause
        looks += 1
        yield Pause(pause)
    if isinstance(found, Pending):
        raise found
    return found


def _once(act: Act, ident: str, after: str) -> Steps:
    try:
        arguments = as_json(dict(act.arguments))
    except (TypeError, ValueError, RecursionError) as error:
        raise Invalid(f"the arguments have no form in JSON: {error}") from None
    asked: dict[str, Any] = {"system": act.system, "tool": act.tool, "arguments": arguments, "seam": act.seam}
    named = {"id": ident, "target": act.target, "after": after, "attempt": act.attempt if ident else ""}
    body = json.dumps(asked | {name: value for name, value in named.items() if value}).encode()
    try:
        answer = yield Post(PATH, body)
    except Unreachable:
        if not ident:  # without an id, asked twice is two acts
            raise
        answer = yield Post(PATH, body)
    return _read(act, arguments, cast("Answer", answer))


def _read(act: Act, arguments: dict[str, Any], answer: Answer) -> Go | Done | Pending:
    status, receipt, body = answer
    said = _members(body)
    ident = str(said.get("id", ""))
    match status, said.get("word"):
        case 200, "go" if ident:
            judged = said.get("arguments", arguments)
            if not isinstance(judged, dict):
                raise Unreachable("what answered is not Standwatch, or of another version")
            given = cast("dict[str, Any]", judged)
            names = given.keys() | arguments.keys()
            changed = frozenset(one for one in names if given.get(one, ...) != arguments.get(one, ...))
            return Go(ident, act.system, given, changed, receipt)
        case 200, "done" if ident:
            return Done(ident, str(said.get("status", "unknown")), said.get("result"), "result" in said)
        case 202, "pending":
            message = str(said.get("message", "This action waits for a person."))
            return Pending(message, ident, str(said.get("url", "")), str(said.get("words", "")))
        case _:
            raise refused(status, said)


def _members(value: object) -> dict[str, Any]:
    return cast("dict[str, Any]", value) if isinstance(value, dict) else {}


def refused(status: int, said: Mapping[str, Any]) -> ClientError:
    """What a word that is no leave means to whoever asked."""
    text, reference = str(said.get("message", f"status {status}")), str(said.get("id", ""))
    match status, said.get("word"):
        case ((400 | 404 | 405 | 409 | 413), _):
            return Invalid(text, reference)
        case ((401 | 403 | 421), _):
            return Refused(text, reference)
        case 503, "unavailable":
            return Unavailable(text, reference)
        case _:
            return Unreachable(f"the gateway answered {status}: {text}", reference)


def telling(go: Go, status: str, result: Any = None, patience: float = PATIENCE) -> Steps:
    """Tell what became of it, again and again for `patience` seconds while nobody hears it.

    Returns whether it was heard. False where the gateway does not await it any more, or never answered.
    """
    body = json.dumps({"status": status, "result": told_result(result), "system": go.system}).encode()
    waited, tries = 0.0, 0
    while True:
        try:
            answer = cast("Answer", (yield Post(f"{PATH}/{go.id}/outcome", body)))
        except Unreachable:
            answer = (503, "", None)
        if answer[0] == 200:
            return True
        if answer[0] < 500 or waited >= patience:
            return False
        pause = _PAUSES[min(tries, len(_PAUSES) - 1)]
        waited, tries = waited + pause, tries + 1
        yield Pause(pause)


def failure(error: BaseException) -> tuple[str, dict[str, Any] | None]:
    """What an exception of a tool says of its act: the status that is told, and what came back."""
    if isinstance(error, NotDone):
        return "not_sent", None
    said = {"error": type(error).__name__, "message": str(error)[:4_000]}
    if isinstance(error, TimeoutError):
        return "timeout", said
    # Whoever was stopped on the way does not know how far they came.
    return ("error", said) if isinstance(error, Exception) else ("unknown", None)
