"""The loop closes through the record: each stage says which kinds it reads and writes, and the page draws just that."""

import ast
import importlib
from pathlib import Path

import pytest

from standwatch.facts import entries
from standwatch.facts.entries import AnyEntry

ROOT = Path(__file__).parents[3]
STAGES = ("declare", "gate", "enforce", "record", "watch", "authority", "respond")
KIND = {kind.__name__: str(kind.__struct_config__.tag) for kind in AnyEntry.__args__}


def stage(name: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    module = importlib.import_module(f"standwatch.{name}")
    return module.READS, module.WRITES


def drawn() -> str:
    """The table as docs/concepts.md must show it."""
    rows = [f"| {name} | {kinds(stage(name)[0])} | {kinds(stage(name)[1])} |" for name in STAGES]
    return "\n".join(["| stage | reads | writes |", "|---|---|---|", *rows])


def kinds(names: tuple[str, ...]) -> str:
    return " ".join(f"`{name}`" for name in names) or "–"


def made_in(package: str) -> set[str]:
    """The kinds whose structs a package constructs, by names that it imports from the entries."""
    found: set[str] = set()
    for path in (ROOT / "src" / "standwatch" / package).rglob("*.py"):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        known = {
            one.asname or one.name: KIND[one.name]
            for node in ast.walk(tree)
            if isinstance(node, ast.ImportFrom) and node.module == "standwatch.facts.entries"
            for one in node.names
            if one.name in KIND
        }
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in known:
                found.add(known[node.func.id])
    return found


def test_the_page_draws_what_the_stages_declare() -> None:
    assert drawn() in (ROOT / "docs" / "concepts.md").read_text(encoding="utf-8"), drawn()


def test_every_kind_is_written_by_exactly_one_stage() -> None:
    written = [kind for name in STAGES for kind in stage(name)[1]]
    assert sorted(written) == sorted(KIND.values())


@pytest.mark.parametrize("name", STAGES)
def test_what_a_stage_declares_exists_and_no_stage_writes_another_s_kind(name: str) -> None:
    reads, writes = stage(name)
    assert {*reads, *writes} <= set(KIND.values())
    assert list(reads) == sorted(reads)
    assert list(writes) == sorted(writes)
    assert made_in(name) <= set(writes), "a stage makes entries that it does not declare"


def test_the_names_are_those_of_the_facts() -> None:
    assert all(hasattr(entries, name) for name in KIND)
