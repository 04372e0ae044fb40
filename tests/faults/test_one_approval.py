"""One approval by three people's passkeys, fifty consumers in two processes, and `kill -9`: it is used once."""

import asyncio
import random
import signal
import subprocess
import time
from pathlib import Path

import pytest

from support.consuming import MANY, SIGNERS, approve, deeds, intents, start
from support.recorders import ident as new_ident


def consumers(folder: Path) -> tuple[list["subprocess.Popen[str]"], "subprocess.Popen[str]"]:
    """Two worker processes at work on one approval, and their recorder."""
    run, ident = new_ident(), new_ident()
    signed = asyncio.run(approve(folder, run, ident))
    recorder = start("record", folder)
    return [start("consume", folder, run, ident, signed, MANY) for _ in range(2)], recorder


def end(*processes: "subprocess.Popen[str]") -> None:
    for one in processes:
        if one.poll() is None:
            one.kill()
        one.wait()
        if one.stdout is not None:
            one.stdout.close()


def test_fifty_consumers_and_one_execution(tmp_path: Path) -> None:
    workers, recorder = consumers(tmp_path)
    try:
        assert [one.wait(200) for one in workers] == [0, 0]
    finally:
        end(*workers, recorder)
    assert len(deeds(tmp_path)) == 1
    assert intents(tmp_path) == (1, len(SIGNERS))


@pytest.mark.parametrize("victim", ["worker", "recorder", "both"])
def test_kill_9_makes_it_no_second_time(tmp_path: Path, victim: str) -> None:
    seed = random.randrange(2**32)
    print(f"seed {seed}")
    chance = random.Random(seed)
    for number in range(4):
        folder = tmp_path / str(number)
        folder.mkdir()
        workers, recorder = consumers(folder)
        killed: set[int] = set()
        try:
            time.sleep(chance.uniform(0, 0.03))
            for one in (
                (workers[0],)
                if victim == "worker"
                else (recorder,)
                if victim == "recorder"
                else (
                    workers[0],
                    recorder,
                )
            ):
                one.send_signal(signal.SIGKILL)
                killed.add(one.pid)
            if recorder.pid in killed:
                recorder.wait()
                end(recorder)
                recorder = start("record", folder)
            for one in workers:
                if one.pid not in killed:
                    assert one.wait(200) == 0
        finally:
            end(*workers, recorder)
        done, (released, approvals) = deeds(folder), intents(folder)
        # Whoever was killed between the acknowledgement and the deed did nothing: the record then says `unknown`.
        assert (released, approvals) == (1, len(SIGNERS)), number
        assert len(done) <= 1, (number, done)
