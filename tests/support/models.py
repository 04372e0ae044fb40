"""A system that decides, as text: a model in four versions, whose artifacts are accepted though nobody serves them."""

from __future__ import annotations

from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from standwatch.declare.configuration import declare
from standwatch.declare.digest import component_digest
from standwatch.declare.lock import artifacts, lock_text
from standwatch.facts.configuration import Lock
from standwatch.store.folder import read_folder
from support.routes import digest
from support.watch import PEOPLE, write_organisation

MANIFEST = """\
system: loans
purpose: Decides on loans
owner: nina@watch.example
halt_authority: [oncall]
validator: chen@watch.example
reversibility: reversible
exposure: {{people_per_week: {people}}}
components:
  - {{kind: model, name: scorer, vendor: maker, url: "http://127.0.0.1:9/"}}
decisions:
  scorer:
    versions:
      "1": {{artifact: models/1.json, served_as: "1"}}
      "2": {{artifact: models/2.json, served_as: "2"}}
      "3": {{artifact: models/3.json, served_as: "3"}}
      "4": {{artifact: models/4.json, served_as: "4"}}
    inputs: {{income: {{type: number, min: 0}}}}
    outputs: {{p: {{type: probability}}}}
    known_limits: [{limits}]
    fallback: refer-to-human
fallback: refer-to-human
"""
LIMIT = "{limit: not validated outside Boston}"


def write_loans(folder: Path, *, people: int = 40, limits: str = "") -> None:
    """An organisation of `support.watch` with `loans` beside its other systems, accepted."""
    keys = {name: Ed25519PrivateKey.from_private_bytes(name.encode().ljust(32, b"!")) for name in PEOPLE}
    write_organisation(folder, keys)
    declare_loans(folder, people=people, limits=limits)


def declare_loans(folder: Path, *, people: int = 40, limits: str = "") -> None:
    """Its manifest and its lock."""
    (folder / "systems" / "loans.yaml").write_text(MANIFEST.format(people=people, limits=limits))
    manifest = declare(read_folder(folder)).configuration.systems["loans"].manifest
    files = {key: digest(key.partition("@")[2]) for key in artifacts(manifest)}
    lock = Lock({}, files | {one.name: component_digest(one) for one in manifest.components})
    (folder / "systems" / "loans.lock").write_text(lock_text(lock))
