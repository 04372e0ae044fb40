"""How the MCP front sees a server, whichever transport and revision that server speaks."""

from collections.abc import Awaitable, Callable
from typing import Any, Literal, Protocol

import msgspec

from standwatch.facts.configuration import Definition
from standwatch.facts.credentials import Present

Revision = Literal["2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25", "2026-07-28"]
MODERN: Revision = "2026-07-28"
"""Stateless: no `initialize`, no session, per-request `_meta`."""
LEGACY: Revision = "2025-11-25"


class McpError(msgspec.Struct, frozen=True):
    """A JSON-RPC error as it came: `data` is raw JSON, b"" for none."""

    code: int
    message: str
    data: bytes = b""


class McpAnswer(msgspec.Struct, frozen=True):
    """A server's answer: the raw JSON of its result, or its error. `sent` is False only if it surely never left."""

    result: bytes = b""
    error: McpError | None = None
    sent: bool = True
    timed_out: bool = False


Notify = Callable[[str, bytes], Awaitable[None]]
"""(method, raw params) of a notification tied to this call: progress, message."""

AskClient = Callable[[str, bytes], Awaitable[McpAnswer]]
"""(method, raw params) of a request a legacy server makes of its client; resolves to the client's answer."""


class McpCall(msgspec.Struct, frozen=True, kw_only=True):
    """One request to a server.

    `params` has no `_meta` envelope of ours in it; `capabilities` is what the server may ask of the client;
    `session` keeps callers apart where the server is stateful ("" for the shared one).
    """

    method: str
    params: dict[str, Any]
    session: str = ""
    capabilities: dict[str, Any] = {}
    progress_token: str | int | None = None
    log_level: str = ""
    timeout: float = 60.0
    notify: Notify | None = None
    ask: AskClient | None = None
    present: Present | None = None
    """Presents the credential that was minted for this act; None for what the server is shown otherwise."""


class McpServer(Protocol):
    """An upstream server of one system: started, supervised and spoken to in its own revision."""

    @property
    def name(self) -> str: ...

    @property
    def revision(self) -> str:
        """The revision it answered with; "" before the first contact."""
        ...

    @property
    def capabilities(self) -> dict[str, Any]: ...

    @property
    def definitions(self) -> dict[str, Definition]:
        """Its tools as it describes them now, by bare name, from its last `tools/list`."""
        ...

    @property
    def tools(self) -> dict[str, bytes]:
        """The raw JSON of each tool, by bare name, in the server's order: lists pass it on bit for bit."""
        ...

    async def call(self, call: McpCall) -> McpAnswer:
        """Send a request and wait; never raises for a fault of the server. Cancelling cancels upstream too."""
        ...

    def listen(self, session: str, heard: Callable[[str, bytes], None]) -> Callable[[], None]:
        """Hear notifications not tied to a call (list_changed, resources/updated); returns what ends it."""
        ...

    async def end_session(self, session: str) -> None: ...
