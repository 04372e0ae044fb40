"""The example bank as a real MCP server over a real SQLite ledger.

    python bank.py --ledger FILE seed          a fresh ledger
    python bank.py --ledger FILE               MCP on stdin and stdout
    python bank.py --ledger FILE --http PORT   MCP over Streamable HTTP; prints its URL (PORT 0: any free one)

It trusts its caller wholly, as servers do: what an agent may do with it is for the gateway before it.
"""

from __future__ import annotations

import argparse
import asyncio
import socket
import sys
from decimal import Decimal
from pathlib import Path
from typing import Annotated

import uvicorn
from ledger import Account as StoredAccount
from ledger import Ledger, LedgerError, seed
from ledger import Payment as StoredPayment
from mcp.server.mcpserver import MCPServer
from mcp.server.mcpserver.exceptions import ToolError
from mcp_types import ToolAnnotations
from pydantic import BaseModel, Field

READ = ToolAnnotations(read_only_hint=True, open_world_hint=False)
PAY = ToolAnnotations(read_only_hint=False, destructive_hint=True, idempotent_hint=False)
DELETE = ToolAnnotations(read_only_hint=False, destructive_hint=True, idempotent_hint=True)


class Account(BaseModel):
    """One account of the customer."""

    iban: str
    name: str
    balance: float = Field(description="EUR")


class Transaction(BaseModel):
    """One payment that left the operating account. The subject is free text; outside parties suggest it."""

    id: int
    at: str
    recipient: str
    amount: float = Field(description="EUR")
    subject: str


def shown(account: StoredAccount) -> Account:
    return Account(iban=account.iban, name=account.name, balance=account.cents / 100)


def booked(payment: StoredPayment) -> Transaction:
    amount = payment.cents / 100
    return Transaction(
        id=payment.id, at=payment.at, recipient=payment.recipient, amount=amount, subject=payment.subject
    )


def cents_of(amount: float) -> int:
    """Euros to cents; raises `LedgerError` where a fraction of a cent would be lost."""
    cents = Decimal(str(amount)) * 100
    if cents != cents.to_integral_value():
        raise LedgerError("an amount has two decimal places")
    return int(cents)


def tools_of(ledger: Ledger) -> MCPServer:
    """The MCP server whose tools act on `ledger`. They are coroutines so that the SDK runs one at a time."""
    server = MCPServer("bank", version="1.0", instructions="Accounts and payments. Amounts are in EUR.")

    @server.tool(annotations=READ)
    async def list_accounts() -> list[Account]:
        """All accounts with their balances."""
        return [shown(account) for account in ledger.accounts()]

    @server.tool(annotations=READ)
    async def get_balance(account: Annotated[str, Field(description="IBAN")]) -> Account:
        """One account with its balance."""
        try:
            return shown(ledger.account(account))
        except LedgerError as error:
            raise ToolError(str(error)) from error

    @server.tool(annotations=READ)
    async def get_transactions(limit: Annotated[int, Field(ge=1, le=100)] = 20) -> list[Transaction]:
        """The last payments from the operating account, newest first."""
        return [booked(payment) for payment in ledger.payments(limit)]

    @server.tool(annotations=PAY)
    async def send_money(
        recipient: Annotated[str, Field(description="IBAN")],
        amount: Annotated[float, Field(gt=0, description="EUR")],
        subject: Annotated[str, Field(max_length=140)],
    ) -> Transaction:
        """Pay from the operating account. It cannot be taken back."""
        try:
            return booked(ledger.pay(recipient, cents_of(amount), subject))
        except LedgerError as error:
            raise ToolError(str(error)) from error

    @server.tool(annotations=DELETE)
    async def delete_account(account: Annotated[str, Field(description="IBAN")]) -> Account:
        """Delete an account with all it holds. It cannot be brought back."""
        try:
            return shown(ledger.delete(account))
        except LedgerError as error:
            raise ToolError(str(error)) from error

    return server


async def serve_http(server: MCPServer, port: int) -> None:
    """Serve on the loopback until ended; prints the URL once the port is taken."""
    with socket.create_server(("127.0.0.1", port)) as listener:
        print(f"http://127.0.0.1:{listener.getsockname()[1]}/mcp", flush=True)
        config = uvicorn.Config(
            server.streamable_http_app(), log_level="warning", timeout_graceful_shutdown=1
        )
        await uvicorn.Server(config).serve(sockets=[listener])


def main() -> int:
    parser = argparse.ArgumentParser(description="The example bank's MCP server.")
    parser.add_argument("--ledger", type=Path, required=True, help="the SQLite file")
    parser.add_argument("--http", type=int, metavar="PORT", help="serve Streamable HTTP instead of stdio")
    parser.add_argument("act", nargs="?", choices=["serve", "seed"], default="serve")
    options = parser.parse_args()
    if options.act == "seed":
        seed(options.ledger)
        return 0
    try:
        server = tools_of(Ledger(options.ledger))
    except LedgerError as error:
        print(f"bank: {error}", file=sys.stderr)
        return 1
    if options.http is None:
        server.run("stdio")
    else:
        asyncio.run(serve_http(server, options.http))
    return 0


if __name__ == "__main__":
    sys.exit(main())
