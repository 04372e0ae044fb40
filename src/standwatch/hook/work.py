"""What is done about one event: a call is asked about, an outcome told, a prompt made the session's task.

Whatever goes wrong before a call is a no (`Said.code` 2): there is one place that says go, and it is behind the
gateway's own `go`.
"""

from __future__ import annotations

import os
import time

from standwatch.hook.files import Lock, Settings, load, path_of, save, take
from standwatch.hook.hosts import AFTER, BEFORE, FAILED, PROMPT, STOP, BadEvent, Event, read_event, typed
from standwatch.hook.places import border, marks, moved, named, where
from standwatch.hook.quick import digest, dumps
from standwatch.hook.talk import Line, NobodyThere, Unreachable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

GO, NO = 0, 2
MOST = 900_000
"""Bytes of arguments or of a result that are told: the gateway takes a mebibyte."""
MOST_WORD = 64 << 10
"""Letters of an agent's last words that are told: the end of them."""
AGAIN = 1.0
"""Seconds between two looks for an answer, where a hook waits for one."""
OURS = ("paths", "where", "workspace", "cwd", "around")
"""Arguments that the hook adds. INVARIANT: a call that brings its own is refused, for they are what is judged."""


_PROGRAMS = "git kube helm oc k9s skaffold flux argocd kustom stern terra tofu".split()  # noqa: SIM905
"""Of which `around` knows."""


class Said:
    """What the host hears: an exit code, and words for its agent on stderr."""

    __slots__ = ("code", "words")

    def __init__(self, code: int, words: str = "") -> None:
        self.code, self.words = code, words


class Work:
    """One event's means: whose hook it is, the connection, and when all must be done (monotonic seconds)."""

    __slots__ = ("line", "settings", "until")

    def __init__(self, settings: Settings, line: Line) -> None:
        self.settings, self.line = settings, line
        self.until = time.monotonic() + settings.seconds + settings.wait

    def post(self, path: str, token: str, body: Any) -> tuple[int, dict[str, Any]]:
        """As `Line.post`, in the time that is left."""
        return self.line.post(path, token, body, self.until)


def handle(settings: Settings, line: Line, expected: str, data: bytes, project: str = "") -> Said:
    """Do what the event in `data` wants. `expected`: the kind that the host was told to call us for.

    INVARIANT: nothing but the gateway's `go` is answered with `GO` before a call.
    """
    work = Work(settings, line)
    try:
        event = read_event(settings.host, data, project)
        if expected == BEFORE and event.kind != BEFORE:
            raise BadEvent("this is no call")  # noqa: TRY301
        match event.kind:
            case "before":
                return _ask(work, event)
            case "after" | "failed":
                return _tell(work, event)
            case "prompt":
                return _hear(work, event)
            case "stop":
                return _speak(work, event)
            case _:
                return Said(GO)
    except BadEvent as error:
        return _unreadable(work, data, str(error)) if expected == BEFORE else Said(GO)
    except Unreachable as error:
        return _no(f"No answer from Standwatch, so nothing may be done ({error}).{_start(work, error)}")
    except OSError as error:
        return _no(f"The hook's own folder cannot be used, so nothing may be done ({error.strerror}).")


def _start(work: Work, error: Unreachable) -> str:
    """What a person types where the server of this machine is down; quoted as shells want it."""
    if not isinstance(error, NobodyThere) or not work.settings.org:
        return ""
    org = work.settings.org.replace("'", "'\\''")
    return f" A person starts it with: standwatch --org '{org}' up"


def _no(words: str) -> Said:
    return Said(NO, words)


# --- before a call -------------------------------------------------------------------------------------------------


def _ask(work: Work, event: Event) -> Said:
    asked = {"system": work.settings.system, "tool": event.tool, "seam": "hook"}
    arguments, paths = judged(event, work.settings.project)
    if _size(arguments) > MOST:
        raise BadEvent("the call is larger than anybody could look at")
    token = _run(work, event)["token"]
    status, answer = work.post("/v1/actions", token, {**asked, "arguments": arguments})
    waited = time.monotonic() + work.settings.wait
    while status == 202 and time.monotonic() + AGAIN < waited:
        time.sleep(AGAIN)
        status, answer = work.post("/v1/actions", token, {**asked, "arguments": arguments})
    if status == 200 and answer.get("word") == "go":
        return _go(work, event, answer, token, paths)
    if status == 400:
        raise BadEvent(f"it is not valid: {answer.get('message', '')}")
    return _no(_told(work, status, answer))


def judged(event: Event, project: str = "") -> tuple[dict[str, Any], list[str]]:
    """The arguments as they are judged, and the resolved paths among them. Raises `BadEvent`."""
    if not event.own:
        return event.arguments, []
    if any(name in event.arguments for name in OURS[1:]):
        raise BadEvent(f"arguments called {', '.join(OURS[1:])} are ours to give")
    root = border(project or (event.roots[0] if event.roots else event.cwd))
    paths = named(event.arguments, event.cwd or "/")
    shell = "command" in event.arguments and not paths
    start = os.path.realpath(event.cwd) if event.cwd else "/"
    added: dict[str, Any] = {"where": where(paths or [start], root), "workspace": root}
    if shell:
        added["cwd"] = start
        if found := _around(str(event.arguments["command"]), start):
            added["around"] = found
    elif "paths" not in event.arguments:
        added["paths"] = paths or [start]
    else:  # the host's own argument of that name: what is judged stands in its place
        return {**event.arguments, **added, "paths": paths}, paths
    return {**event.arguments, **added}, paths


