"""What recording costs: `python bench/store.py [--entries 5000000]`. Every figure beside the raw disk of this run.

An *entry* here is what governing one tool call writes, half of it: an intent of about 480 bytes with two sealed parts
(a canonical action of 500 bytes, findings of 300), or an outcome with one (a result of 700).
"""

from __future__ import annotations

import argparse
import asyncio
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import apsw
import uvloop
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from standwatch.facts.entries import Hold, Intent, Outcome, RunOpened
from standwatch.facts.frames import Ack, Append
from standwatch.facts.ids import new_id
from standwatch.facts.parts import Part
from standwatch.record.note import NoteKey
from standwatch.store.link import LocalLink
from standwatch.store.reader import Reader
from standwatch.store.recorder import Recorder, Setup
from standwatch.store.sealing import Kek
from standwatch.store.socket import RecorderServer
from standwatch.store.socket_link import SocketLink

SCOPES = ("all", "system:pay", "component:none", "tool:bank.send", "server:bank", "agent:agent", "run:r")
CAPS = {"run/calls": 1 << 50, "day/calls": 1 << 50, "minute/calls": 1 << 50}
SALT = b"s" * 32
ACTION, FINDINGS, RESULT = os.urandom(500), os.urandom(300), os.urandom(700)
PRIVATE = Ed25519PrivateKey.generate()
KEY = NoteKey("bench.invalid/log", PRIVATE.public_key().public_bytes_raw())


def clock() -> int:
    return time.time_ns() // 1_000


def new() -> str:
    return new_id(clock(), os.urandom(10))


def setup(folder: Path) -> Setup:
    return Setup(
        folder=folder, key=KEY, sign=PRIVATE.sign, kek=Kek(1, b"k" * 32), clock=clock, entropy=os.urandom
    )


def intent(number: int, run: str, seen: int, ident: str) -> Append:
    entry = Intent(
        by="agent", id=ident, run=run, system="pay", tool="bank.send", digest="d" * 64, seen=seen,
        why="e" * 64, conf=1, grant="autonomous", effect="write", spend={"bank.send.amount": 1_000_000},
    )  # fmt: skip
    parts = (Part("action", b"", ACTION), Part("findings", SALT, FINDINGS))
    return Append(number, entry, parts, ("customer",), SCOPES, CAPS)


def outcome(number: int, ident: str, of: int) -> Append:
    entry = Outcome(
        by="agent", id=ident, of=of, status="ok", took={"judge": 80, "upstream": 900}, result="f" * 64
    )
    return Append(number, entry, (Part("result", SALT, RESULT),), ("customer",))


def per(values: list[float], share: float) -> float:
    return sorted(values)[min(len(values) - 1, int(len(values) * share))] * 1e3


def fdatasyncs(folder: Path, seconds: float = 1.0) -> float:
    """fdatasync of one 4 KiB page, overwritten in place: per second."""
    handle = os.open(folder / "raw", os.O_CREAT | os.O_WRONLY, 0o600)
    os.write(handle, bytes(1 << 20))
    os.fsync(handle)
    count, begin = 0, time.perf_counter()
    while (took := time.perf_counter() - begin) < seconds:
        os.pwrite(handle, os.urandom(4096), 4096 * (count % 256))
        os.fdatasync(handle)
        count += 1
    os.close(handle)
    return count / took


async def opened(link: LocalLink | SocketLink) -> str:
    run = new()
    await link.append(
        Append(link.next_number(), RunOpened(by="gate", run=run, system="pay", principal="agent"))
    )
    return run


