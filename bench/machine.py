"""The raw machine, measured in the same run as everything else: figures here move with the neighbours."""

from __future__ import annotations

import asyncio
import os
import platform
import time
from pathlib import Path
from typing import Any

import apsw
import msgspec
import uvloop


class Machine(msgspec.Struct, frozen=True):
    """What the figures were taken on."""

    cpu: str
    cores: int
    kernel: str
    python: str
    sqlite: str
    load: tuple[float, float, float]
    time: str


class Raw(msgspec.Struct, frozen=True):
    """fdatasync of 4 kB appended (per second, ms), and a byte over loopback and back (µs)."""

    syncs: float
    sync_p50: float
    sync_p99: float
    trip_p50: float
    trip_p99: float


def machine() -> Machine:
    """This machine, now."""
    names = [
        line.partition(":")[2].strip()
        for line in Path("/proc/cpuinfo").read_text().splitlines()
        if line.startswith("model name")
    ]
    return Machine(
        cpu=names[0] if names else platform.machine(),
        cores=os.cpu_count() or 0,
        kernel=platform.release(),
        python=platform.python_version(),
        sqlite=apsw.sqlite_lib_version(),
        load=os.getloadavg(),
        time=time.strftime("%Y-%m-%d %H:%MZ", time.gmtime()),
    )


def raw(folder: Path, seconds: float = 1.0) -> Raw:
    """Measure the disk of `folder` and the loopback interface."""
    syncs = sorted(_syncs(folder / "fdatasync", seconds))
    trips = sorted(uvloop.run(_trips(seconds)))
    return Raw(
        len(syncs) / sum(syncs),
        _at(syncs, 0.5) * 1e3,
        _at(syncs, 0.99) * 1e3,
        _at(trips, 0.5) * 1e6,
        _at(trips, 0.99) * 1e6,
    )


def _at(values: list[float], part: float) -> float:
    return values[int(len(values) * part)]


def _syncs(path: Path, seconds: float) -> list[float]:
    """Seconds of each write of 4 kB with its fdatasync."""
    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o600)
    found: list[float] = []
    block, end = os.urandom(4096), time.perf_counter() + seconds
    try:
        while (begun := time.perf_counter()) < end or len(found) < 20:
            os.write(handle, block)
            os.fdatasync(handle)
            found.append(time.perf_counter() - begun)
    finally:
        os.close(handle)
        path.unlink()
    return found


class _Echo(asyncio.Protocol):
    def connection_made(self, transport: Any) -> None:
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self.transport.write(data)


async def _trips(seconds: float) -> list[float]:
    """Seconds of each byte sent to an echo in this process and received back."""
    loop = asyncio.get_running_loop()
    server = await loop.create_server(_Echo, "127.0.0.1", 0)
    reader, writer = await asyncio.open_connection("127.0.0.1", server.sockets[0].getsockname()[1])
    found: list[float] = []
    end = time.perf_counter() + seconds
    while (begun := time.perf_counter()) < end:
        writer.write(b"x")
        await reader.readexactly(1)
        found.append(time.perf_counter() - begun)
    writer.close()
    server.close()
    return found
