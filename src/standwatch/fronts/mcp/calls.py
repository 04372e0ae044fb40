"""The governed methods: tools/call, resources/read, prompts/get, completion/complete. Each is one act.

What a client put beside the parameters that are judged (foreign `_meta`, unknown members) is not sent on: whatever
was not judged must not arrive.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, Final, cast

import msgspec

from standwatch.enforce.ports import Act, Carried, Event, Forward
from standwatch.facts.configuration import Definition
from standwatch.facts.credentials import Minted
from standwatch.facts.mcp import McpAnswer, McpCall
from standwatch.fronts.mcp import approvals, asks, results, rounds
from standwatch.fronts.mcp.lists import prompt_owner, resource_owner
from standwatch.fronts.mcp.outcome import Outcome, carried, of_reply
from standwatch.fronts.mcp.turn import DEFAULT_TIMEOUT, Turn
from standwatch.fronts.mcp.wire import INVALID_PARAMS, Rejected

Params = dict[str, Any]


class Aim(msgspec.Struct):
    """What a request asks of which server. `params` makes the server's parameters of the judged arguments."""

    event: Event
    method: str
    server: str
    tool: str
    target: str
    named: str
    """What the client called it: what a state is bound to."""
    arguments: Params
    params: Callable[[Params], Params]
    definition: Definition | None = None
    timeout: float = DEFAULT_TIMEOUT


async def tools_call(turn: Turn, params: Params) -> Outcome:
    """`tools/call`: the exposed name, judged as `server.name`."""
    name, given = params["name"], params.get("arguments")
    arguments: Params = {} if given is None else given
    exposed = turn.offer.tools.get(name)
    if exposed is None:
        tool = turn.offer.undeclared(name, turn.servers)
        aim = Aim("tool_call", "tools/call", "", tool, tool.partition(".")[0], name, arguments, _nothing)
        return await perform(turn, aim)
    server = turn.servers.get(exposed.server)
    bare = exposed.bare

    def build(judged: Params) -> Params:
        return {"name": bare, "arguments": judged} if judged or given is not None else {"name": bare}

    aim = Aim(
        "tool_call",
        "tools/call",
        exposed.server,
        exposed.full,
        exposed.server,
        name,
        arguments,
        build,
        None if server is None else server.definitions.get(bare),
        exposed.timeout or DEFAULT_TIMEOUT,
    )
    return await perform(turn, aim)


def _nothing(_: Params) -> Params:
    return {}


async def resources_read(turn: Turn, params: Params) -> Outcome:
    """`resources/read`: judged by URI."""
    uri: str = params["uri"]
    server = await resource_owner(turn, uri)
    aim = Aim(
        "resource_read",
        "resources/read",
        server,
        f"{server or '?'}.resource_read",
        uri,
        uri,
        {"uri": uri},
        dict,
    )
    return await perform(turn, aim, cached=True)


async def prompts_get(turn: Turn, params: Params) -> Outcome:
    """`prompts/get`: judged by the prompt's name at its server."""
    name: str = params["name"]
    server, bare = await prompt_owner(turn, name)
    given = params.get("arguments")

    def build(judged: Params) -> Params:
        return {"name": bare, "arguments": judged} if judged or given is not None else {"name": bare}

    tool = f"{server or '?'}.prompt_get"
    aim = Aim("prompt_get", "prompts/get", server, tool, bare, name, given or {}, build)
    return await perform(turn, aim)


async def completion_complete(turn: Turn, params: Params) -> Outcome:
    """`completion/complete`: judged by what is being completed, a prompt's name or a resource's URI."""
    ref = params["ref"]
    arguments = {key: params[key] for key in ("argument", "context") if key in params}
    if ref["type"] == "ref/prompt":
        server, target = await prompt_owner(turn, ref["name"])
        sent = {"type": "ref/prompt", "name": target}
    else:
        target = ref["uri"]
        server = await resource_owner(turn, target)
        sent = {"type": "ref/resource", "uri": target}

    def build(judged: Params) -> Params:
        return {"ref": sent, **judged}

    tool = f"{server or '?'}.completion"
    aim = Aim("completion", "completion/complete", server, tool, target, target, arguments, build)
    return await perform(turn, aim)


async def subscribe(turn: Turn, uri: str) -> Outcome:
    """`resources/subscribe`: a standing read, judged as one."""
    server = await resource_owner(turn, uri)
    aim = Aim(
        "resource_read",
        "resources/subscribe",
        server,
        f"{server or '?'}.resource_read",
        uri,
        uri,
        {"uri": uri, "subscribe": True},
        lambda judged: {"uri": judged["uri"]},
    )
    return await perform(turn, aim)


