"""Anthropic's agent SDK: each call of a tool, the host's own or an MCP server's, is judged by a hook before it is made.

    options = Standwatch(client, "my-agent").options(ClaudeAgentOptions(...))
    async for message in query(prompt=..., options=options): ...

Hooks, and not `can_use_tool`: that one is not asked about what the host's own rules allow. Of the SDK's ways to stop,
two do not stop: a hook that raises lets the call through unless its matcher says `on_failure="block"`, as these do; and
a call that a hook has deferred is made when the session is resumed, before any hook of the SDK is there, so these never
defer. Needs `claude-agent-sdk`.
"""

from __future__ import annotations

import contextlib
import json
from dataclasses import replace
from typing import Any, Final

from claude_agent_sdk import ClaudeAgentOptions, HookMatcher

from standwatch.client.acts import Done, Go
from standwatch.client.claude_sessions import Open, Session, what_of
from standwatch.client.errors import ClientError, Pending
from standwatch.client.loops import PerLoop
from standwatch.client.session import Client
from standwatch.hook.hosts import BadEvent, Event
from standwatch.hook.places import marks, moved
from standwatch.hook.work import OURS, judged

HOST: Final = "claude-code"
MOST_SAID: Final = 20_000
"""Characters of an earlier result that a model hears again."""
RESUME: Final = "A person has answered. Make the call that waited again, with the same arguments."
"""What to resume a paused session with."""
PAUSED: Final = "A person is asked about a call; resume the session when they have answered."
UNJUDGED: Final = "A call was made that nobody judged; the session was stopped."
CHANGED: Final = "A call was made with other arguments than were judged; the session was stopped."
LATE: Final = 60.0
"""Seconds that a hook has beside those in which it waits for a person. When they are over the host blocks the call."""


