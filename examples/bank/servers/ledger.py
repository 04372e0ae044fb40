"""The example bank's ledger: accounts and payments in one SQLite file. Amounts are integer cents.

It judges only what a ledger must (an account exists, money is there); who may do what is Standwatch's business.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

SCHEMA = """
CREATE TABLE account (iban TEXT PRIMARY KEY, name TEXT NOT NULL, cents INTEGER NOT NULL CHECK (cents >= 0));
CREATE TABLE payment (
    id INTEGER PRIMARY KEY AUTOINCREMENT, at TEXT NOT NULL, sender TEXT NOT NULL, recipient TEXT NOT NULL,
    cents INTEGER NOT NULL CHECK (cents > 0), subject TEXT NOT NULL
);
"""
IBAN = re.compile(r"[A-Z]{2}[0-9]{2}[A-Z0-9]{11,30}")
OPERATING = "DE55999900000000000010"
DORMANT = "DE97999900000000000030"
ACCOUNTS = [
    (OPERATING, "Operating account", 4_812_350),
    ("DE76999900000000000020", "Payroll account", 12_000_000),
    (DORMANT, "Old savings account", 91_207),
]
HISTORY = [
    ("2026-09-30T08:12:00Z", "DE54999911110000815000", 21_940, "Stadtwerke, electricity September"),
    ("2026-10-02T09:40:11Z", "DE10999911110004702000", 17_615, "Nordlicht Papier, invoice 4650"),
    ("2026-10-31T08:12:00Z", "DE54999911110000815000", 22_310, "Stadtwerke, electricity October"),
]


class LedgerError(Exception):
    """The ledger does not do this; the sentence says why."""


@dataclass(frozen=True)
class Account:
    iban: str
    name: str
    cents: int


@dataclass(frozen=True)
class Payment:
    id: int
    at: str
    sender: str
    recipient: str
    cents: int
    subject: str


def checked_iban(text: str) -> str:
    """`text` without spaces if its check digits hold (ISO 13616: the rearranged number is 1 modulo 97)."""
    iban = text.replace(" ", "").upper()
    if not IBAN.fullmatch(iban):
        raise LedgerError(f"{text[:40]!r} is not an IBAN")
    if int("".join(str(int(letter, 36)) for letter in iban[4:] + iban[:4])) % 97 != 1:
        raise LedgerError(f"the check digits of {iban} do not hold")
    return iban


class Ledger:
    """One connection to the file at `path`; every change is one transaction, durable when it returns."""

    def __init__(self, path: Path) -> None:
        if not path.is_file():
            raise LedgerError(f"there is no ledger at {path}: make one with `bank.py --ledger {path} seed`")
        self._db = sqlite3.connect(path, isolation_level=None, timeout=5)
        self._db.execute("PRAGMA synchronous = FULL")

    @contextmanager
    def _change(self) -> Generator[None]:
        self._db.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._db.execute("ROLLBACK")
            raise
        self._db.execute("COMMIT")

    def accounts(self) -> list[Account]:
        return [
            Account(*row) for row in self._db.execute("SELECT iban, name, cents FROM account ORDER BY iban")
        ]

    def account(self, iban: str) -> Account:
        for account in self.accounts():
            if account.iban == iban.replace(" ", "").upper():
                return account
        raise LedgerError(f"{iban[:40]!r} is not an account of this bank's customer")

    def payments(self, limit: int) -> list[Payment]:
        """The last `limit` payments, newest first."""
        query = "SELECT id, at, sender, recipient, cents, subject FROM payment ORDER BY id DESC LIMIT ?"
        return [Payment(*row) for row in self._db.execute(query, (limit,))]

    def pay(self, recipient: str, cents: int, subject: str) -> Payment:
        """Move `cents` from the operating account to `recipient`; raises `LedgerError` where they are not there."""
        target = checked_iban(recipient)
        if cents <= 0:
            raise LedgerError("an amount must be positive")
        at = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        with self._change():
            if self.account(OPERATING).cents < cents:
                raise LedgerError("the operating account does not hold that much")
            self._db.execute("UPDATE account SET cents = cents - ? WHERE iban = ?", (cents, OPERATING))
            self._db.execute("UPDATE account SET cents = cents + ? WHERE iban = ?", (cents, target))
            row = (at, OPERATING, target, cents, subject)
            done = self._db.execute(
                "INSERT INTO payment (at, sender, recipient, cents, subject) VALUES (?, ?, ?, ?, ?)", row
            )
        return Payment(done.lastrowid or 0, *row)

    def delete(self, iban: str) -> Account:
        """Delete an account with all it holds: nothing brings it back."""
        with self._change():
            gone = self.account(iban)
            self._db.execute("DELETE FROM account WHERE iban = ?", (gone.iban,))
        return gone


def seed(path: Path) -> None:
    """Make a fresh ledger at `path`, in place of any that was there."""
    for name in (path, *(path.with_name(path.name + end) for end in ("-wal", "-shm", "-journal"))):
        name.unlink(missing_ok=True)
    path.parent.mkdir(parents=True, exist_ok=True)
    rows: list[tuple[Any, ...]] = [(at, OPERATING, to, cents, subject) for at, to, cents, subject in HISTORY]
    with sqlite3.connect(path) as db:
        db.executescript("PRAGMA journal_mode = WAL;" + SCHEMA)
        db.executemany("INSERT INTO account VALUES (?, ?, ?)", ACCOUNTS)
        db.executemany(
            "INSERT INTO payment (at, sender, recipient, cents, subject) VALUES (?, ?, ?, ?, ?)", rows
        )
    db.close()
