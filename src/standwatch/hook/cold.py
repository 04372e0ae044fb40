"""One event in a process of its own; and the resident helper started for the next one."""

from __future__ import annotations

import os
import sys
from _signal import ITIMER_REAL, setitimer  # pyright: ignore[reportMissingImports, reportUnknownVariableType]
from _socket import AF_UNIX, SOCK_STREAM
from _socket import socket as Socket

from standwatch.hook.files import Settings
from standwatch.hook.hosts import BEFORE, PROJECT
from standwatch.hook.talk import Line
from standwatch.hook.work import GO, NO, handle

WORD = "standwatch: go"
"""What has to be said aloud before a call: a hook that says anything else, or nothing, is taken for a no."""
MOST_EVENT = 64 << 20
SLACK = 5.0
"""Seconds beyond the work's own deadline after which the process ends itself."""


def main(words: list[str]) -> None:
    """`words`: the program, the hook's folder, the kind of event. Never returns."""
    code = NO
    try:
        if words[2] == "helper":
            from standwatch.hook.helper import main as serve

            serve(words[1])
            os._exit(0)
        code = _one(words[1], words[2])
    except BaseException as error:
        _say(f"The hook failed, so nothing may be done ({type(error).__name__}).")
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


def _one(folder: str, kind: str) -> int:
    setitimer(ITIMER_REAL, 30.0)  # before there are settings: a host that never stops writing
    settings = Settings(folder)
    setitimer(ITIMER_REAL, settings.seconds + settings.wait + SLACK)
    data = sys.stdin.buffer.read(MOST_EVENT)
    project = os.environ.get(PROJECT.get(settings.host, ""), "")
    said = handle(settings, Line(settings.url), kind, data, project)
    if said.words:
        _say(said.words)
    if said.code == GO and kind == BEFORE:
        sys.stdout.write(WORD)
    sys.stdout.flush()
    _resident(settings)
    return said.code


def _say(words: str) -> None:
    sys.stderr.write(words.encode("ascii", "backslashreplace").decode("ascii") + "\n")


def _resident(settings: Settings) -> None:
    """Start the helper where none listens; whether it starts is nobody's concern here."""
    if not settings.resident or _listens(settings.folder) or os.fork():
        return
    os.setsid()
    nowhere = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):
        os.dup2(nowhere, descriptor)
    program = os.path.join(os.path.dirname(os.path.abspath(__file__)), "run.py")
    setitimer(ITIMER_REAL, 0)
    os.execv(sys.executable, [sys.executable, "-S", "-E", "-s", program, settings.folder, "helper"])  # noqa: S606


def _listens(folder: str) -> bool:
    os.chdir(folder)  # a socket's path is short; a folder's may be long
    trying = Socket(AF_UNIX, SOCK_STREAM)
    try:
        trying.connect("helper.sock")
    except OSError:
        return False
    finally:
        trying.close()
    return True
