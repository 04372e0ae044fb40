"""Work that takes seconds and must not be felt by whoever waits for a decision: in a process of its own.

    python -m standwatch.serve.aside FOLDER KEYS < ORDER > LINES

One order; then lines of JSON, of which the last is the answer and those before say how far it is. The child reads the
record by itself, gives way to everybody else (nice), and is bounded: in memory and processor time by the kernel, in
time by whoever started it, who ends it.
"""

from __future__ import annotations

import asyncio
import ctypes
import os
import resource
import signal
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, Final, TypeVar

import msgspec

from standwatch.facts.errors import StandwatchError
from standwatch.serve.place import Place
from standwatch.store.reader import Reader
from standwatch.store.sealing import Kek

T = TypeVar("T")
Progress = Callable[[int, int], None]
"""Told how much is done, of how much."""

GRACE: Final = 10.0
"""Seconds beside those of a processor: to begin, and where others have it."""
_MEMORY: Final = 1_500 << 20
"""Bytes of address space."""
_MOST: Final = 64 << 20
"""Bytes of an order, and of one line of an answer."""


class Order(msgspec.Struct, frozen=True):
    """What is wanted: the name of a piece of work (`WORKS`), what that wants, encoded, seconds of processor time
    that it may take, how readily it yields to others (nice), and bytes of address space."""

    work: str
    given: bytes
    seconds: int
    yields: int
    memory: int


class Trouble(msgspec.Struct, frozen=True):
    """Why there is no answer."""

    code: str
    text: str


class Said(msgspec.Struct, frozen=True, omit_defaults=True):
    """One line: how far the work is, or with `last` its answer, encoded, or why there is none."""

    done: int = 0
    of: int = 0
    last: bool = False
    answer: bytes = b""
    trouble: Trouble | None = None


class Aside:
    """Has work done beside this process: diagnoses one at a time, verifications one at a time."""

    def __init__(self, place: Place, memory: int = _MEMORY) -> None:
        self._place = place
        self._memory = memory
        self._turns: dict[str, asyncio.Lock] = {}

    async def ask(
        self,
        work: str,
        given: Any,
        answer: type[T],
        *,
        seconds: int,
        yields: int = 19,
        progress: Progress | None = None,
    ) -> T:
        """The answer to `work`, within `seconds` of processor time and half as many more by the clock.

        Raises `StandwatchError` with the code `too_long`, `too_much` or `failed` where there is none.
        """
        order = msgspec.msgpack.encode(
            Order(work, msgspec.msgpack.encode(given), seconds, yields, self._memory)
        )
        async with self._turns.setdefault(work, asyncio.Lock()):
            said = await self._run(order, seconds, progress)
        if said.trouble is not None:
            cure = "ask about less: a shorter time, one model, the latest entries"
            raise StandwatchError(
                said.trouble.text, code=said.trouble.code, cure=cure if said.trouble.code != "failed" else ""
            )
        return msgspec.msgpack.decode(said.answer, type=answer)

    async def _run(self, order: bytes, seconds: int, progress: Progress | None) -> Said:
        within = seconds * 1.5 + GRACE
        child = await asyncio.create_subprocess_exec(
            *(sys.executable, "-P", "-m", "standwatch.serve.aside"),
            *(str(self._place.state), str(self._place.keys)),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            limit=_MOST,
        )
        try:
            return await asyncio.wait_for(_listen(child, order, progress), within)
        except TimeoutError:
            return Said(trouble=Trouble("too_long", f"it took longer than {within:g} s, and was ended"))
        finally:
            # INVARIANT: whatever happens here, also a caller who went away, no child stays behind.
            if child.returncode is None:
                with suppress(ProcessLookupError):
                    child.kill()
                await child.wait()


async def _listen(child: asyncio.subprocess.Process, order: bytes, progress: Progress | None) -> Said:
    assert child.stdin is not None
    assert child.stdout is not None
    assert child.stderr is not None
    words = asyncio.ensure_future(child.stderr.read())
    with suppress(BrokenPipeError, ConnectionResetError):
        child.stdin.write(order)
        await child.stdin.drain()
    child.stdin.close()
    while line := await child.stdout.readline():
        said = msgspec.json.decode(line, type=Said)
        if said.last:
            words.cancel()
            return said
        if progress is not None:
            progress(said.done, said.of)
    if await child.wait() == -signal.SIGXCPU:
        return Said(
            trouble=Trouble("too_long", "it wanted more of a processor than it may have, and was ended")
        )
    told = (await words).decode(errors="replace").strip().splitlines()[-1:] or [f"code {child.returncode}"]
    return Said(
        trouble=Trouble("failed", f"the process that was to do it ended without an answer: {told[0][:200]}")
    )


# --- in the child ------------------------------------------------------------------------------------------------


def _record(state: Path, keys: Path) -> Reader:
    """The record as its own server reads it."""
    from standwatch.keys import kek

    found = [Kek(epoch, kek.load(keys, epoch)) for epoch in kek.epochs(keys)]
    return Reader(state, kek=found[-1] if found else None, older=tuple(found[:-1]))


def _work(name: str) -> Callable[[Reader, bytes, Progress], Any]:
    """The function that does it; imported here, for only the child needs it."""
    match name:
        case "diagnose":
            from standwatch.serve.control_diagnosing import diagnosed

            return diagnosed
        case "replay":
            from standwatch.serve.replaying import replayed

            return replayed
        case "verify":
            from standwatch.serve.verifying import verified

            return verified
        case _:
            raise StandwatchError(f"nobody does {name[:40]!r} here", code="failed")


def _say(said: Said) -> None:
    sys.stdout.buffer.write(msgspec.json.encode(said) + b"\n")
    sys.stdout.buffer.flush()


def _answer(order: Order, state: Path, keys: Path) -> Said:
    try:
        found = _work(order.work)(_record(state, keys), order.given, lambda done, of: _say(Said(done, of)))
        return Said(last=True, answer=msgspec.msgpack.encode(found))
    except MemoryError:
        return Said(
            last=True, trouble=Trouble("too_much", f"it wanted more than {order.memory >> 20} MiB of memory")
        )
    except StandwatchError as error:
        return Said(last=True, trouble=Trouble(error.code, str(error)))


def _bound(order: Order) -> None:
    """Give way, and be ended where it becomes too much, or where whoever asked is gone."""
    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    with suppress(OSError):
        os.nice(order.yields)
    resource.setrlimit(resource.RLIMIT_AS, (order.memory, order.memory))
    resource.setrlimit(resource.RLIMIT_CPU, (order.seconds, order.seconds + 1))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


_PR_SET_PDEATHSIG: Final = 1


def main(arguments: list[str]) -> int:
    """Do what standard input asks for."""
    order = msgspec.msgpack.decode(sys.stdin.buffer.read(_MOST), type=Order)
    _bound(order)
    _say(_answer(order, *map(Path, arguments)))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
