"""Loans whose decisions may be overridden: the organisation, and denials in its record as the gate writes them."""

from __future__ import annotations

from pathlib import Path

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from standwatch.facts.decisions import Context, RowRecord
from standwatch.facts.entries import Decided, RunOpened
from standwatch.facts.frames import Ack, Append, RowPart
from standwatch.facts.ids import new_id
from standwatch.facts.parts import Part, commitment
from standwatch.record.rows import root_of, row_bytes, row_leaf, row_salt
from standwatch.store.sealing import HASHES
from support.models import declare_loans
from support.watch import PEOPLE, Watch, now, write_organisation

SALT = b"the salt of a batch, in a test.."
DECIDES = """\
    outcome: {output: p, threshold: 0.5, at_or_above: denied, below: approved}
    overrides: {by: [otto@watch.example, nina@watch.example], within: 14d, per_day: 3}
"""


def write_overridable(folder: Path, *, account: str = "") -> None:
    """Loans of which Otto and Nina may override three a day, about people whom `applicant` names."""
    keys = {name: Ed25519PrivateKey.from_private_bytes(name.encode().ljust(32, b"!")) for name in PEOPLE}
    write_organisation(folder, keys, account=account)
    declare_loans(folder)
    manifest = folder / "systems" / "loans.yaml"
    text = manifest.read_text().replace("    inputs: {", "    inputs: {applicant: {type: text}, ")
    text = text.replace("    fallback: refer-to-human\n", DECIDES + "    fallback: refer-to-human\n", 1)
    manifest.write_text(text + "data_subjects: [{input: applicant}]\n")


async def decided(watch: Watch, *people: str) -> int:
    """A batch of denials about `people`, as the gate writes it; its index."""
    ident, opened = new_id(now(), b"0123456789"), new_id(now(), b"9876543210")
    await watch.gate.append(
        RunOpened(by="gate", run=opened, system="loans", principal="desk", until=now() + 10**9)
    )
    rows = [row_bytes(RowRecord((one, 900.0), None, [0.9], "denied")) for one in people]
    leaves = [row_leaf(row_salt(SALT, n), row) for n, row in enumerate(rows)]
    parts = [RowPart(n, (people[n],), row_salt(SALT, n), row) for n, row in enumerate(rows)]
    if len(rows) > 1:
        parts.append(RowPart(HASHES, (), b"", b"".join(leaves)))
    context = Part("context", SALT, msgspec.json.encode(Context(("applicant", "income"), ("p",))))
    entry = Decided(
        by="desk",
        id=ident,
        run=opened,
        system="loans",
        model="scorer",
        rows=len(rows),
        tree=root_of(leaves).hex(),
        seen=watch.gate.state.seen,
        why=commitment(context.salt, context.data),
        conf=watch.gate.state.config,
    )
    answer = await watch.link.append(
        Append(watch.link.next_number(), entry, (context,), (), ("system:loans",), rows=tuple(parts))
    )
    assert isinstance(answer, Ack), answer
    return answer.index
