"""What fronts hand to the gate and what they get back: the same few structs for every protocol."""

from collections.abc import Awaitable, Callable
from typing import Any, Final, Literal, Protocol

import msgspec

from standwatch.enforce.inspecting import Inspect
from standwatch.facts.configuration import Configuration, Definition, Finding
from standwatch.facts.credentials import Minted
from standwatch.facts.llm import Prompt
from standwatch.facts.spending import Usage
from standwatch.facts.words import Effect, OutcomeStatus, PrincipalKind, Seam, Word

Event = Literal[
    "tool_call",
    "resource_read",
    "prompt_get",
    "completion",
    "elicitation",
    "sampling",
    "roots",
    "decision",
    "generation",
]


class Caller(msgspec.Struct, frozen=True):
    """An authenticated principal. `run` is the run its token or header binds it to; "" for the implicit one."""

    principal: str
    role: PrincipalKind
    systems: tuple[str, ...]
    run: str = ""
    starts: bool = False
    until: int = 0
    """When its credential ends (µs; 0 for never)."""


class Shown(msgspec.Struct):
    """What a request shows beside a token: a proof of possession and what that is for, and where it came from.

    One for each request: a proof is taken once, however often it is asked whose the request is.
    """

    proof: str = ""
    method: str = ""
    host: str = ""
    path: str = ""
    peer: str = ""
    """`address:port`, or `unix:UID`."""
    key: str | None = None
    """Thumbprint of the key that the proof was found to be by, "" for none; None as long as nobody has looked."""


NOTHING_SHOWN: Final = Shown()


class Below(msgspec.Struct, frozen=True):
    """What a sub-agent is given of what its parent has: nothing said is all of it."""

    tools: tuple[str, ...] = ()
    """Names of `server.tool`, or their beginnings and `*`."""
    effects: tuple[Effect, ...] = ()
    minutes: int = 0
    """At most; 0 for as long as its parent."""
    bound: str = ""


class Act(msgspec.Struct, frozen=True, kw_only=True):
    """One thing asked for. `phase` is `ask` where a server asks something of its client.

    `tool` is `server.name` for tools and `server.event` for the rest (`bank.resource_read`, `bank.sampling`);
    `target` is the server for tools, the URI for resources, the name for prompts. `id` is the caller's
    reference where it repeats an earlier act: an id this gate gave it, or a UUIDv7 of its own making.
    """

    caller: Caller
    system: str
    event: Event
    tool: str
    target: str
    arguments: dict[str, Any]
    definition: Definition | None = None
    phase: Literal["call", "ask"] = "call"
    seam: Seam = "proxy"
    id: str = ""
    resumes: "Resumed | None" = None
    """The question that this act says it was asked about: it goes on that approval, or not at all."""
    prompt: Prompt | None = None
    """Of a generation: the whole request. Its `arguments` are what stands for it (`enforce.llms`)."""
    inward: bool = False
    """Whether it comes from the world: what a server asks of its client."""
    returns: bool = True
    """False where nothing comes back but what was judged: a message that goes or stays."""
    attempt: str = ""
    """Who is at it, where the caller goes by an id of its own: the same attempt hears the same answer, another one
    what became of the act. Such an act comes back to the question that was asked under its own id, and to no other."""
    again: str = ""
    """The act that this one repeats, of which nobody knows what became."""
    inputs: Any = None
    """Of a decision: its rows, as content looks at them; None where nothing is looked for."""


class Resumed(msgspec.Struct, frozen=True):
    """A question by the id and digest of its action, as somebody comes back to it with a sealed state.

    `root`: of the configuration under which it was put; under another one nobody comes back to it.
    """

    id: str
    digest: str
    root: str


class Carried(msgspec.Struct, frozen=True):
    """What became of a forwarded act: its status and the JSON bytes that came back (a result or an error)."""

    status: OutcomeStatus
    result: bytes = b""
    usage: Usage | None = None
    """Of a generation: the tokens its upstream says it used; None where it does not say."""
    findings: tuple[Finding, ...] = ()
    """Of a generation: what was found in what the model said, by whoever looked at it on its way."""


class Reply(msgspec.Struct, frozen=True):
    """What the caller is told. With `done`, `carried` is what came back; otherwise only the word and the id are."""

    word: Word
    id: str
    carried: Carried | None = None
    receipt: str = ""
    """Base64 of the signed receipt for the intent, question or refusal: the `Standwatch-Receipt` header."""
    index: int = -1
    """Index of the entry the receipt is for; -1 where nothing was recorded."""
    digest: str = ""
    """With `pending` where people are asked: the digest of the action they are asked about."""
    until: int = 0
    """With `digest`: when the question ends (µs)."""
    code: str = ""
    """Of a refusal: the stable code of what decided. For our fronts; no caller is told."""


