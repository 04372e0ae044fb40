"""An organisation whose payments several people must approve, and whose system is validated."""

from __future__ import annotations

from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from standwatch.facts.parts import evidence_bytes
from standwatch.fronts.control_ports import ValidationOrder
from standwatch.keys import ed25519
from support.watch import PEOPLE, Watch, now, write_organisation

HOUR = 3_600_000_000
RULES = "approvals: {by: [olga@watch.example, otto@watch.example, nina@watch.example], quorum: 2}\n"
TOOL = """\
    otherwise: step_up
    arguments: {recipient: {from: [task]}, amount: {max: 500}}
"""


def written(folder: Path, rules: str = RULES, tool: str = TOOL) -> Path:
    """An organisation whose payments ask: `rules` beside the manifest, `tool` under its one tool."""
    keys = {name: Ed25519PrivateKey.from_private_bytes(name.encode().ljust(32, b"!")) for name in PEOPLE}
    write_organisation(folder, keys)
    path = folder / "systems" / "pay.yaml"
    path.write_text(path.read_text() + tool + rules)
    return folder


async def validated(watch: Watch) -> None:
    said = await watch.control.statement(watch.who("otto"), "pay")
    told = {"until": now() + HOUR, "outcome": "pass", "by": "chen"}
    message = evidence_bytes(
        components=said.components, envelope=said.envelope, follows=said.follows, org=said.org, report="",
        system="pay", **told,
    )  # fmt: skip
    key = watch.keys["chen"]
    order = ValidationOrder(**told, key=ed25519.public(key), sig=ed25519.sign(key, message))
    await watch.control.validate(watch.who("otto"), "pay", order)