async def flight(link: LocalLink | SocketLink, acts: int, together: int) -> list[float]:
    """`acts` intents with their outcomes, `together` in flight: seconds of each acknowledgement."""
    run, took = await opened(link), list[float]()

    async def one(append: Append) -> Ack:
        begin = time.perf_counter()
        ack = await link.append(append)
        took.append(time.perf_counter() - begin)
        assert isinstance(ack, Ack), ack
        return ack

    async def agent() -> None:
        for _ in range(acts // together):
            ident = new()
            ack = await one(intent(link.next_number(), run, link.state.seen, ident))
            await one(outcome(link.next_number(), ident, ack.index))

    await asyncio.gather(*[agent() for _ in range(together)])
    return took


async def in_flight(recorder: Recorder, link: LocalLink | SocketLink, acts: int, together: int) -> str:
    thread: Callable[[], float] = lambda: recorder.submit(time.thread_time).result()  # noqa: E731
    begin, cpu, own = time.perf_counter(), time.process_time(), thread()
    took = await flight(link, acts, together)
    seconds, cpu, own = time.perf_counter() - begin, time.process_time() - cpu, thread() - own
    entries = len(took)
    return (
        f"{entries / seconds:8.0f} entries/s   p50 {per(took, 0.5):6.2f} ms   p99 {per(took, 0.99):6.2f} ms   "
        f"CPU {own / entries * 1e6:5.1f} µs recorder, {cpu / entries * 1e6:5.1f} µs process"
    )


def batches(acts: int, recorder: Recorder, run: str, size: int = 64) -> Iterator[tuple[int, float]]:
    """The writer alone, given ready frames in batches: entries and CPU seconds of each batch."""
    writer = recorder._writer  # pyright: ignore[reportPrivateUsage]
    for _ in range(acts // size):
        idents = [new() for _ in range(size)]
        asks = [intent(n, run, 1, ident) for n, ident in enumerate(idents)]
        begin = time.thread_time()
        _, acks = writer.write(asks)
        cpu = time.thread_time() - begin
        ends = [
            outcome(n, i, a.index)
            for n, (i, a) in enumerate(zip(idents, acks, strict=True))
            if isinstance(a, Ack)
        ]
        begin = time.thread_time()
        writer.write(ends)
        yield size + len(ends), cpu + time.thread_time() - begin


def fill(folder: Path, entries: int) -> None:
    """A log of that many entries, written through the writer in large batches."""
    recorder = Recorder.open(setup(folder))
    run = new()
    opening = RunOpened(by="gate", run=run, system="pay", principal="agent")
    recorder.submit(lambda: recorder._writer.write([Append(0, opening)])).result()  # pyright: ignore[reportPrivateUsage]
    recorder.submit(lambda: sum(n for n, _ in batches(entries // 2, recorder, run, 256))).result()
    recorder.close()


def starts(folder: Path, entries: int) -> str:
    fill(folder, entries)
    took: list[float] = []
    for _ in range(5):
        begin = time.perf_counter()
        recorder = Recorder.open(setup(folder))
        took.append(time.perf_counter() - begin)
        recorder.close()
    reader = Reader(folder)
    middle = next(
        entry for _, entry in reader.entries(reader.size // 2, reader.size) if isinstance(entry, Intent)
    )
    begin = time.perf_counter()
    found = reader.of_action(middle.id)
    lookup = time.perf_counter() - begin
    assert len(found) == 2
    size = reader.size
    reader.close()
    mebibytes = sum(path.stat().st_size for path in folder.iterdir()) / (1 << 20)
    return (
        f"{size:9d} entries, {mebibytes:6.0f} MiB: start p50 {per(took, 0.5):6.1f} ms   "
        f"first look-up by id, tail read {lookup * 1e3:5.1f} ms"
    )


async def hold_to_all(folder: Path, recorder: Recorder, workers: int) -> str:
    """From the append of a hold to its acknowledgement, when every worker process has seen it."""
    path = folder / "socket"
    server = RecorderServer(recorder, path)
    await server.start()
    link = recorder.link()
    command = [sys.executable, __file__, "--worker", str(path)]
    processes = [subprocess.Popen([*command, str(n)]) for n in range(workers)]
    while server.connected < workers:
        await asyncio.sleep(0.05)
    await asyncio.sleep(0.2)
    took: list[float] = []
    for _ in range(200):
        begin = time.perf_counter()
        ack = await link.append(Append(link.next_number(), Hold(by="p", scope="system:pay")))
        took.append(time.perf_counter() - begin)
        assert isinstance(ack, Ack), ack
        await asyncio.sleep(0.002)
    stayed = server.connected
    for process in processes:
        process.terminate()
        process.wait()
    await server.close()
    return (
        f"p50 {per(took, 0.5):6.2f} ms   p99 {per(took, 0.99):6.2f} ms   most {max(took) * 1e3:6.2f} ms "
        f"({stayed} of {workers} workers stayed)"
    )


async def over_socket(folder: Path, recorder: Recorder, acts: int) -> str:
    server = RecorderServer(recorder, folder / "socket")
    await server.start()
    link = await SocketLink.connect(folder / "socket", "bench")
    line = await in_flight(recorder, link, acts, 64)
    await link.close()
    await server.close()
    return line


async def worker(path: Path, name: str) -> None:
    await SocketLink.connect(path, name)
    await asyncio.Event().wait()


async def live(folder: Path, acts: int) -> None:
    recorder = Recorder.open(setup(folder))
    link = recorder.link()
    print(f"  1 in flight     {await in_flight(recorder, link, acts // 10, 1)}")
    print(f"  64 in flight    {await in_flight(recorder, link, acts, 64)}")
    print(f"  64, one socket  {await over_socket(folder, recorder, acts)}")
    print(f"  hold → 4 worker processes   {await hold_to_all(folder, recorder, 4)}")
    recorder.close()


def alone(folder: Path, acts: int) -> None:
    recorder = Recorder.open(setup(folder))
    run = uvloop.run(opened_with(recorder))
    done = recorder.submit(lambda: list(batches(acts, recorder, run))).result()
    entries, cpu = sum(n for n, _ in done), sum(seconds for _, seconds in done)
    print(f"  writer alone, batches of 64: CPU {cpu / entries * 1e6:.1f} µs an entry with its sealed parts")
    each = recorder.submit(lambda: list(batches(acts // 8, recorder, run, 1))).result()
    single = [seconds / n for n, seconds in each]
    print(f"  writer alone, one by one: CPU p50 {per(single, 0.5) * 1e3:.1f} µs a commit, its mark included")
    recorder.close()


async def opened_with(recorder: Recorder) -> str:
    return await opened(recorder.link())


def profile(folder: Path, acts: int) -> None:
    """Where the writer's time goes."""
    import cProfile
    import pstats

    recorder = Recorder.open(setup(folder))
    run = uvloop.run(opened_with(recorder))

    def work() -> pstats.Stats:
        measured = cProfile.Profile()
        measured.runcall(lambda: list(batches(acts, recorder, run)))
        return pstats.Stats(measured)

    recorder.submit(work).result().sort_stats("tottime").print_stats(22)
    recorder.close()


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--acts", type=int, default=20_000)
    asked.add_argument("--entries", type=int, default=0, help="also start a log of this many entries")
    asked.add_argument("--profile", action="store_true")
    asked.add_argument("--folder", type=Path, default=None, help="on the disk to be measured")
    asked.add_argument("--worker", nargs=2, default=None, help=argparse.SUPPRESS)
    given = asked.parse_args()
    if given.worker:
        uvloop.run(worker(Path(given.worker[0]), given.worker[1]))
        return
    with tempfile.TemporaryDirectory(dir=given.folder) as name:
        folder = Path(name)
        print(
            f"{platform.machine()}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}, "
            f"Python {platform.python_version()}, SQLite {apsw.sqlite_lib_version()}"
        )
        print(f"  raw fdatasync   {fdatasyncs(folder):8.0f} /s")
        if given.profile:
            profile(folder / "profiled", given.acts)
            return
        uvloop.run(live(folder / "live", given.acts))
        alone(folder / "alone", given.acts)
        print(f"  {starts(folder / 'short', 10_000)}")
        if given.entries:
            print(f"  {starts(folder / 'long', given.entries)}")


if __name__ == "__main__":
    main()