def _around(command: str, start: str) -> dict[str, str]:
    """What else decides where the command goes; what reads it is started only where one of its programs is named."""
    if not any(word in command for word in _PROGRAMS):
        return {}
    from standwatch.hook.around import around

    return around(command, start)


def _go(work: Work, event: Event, answer: dict[str, Any], token: str, paths: list[str]) -> Said:
    ident = answer.get("id")
    if not isinstance(ident, str) or not ident:
        raise Unreachable("the gateway said go to nothing")
    if "arguments" in answer:
        work.post(f"/v1/actions/{ident}/outcome", token, {"status": "not_sent"})
        return _no(
            f"The call may go with changed arguments only, which this host cannot be given. Reference: {ident}."
        )
    save(_act(work, event), {"id": ident, "token": token, "marks": marks(paths)})
    return Said(GO)


def _act(work: Work, event: Event) -> str:
    """Where the act's id is kept until its outcome: by the host's own id of the call, or by what was called."""
    call = event.call or dumps([event.tool, event.arguments], ordered=True)
    return path_of(work.settings.folder, "acts", event.session, call)


def _told(work: Work, status: int, answer: dict[str, Any]) -> str:
    words = str(answer.get("message", f"Standwatch answered {status}."))
    ident = answer.get("id")
    told = f"{words} Reference: {ident}." if ident else words
    if status == 202 and ident:  # where, and not with which command: an agent might give it
        told += f" A person approves it at {work.settings.console}/approvals/{ident}"
    if status == 401:
        told += " The session's run may be over: its user's next prompt opens another."
    return told


def _unreadable(work: Work, data: bytes, why: str) -> Said:
    """Refused, and in the record as an act that nobody declares: what was asked for may not be lost."""
    shown = data[:2000].decode("utf-8", "replace")
    arguments = {"bytes": len(data), "sha256": digest(data), "begins": shown, "why": why}
    body = {
        "system": work.settings.system,
        "tool": f"{work.settings.host}.unreadable",
        "seam": "hook",
        "arguments": arguments,
    }
    try:
        _, answer = work.post("/v1/actions", work.settings.token, body)
    except Unreachable:
        answer = {}
    reference = f" Reference: {answer['id']}." if answer.get("id") else ""
    return _no(f"This call cannot be read, so it may not be done: {why}.{reference}")


def _size(value: Any) -> int:
    return len(dumps(value))


# --- runs and their tasks --------------------------------------------------------------------------------------------


def _run(work: Work, event: Event, task: str = "") -> dict[str, Any]:
    """The run of the event's session; opened where it has none, with `task`, the words of its user."""
    path = path_of(work.settings.folder, "runs", event.session)
    kept = load(path)
    if kept is not None:
        return kept
    with Lock(path):
        kept = load(path)
        if kept is None:
            kept = _opened(work, task)
            save(path, kept)
    return kept


def _opened(work: Work, task: str) -> dict[str, Any]:
    status, answer = work.post(
        "/v1/runs", work.settings.token, {"system": work.settings.system, "task": task}
    )
    if status != 201:
        raise Unreachable(f"no run could be opened: {answer.get('message', status)}")
    return {"run": answer["run"], "token": answer["token"], "until": answer["until"]}


def _hear(work: Work, event: Event) -> Said:
    """The words of a session's user are its task; what comes later is added. Nobody is kept from speaking.

    INVARIANT: what a host only passes on as a prompt, the result of a sub-agent among them, is no task.
    """
    if not typed(event.prompt):
        return Said(GO)
    path = path_of(work.settings.folder, "runs", event.session)
    kept = load(path)
    # A run that has had its time is followed by another one as its user speaks, and never because a tool is called.
    if kept is not None and 0 < kept["until"] <= time.time() * 1e6:
        os.unlink(path)
        kept = None
    if kept is None:
        _run(work, event, event.prompt)
        return Said(GO)
    added = {"system": work.settings.system, "task": event.prompt}
    work.post(f"/v1/runs/{kept['run']}/task", work.settings.token, added)
    return Said(GO)


def _speak(work: Work, event: Event) -> Said:
    """What the agent said at the end of its turn, to be held against the record. Whatever fails, it has said it."""
    kept = load(path_of(work.settings.folder, "runs", event.session))
    if kept is not None and event.word:
        said = {"system": work.settings.system, "text": event.word[-MOST_WORD:]}
        try:
            work.post(f"/v1/runs/{kept['run']}/word", kept["token"], said)
        except Unreachable:
            return Said(GO)
    return Said(GO)


# --- after a call ----------------------------------------------------------------------------------------------------


def _tell(work: Work, event: Event) -> Said:
    kept = take(_act(work, event))
    if kept is None:
        return Said(GO)
    result = event.answer
    if _size(result) > MOST:
        result = {"shortened": True, "begins": dumps(result)[: MOST // 2]}
    if led := moved(kept.get("marks", {})):
        result = {"moved": led, "result": result}
    told = {"status": "error" if event.kind == FAILED else "ok", "result": result}
    work.post(f"/v1/actions/{kept['id']}/outcome", kept["token"], told)
    return Said(GO)


__all__ = ["AFTER", "BEFORE", "GO", "NO", "PROMPT", "STOP", "Said", "handle", "judged"]