async def perform(turn: Turn, aim: Aim, *, cached: bool = False) -> Outcome:
    """Takes the act through the gate, and carries it if it may go."""
    extra: Params = {}
    if turn.opened is not None or turn.responses is not None:
        extra = await rounds.admit(turn, aim.server)
    heard: list[McpAnswer] = []
    act = Act(
        caller=turn.caller,
        system=turn.offer.system,
        event=aim.event,
        tool=aim.tool,
        target=aim.target,
        arguments=aim.arguments,
        definition=aim.definition,
        resumes=turn.resumes,
    )
    credentials: list[Minted] = []
    forward = _forward(turn, aim, extra, heard, credentials)
    reply = await turn.house.gate.act(act, forward, show=credentials.append)
    if reply.word == "pending" and (asked := await approvals.shown(turn, reply, aim.method)) is not None:
        resumed = msgspec.structs.replace(act, resumes=asked)
        again = await turn.house.gate.act(resumed, forward, show=credentials.append)
        reply = reply if again.word == "pending" else again  # the receipt is for the question
    tool = aim.event == "tool_call"
    outcome = of_reply(reply, heard[0] if heard else None, tool=tool, cached=cached)
    if reply.word == "pending":
        shown = approvals.show(
            turn,
            reply,
            outcome.headers,
            method=aim.method,
            named=aim.named,
            server=aim.server,
            arguments=aim.arguments,
        )
        return shown or outcome
    if turn.modern and outcome.error is None and b'"input_required"' in outcome.result:
        return await rounds.interim_outcome(
            turn, outcome, method=aim.method, named=aim.named, server=aim.server, arguments=aim.arguments
        )
    return outcome


def _forward(
    turn: Turn, aim: Aim, extra: Params, heard: list[McpAnswer], credentials: list[Minted]
) -> Forward:
    async def forward(arguments: Params) -> Carried:
        server = turn.servers.get(aim.server)
        if server is None:
            return Carried("not_sent")
        offered = turn.offer.may_ask(aim.server, turn.capabilities)
        params = aim.params(arguments)
        call = _call(turn, aim, {**params, **extra} if extra else params, offered)
        if credentials:
            call = msgspec.structs.replace(call, present=credentials[-1].present)
        answer = results.plain(await server.call(call))
        if not turn.modern and b'"input_required"' in answer.result:
            answer = await rounds.settle(turn, server, call, answer)
        heard.append(answer)
        return carried(answer)

    return forward


def _call(turn: Turn, aim: Aim, params: Params, offered: Params) -> McpCall:
    return McpCall(
        method=aim.method,
        params=params,
        session=turn.upstream_session(offered),
        capabilities=offered,
        progress_token=turn.token,
        log_level=turn.level,
        timeout=aim.timeout,
        notify=turn.notify if turn.listens else None,
        ask=asks.asker(turn, aim.server) if offered else None,
    )


# What a method's parameters must look like before anything is asked of anybody.


def _text(params: Params, name: str, most: int) -> None:
    value = params.get(name)
    if not isinstance(value, str) or not 0 < len(value) <= most:
        raise Rejected(INVALID_PARAMS, f"params.{name} must be a string of at most {most} characters")


def _object(params: Params, name: str) -> None:
    if params.get(name) is not None and not isinstance(params[name], dict):
        raise Rejected(INVALID_PARAMS, f"params.{name} must be an object")


def _check_named(turn: Turn, params: Params) -> None:
    _text(params, "name", turn.house.limits.name)
    _object(params, "arguments")


def _check_uri(turn: Turn, params: Params) -> None:
    _text(params, "uri", turn.house.limits.uri)


def _check_prompt(turn: Turn, params: Params) -> None:
    _check_named(turn, params)
    given = cast("Params", params.get("arguments") or {})
    if not all(isinstance(value, str) for value in given.values()):
        raise Rejected(INVALID_PARAMS, "a prompt's arguments are strings")


def _check_completion(turn: Turn, params: Params) -> None:
    ref, argument = params.get("ref"), params.get("argument")
    if not isinstance(ref, dict) or not isinstance(argument, dict):
        raise Rejected(INVALID_PARAMS, "params.ref and params.argument must be objects")
    kind = cast("Params", ref).get("type")
    if kind == "ref/prompt":
        _text(cast("Params", ref), "name", turn.house.limits.name)
    elif kind == "ref/resource":
        _text(cast("Params", ref), "uri", turn.house.limits.uri)
    else:
        raise Rejected(INVALID_PARAMS, "params.ref.type must be ref/prompt or ref/resource")
    for name in ("name", "value"):
        if not isinstance(cast("Params", argument).get(name), str):
            raise Rejected(INVALID_PARAMS, f"params.argument.{name} must be a string")
    _object(params, "context")


Method = Callable[[Turn, Params], Awaitable[Outcome]]
Checker = Callable[[Turn, Params], None]

GOVERNED: Final[dict[str, tuple[Checker, Method]]] = {
    "tools/call": (_check_named, tools_call),
    "resources/read": (_check_uri, resources_read),
    "prompts/get": (_check_prompt, prompts_get),
    "completion/complete": (_check_completion, completion_complete),
}
"""Method → what checks its parameters, and what carries it out. `INVARIANT`: the check comes before the act."""