class Before(msgspec.Struct, frozen=True):
    """An act left under this id before: how it ended, `open` while that is not known, and what came back.

    `kept` is False where what came back is not to be had any more, or was withheld."""

    id: str
    status: OutcomeStatus | Literal["open"]
    result: bytes = b""
    kept: bool = True


Forward = Callable[[dict[str, Any]], Awaitable[Carried]]
"""Carries the judged arguments to the world. It is called at most once, and only after the intent is durable.

It must not raise for upstream faults: it returns `Carried` with `error`, `timeout` or `not_sent` (only where it
is certain that nothing left). It is cancelled when a hold falls on the act or the caller goes away. Of a generation
the arguments have its prompt as it may leave, under `prompt`.
"""

Show = Callable[[Minted], None]
"""Is handed the credential of an act that is about to be forwarded."""

SoFar = Callable[[], Carried]
"""What became of an act that was cancelled on its way, as far as its front knows."""


class Gate(Protocol):
    """The point of passage, as fronts see it."""

    @property
    def configuration(self) -> Configuration: ...

    def identify(
        self, authorization: str, system: str, run: str = "", shown: Shown = NOTHING_SHOWN
    ) -> Caller:
        """The caller behind an `Authorization` header, for use of `system`; raises `Forbidden` for anybody else.

        `system` "" asks only who it is, whatever they may use.
        """
        ...

    def visible(self, caller: Caller, system: str) -> frozenset[str]:
        """The `server.name` tools that lists may show this caller."""
        ...

    async def act(
        self, act: Act, forward: Forward, *, so_far: SoFar | None = None, show: Show | None = None
    ) -> Reply:
        """Take `act` through the passage. Never raises for a refusal; every error path is a word.

        `so_far` is asked where `forward` is cancelled: the outcome then says how far it came. `show` is handed the
        act's credential before `forward` is called, where its upstream takes one; without it nothing is sent.
        """
        ...

    def inspect(self, act: Act) -> Inspect:
        """What looks at the words of a generation while they stream."""
        ...

    async def begin(self, act: Act) -> Reply | Before:
        """Judge and record `act` for a caller that carries it out itself: `done` means go, and an outcome is owed.

        The same `id` again gets the same answer, and goes once; `Before` is what became of it. Where the judge changed
        the arguments, `carried.result` of the answer has them as JSON: they, and no others, may be carried out.
        """
        ...

    async def finish(self, caller: Caller, ident: str, carried: Carried) -> Reply:
        """Hear what became of act `ident`; raises `Forbidden` where this caller owes no such outcome."""
        ...

    async def take_task(self, caller: Caller, system: str, prompt: Prompt) -> None:
        """Take the task of the caller's run off the prompt, where the manifest says that it stands there and the run
        has none and has not acted. Never raises: without a task, nothing has that provenance."""
        ...

    async def open_run(
        self, caller: Caller, system: str, task: str, on_behalf_of: str = "", bound: str = ""
    ) -> tuple[str, str, int]:
        """Open a run: its id, its token (told once), when it ends (µs; 0 for not by itself).

        With `bound`, the thumbprint of a key, its token is good with that key alone (RFC 9449).
        Raises `Forbidden` for a caller that may not start runs, `Conflict` or `Unrecorded` where it cannot be.
        """
        ...

    async def open_below(self, caller: Caller, wish: Below) -> tuple[str, str, int]:
        """Open a run below the caller's own, for a sub-agent: within it in every respect. As `open_run`.

        Raises `Forbidden` for a caller without a run of its own, `Conflict` where it would be more than the caller's.
        """
        ...

    async def extend_run(self, caller: Caller, run: str, words: str) -> None:
        """Add `words` of its user to the task of a run; raises `Forbidden` for anybody but who opened it for a task,
        and where the whole would be too long; `Conflict` or `Unrecorded` where it cannot be."""
        ...

    async def take_word(self, caller: Caller, system: str, run: str, text: str) -> str:
        """Keep what an agent said of its run, "" for the one that `caller` is in. Raises `Forbidden`, `Unrecorded`."""
        ...

    async def close_run(self, caller: Caller, run: str) -> None:
        """End a run; raises `Forbidden` for anybody but the principal it is bound to."""
        ...
