"""Runs functions in processes of their own, in an environment that takes seconds to import.

    python zygote.py MODULE

Imports MODULE, says so, and for each line of JSON `{"function", "arguments", "answer"}` on its input forks one that
calls the function and writes what it returned, as JSON, to the file `answer`. Says `{"answer", "status"}` when it
is gone: its exit code, or minus the signal that ended it.
"""

from __future__ import annotations

import gc
import importlib
import json
import os
import selectors
import signal
import sys
import traceback
from pathlib import Path
from typing import Any


def main() -> None:
    sys.path.insert(0, str(Path(__file__).parent))
    module = importlib.import_module(sys.argv[1])
    gc.collect()
    gc.freeze()  # what is here when a child is forked stays shared with it
    wake, told = os.pipe()
    os.set_blocking(told, False)
    signal.set_wakeup_fd(told)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    children: dict[int, str] = {}
    say({"answer": "", "status": 0})
    waiting, rest, open_ = selectors.DefaultSelector(), b"", True
    waiting.register(0, selectors.EVENT_READ)
    waiting.register(wake, selectors.EVENT_READ)
    while open_ or children:
        for key, _ in waiting.select():
            data = os.read(key.fd, 1 << 16)
            if key.fd == wake:
                gone(children)
            elif not data:
                open_ = False
                waiting.unregister(0)
            else:
                *lines, rest = (rest + data).split(b"\n")
                for line in lines:
                    begin(module, json.loads(line), children)


def begin(module: Any, order: dict[str, Any], children: dict[int, str]) -> None:
    pid = os.fork()
    if pid:
        children[pid] = order["answer"]
        return
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.dup2(2, 1)
    code = 1
    try:
        found = getattr(module, order["function"])(**order["arguments"])
        Path(order["answer"]).write_text(json.dumps(found))
        code = 0
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(code)


def gone(children: dict[int, str]) -> None:
    while children:
        pid, status = os.waitpid(-1, os.WNOHANG)
        if not pid:
            return
        answer = children.pop(pid, None)
        if answer is not None:
            say({"answer": answer, "status": os.waitstatus_to_exitcode(status)})


def say(what: dict[str, Any]) -> None:
    os.write(1, json.dumps(what).encode() + b"\n")


if __name__ == "__main__":
    main()