class Standwatch:
    """Judges the calls of `system`, and tells what became of them.

    A call has its name by its session: who wants work that is begun again to do nothing twice gives the session its id
    (`ClaudeAgentOptions.session_id`), and resumes it where there is a transcript of it.

    The host's own tools are `claude-code.Bash` and so on in the manifest, with the arguments that `standwatch hook
    claude-code` gives them; MCP tools are `server.tool`, also of servers in this process. `wait`: seconds in which a
    person may answer while the call waits. `pauses`: where a person is asked the session ends (`terminal_reason` is
    `hook_stopped`), to be resumed with `RESUME`; else the model hears that the call waits and goes on. `approves`: our
    leave stands for the host's own permission too; else the host's rules hold beside ours.
    """

    def __init__(
        self,
        client: Client,
        system: str,
        *,
        workspace: str = "",
        wait: float = 0.0,
        pauses: bool = False,
        approves: bool = False,
    ) -> None:
        self._loops, self._system, self._workspace = PerLoop(client), system, workspace
        self._wait, self._pauses, self._approves = wait, pauses, approves
        self._sessions: dict[tuple[str, str], Session] = {}
        self.waiting: dict[str, Pending] = {}
        """What people are asked, by reference: `url` is the page, `words` what it must show."""

    def options(self, options: ClaudeAgentOptions | None = None) -> ClaudeAgentOptions:
        """`options` with our hooks before their own."""
        options = options or ClaudeAgentOptions()
        theirs: dict[Any, list[HookMatcher]] = dict(options.hooks or {})
        ours = self.hooks()
        return replace(
            options, hooks={**theirs, **{name: [*ours[name], *theirs.get(name, [])] for name in ours}}
        )

    def hooks(self) -> dict[Any, list[HookMatcher]]:
        """For `ClaudeAgentOptions.hooks`. INVARIANT: whatever goes wrong in the first of them blocks the call."""
        before = HookMatcher(hooks=[self._before], timeout=self._wait + LATE, on_failure="block")
        after = {
            "PostToolUse": self._after,
            "PostToolUseFailure": self._failed,
            "PermissionRequest": self._asked,
            "PostToolBatch": self._batch,
        }
        return {
            "PreToolUse": [before],
            **{name: [HookMatcher(hooks=[hook], timeout=LATE)] for name, hook in after.items()},
        }

    # --- before a call -----------------------------------------------------------------------------------------------

    async def _before(self, said: Any, call: str | None, context: Any) -> Any:
        del context
        try:
            event = Event(HOST, said, self._workspace)
            arguments, paths = judged(event, self._workspace)
        except BadEvent as error:
            return _no(f"This call cannot be read, so it may not be made: {error}.")
        session = self._session(said)
        if session.barred:
            return {**_no(session.barred), "continue_": False, "stopReason": session.barred}
        what = what_of(said["tool_name"], said["tool_input"])
        try:
            found = await self._ask(session, event, what, arguments)
        except Pending as error:
            return self._waits(error)
        except ClientError as error:
            return _no(str(error))
        if isinstance(found, Done):
            session.end(what)
            return _no(_before_said(found))
        made = Open(found, what, said["tool_input"], marks(paths))
        return await self._go(session, call or event.call, made, own=event.own)

    async def _ask(self, session: Session, event: Event, what: str, arguments: dict[str, Any]) -> Go | Done:
        client = self._loops.here()
        while True:
            key = session.key(what)
            found = await client.act(self._system, event.tool, arguments, key=key, wait=self._wait)
            # What ended in an error the model has heard of, or will see: made again, it is another act.
            if isinstance(found, Go) or found.status != "error":
                return found
            session.end(what)

    async def _go(self, session: Session, call: str, made: Open, *, own: bool) -> Any:
        decided: dict[str, Any] = {"hookEventName": "PreToolUse"}
        go = made.go
        if go.changed:
            if own and go.changed & set(OURS):
                await self._loops.here().part(go, "not_sent")
                return _no("The call may go with changed arguments only, which the host cannot be given.")
            made.input = {name: one for name, one in go.arguments.items() if not own or name not in OURS}
            decided["updatedInput"] = made.input
        if self._approves:
            decided["permissionDecision"] = "allow"
        session.open[call] = made
        return {"hookSpecificOutput": decided} if len(decided) > 1 else {}

    def _waits(self, error: Pending) -> Any:
        self.waiting[error.reference] = error
        page = f" Approve it at {error.url}" if error.url else ""
        said = _no(f"{error}{page}")
        return {**said, "continue_": False, "stopReason": PAUSED} if self._pauses else said

    # --- after it ----------------------------------------------------------------------------------------------------

    async def _after(self, said: Any, call: str | None, context: Any) -> Any:
        del context
        return await self._ended(said, call, "ok", said.get("tool_response"))

    async def _failed(self, said: Any, call: str | None, context: Any) -> Any:
        del context
        if said.get("is_interrupt"):
            return await self._ended(said, call, "unknown", None)
        return await self._ended(said, call, "error", {"error": "error", "message": str(said.get("error"))})

    async def _ended(self, said: Any, call: str | None, status: str, result: Any) -> Any:
        session = self._session(said)
        made = session.open.pop(call or said.get("tool_use_id", ""), None)
        if made is None:
            return await self._bar(session, said, UNJUDGED)
        if status != "unknown":
            session.end(made.what)
        ran: dict[str, Any] = said.get("tool_input") or {}
        if any(name in ran and ran[name] != one for name, one in made.input.items()):
            await self._loops.here().part(made.go, "unknown", {"changed": ran, "result": result})
            return await self._bar(session, said, CHANGED)
        led = moved(made.marks)
        await self._loops.here().part(made.go, status, {"result": result, "moved": led} if led else result)
        return {}

    async def _bar(self, session: Session, said: Any, why: str) -> Any:
        """Something was done that was not judged: no more calls in this session, and the record has it as a refusal."""
        session.barred = why
        told = {"tool": said.get("tool_name"), "input": said.get("tool_input"), "why": why}
        with contextlib.suppress(
            ClientError
        ):  # nobody declares it, so it is refused; what counts is that it is known
            await self._loops.here().act(self._system, f"{HOST}.unjudged", told)
        return {"continue_": False, "stopReason": why}

    async def _asked(self, said: Any, call: str | None, context: Any) -> Any:
        """The host asks its own user, or whoever answers for one: what then is not made was not made."""
        del context
        made = self._session(said).open.get(call or "")
        if made is not None:
            made.asked = True
        return {}

    async def _batch(self, said: Any, call: str | None, context: Any) -> Any:
        """All calls of a message are over: what was let go and told nothing was not made, or nobody knows."""
        del call, context
        session = self._session(said)
        for one in said.get("tool_calls") or ():
            made = session.open.pop(one.get("tool_use_id"), None)
            if made is not None:
                await self._loops.here().part(made.go, "not_sent" if made.asked else "unknown")
        return {}

    def _session(self, said: Any) -> Session:
        """The session, or the sub-agent's part of it, whose transcript is another file and not resumed."""
        name, agent = said["session_id"], said.get("agent_id") or ""
        if (name, agent) not in self._sessions:
            transcript = "" if agent else said.get("transcript_path") or ""
            self._sessions[name, agent] = Session(f"{name}/{agent}", transcript)
        return self._sessions[name, agent]


def _no(words: str) -> Any:
    return {
        "hookSpecificOutput": {
            "hookEventName": "PreToolUse",
            "permissionDecision": "deny",
            "permissionDecisionReason": words,
        }
    }


def _before_said(done: Done) -> str:
    """What a model hears of a call that was made before."""
    try:
        value = done.value()
    except ClientError as error:  # it ended in an error, or nobody has it any more
        return str(error)
    said = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return f"It was done before (reference {done.id}), and this came back:\n{said[:MOST_SAID]}"
