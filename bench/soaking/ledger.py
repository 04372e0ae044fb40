"""The upstream that is paid through: it does what it is asked and remembers what it did.

    python -m bench.soaking.ledger PORT FILE

Each payment is one line in FILE, written and synced before it is answered: what is there was done, whoever died since.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import msgspec
import uvloop

from bench import servers


class _Arguments(msgspec.Struct, frozen=True):
    subject: str = ""


class _Params(msgspec.Struct, frozen=True):
    name: str = ""
    arguments: _Arguments = _Arguments()


class _Call(msgspec.Struct, frozen=True):
    method: str
    params: _Params = _Params()


_decode = msgspec.json.Decoder(_Call).decode


class Ledger(servers.Upstream):
    """The bare MCP server, with a memory."""

    handle = -1

    def on_message_complete(self) -> None:
        call = _decode(b"".join(self.pieces))
        if call.method == "tools/call" and call.params.name == "pay":
            os.write(self.handle, call.params.arguments.subject.encode() + b"\n")
            os.fdatasync(self.handle)
        super().on_message_complete()


def done(file: Path) -> list[str]:
    """The subjects of the payments that were made, in their order."""
    return file.read_text().splitlines() if file.exists() else []


if __name__ == "__main__":
    Ledger.handle = os.open(sys.argv[2], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    uvloop.run(servers.listen(Ledger, int(sys.argv[1])))
