"""The public proof vectors of transparency-dev/merkle, good and mutated: every one, with the counts they must have."""

import json
from base64 import b64decode
from pathlib import Path
from typing import Any

import pytest

from standwatch.record.tree import (
    Unproven,
    verify_consistency,
    verify_inclusion,
    verify_subtree_consistency,
    verify_subtree_inclusion,
)

VECTORS = Path(__file__).parents[4] / "shared" / "vectors" / "merkle"
COUNTS = {"inclusion": 98, "consistency": 98, "subtreeinclusion": 204, "subtreeconsistency": 118}

pytestmark = pytest.mark.skipif(not VECTORS.is_dir(), reason="../shared/vectors/merkle is not here")


def files(kind: str) -> list[Path]:
    return sorted((VECTORS / kind).rglob("*.json"))


def verify(kind: str, case: dict[str, Any]) -> None:
    proof = [b64decode(each) for each in case["proof"] or []]
    match kind:
        case "inclusion":
            leaf, root = b64decode(case["leafHash"]), b64decode(case["root"])
            verify_inclusion(leaf, case["leafIdx"], case["treeSize"], proof, root)
        case "subtreeinclusion":
            leaf, root = b64decode(case["leafHash"]), b64decode(case["root"])
            verify_subtree_inclusion(leaf, case["leafIdx"], (case["start"], case["end"]), proof, root)
        case "consistency":
            root1, root2 = b64decode(case["root1"]), b64decode(case["root2"])
            verify_consistency(case["size1"], case["size2"], proof, root1, root2)
        case _:
            root1, root2 = b64decode(case["root1"]), b64decode(case["root2"])
            verify_subtree_consistency((case["start"], case["end"]), case["size"], proof, root1, root2)


def test_all_518_are_here() -> None:
    assert {kind: len(files(kind)) for kind in COUNTS} == COUNTS
    assert sum(COUNTS.values()) == 518


@pytest.mark.parametrize(
    ("kind", "file"),
    [
        pytest.param(kind, file, id=str(file.relative_to(VECTORS).with_suffix("")))
        for kind in COUNTS
        for file in files(kind)
    ],
)
def test_vector(kind: str, file: Path) -> None:
    case = json.loads(file.read_bytes())
    if case["wantErr"]:
        with pytest.raises(Unproven):
            verify(kind, case)
    else:
        verify(kind, case)
