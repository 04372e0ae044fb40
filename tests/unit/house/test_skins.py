"""The CLI and the console do nothing the API cannot: every operation has a route, and they use no others."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

from standwatch.fronts.control_plain import PLAIN
from standwatch.fronts.control_ports import Operations
from standwatch.fronts.control_route import BASE
from standwatch.fronts.control_routes import ROUTES

SOURCE = Path(__file__).resolve().parents[3] / "src/standwatch"
FRONTS = (
    "control.py",
    *sorted(path.name for path in (SOURCE / "fronts").glob("control_routes_*.py")),
    "control_streams.py",
    "log.py",
)
INWARD = {
    "actor", "anybody", "session", "still", "issuer_host", "passkey_origin", "begin_oidc", "finish_oidc",
}  # fmt: skip
"""What only asks who somebody is, or how this server is called; and the two ends of a browser's way through an issuer:
no order, and nothing of the record."""


def calls(paths: Iterator[Path], owner: str) -> set[str]:
    """Attributes of names or attributes called `owner`, in these files."""
    found: set[str] = set()
    for path in paths:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Attribute):
                under = node.value
                name = under.id if isinstance(under, ast.Name) else getattr(under, "attr", "")
                if name.lstrip("_") in (owner, "operations", "log"):
                    found.add(node.attr)
    return found


OPERATIONS = {name for name in vars(Operations) if not name.startswith("_")}


def test_every_operation_has_a_route() -> None:
    routed = calls(
        (SOURCE / "fronts" / name for name in FRONTS if (SOURCE / "fronts" / name).exists()), "ops"
    )
    assert OPERATIONS - routed - INWARD == set()


def test_the_console_uses_operations_that_have_routes_and_no_others() -> None:
    used = calls(iter((SOURCE / "console").rglob("*.py")), "ops") & OPERATIONS
    assert len(used) > 20, "the console is still read as this test believes"
    routed = calls(
        (SOURCE / "fronts" / name for name in FRONTS if (SOURCE / "fronts" / name).exists()), "ops"
    )
    assert used - routed - INWARD == set()


def told(node: ast.expr) -> str | None:
    """A path as the CLI writes it, each value in it one segment; None where it is no text."""
    match node:
        case ast.Constant(value=str() as text):
            return text
        case ast.JoinedStr():
            return "".join(part.value if isinstance(part, ast.Constant) else "~" for part in node.values)  # type: ignore[misc]
        case ast.BinOp(left=left, op=ast.Add()):
            return told(left)
        case _:
            return None


def same(asked: str, served: str) -> bool:
    """Whether a path that the CLI writes is one that is served; what stands for a value fits any one segment."""
    asked = asked.partition("?")[0]
    ours, theirs = asked.split("/"), served.split("/")
    ours[-1] = ours[-1] if ours[-1] == "~" else ours[-1].removesuffix("~")  # a query behind it
    return len(ours) == len(theirs) and all(
        one == other or one == "~" or other.startswith("{") for one, other in zip(ours, theirs, strict=True)
    )


def test_the_cli_asks_the_api_and_nothing_else() -> None:
    served = {verb: [one.path for one in ROUTES if one.method == verb.upper()] for verb in ("get", "post")}
    whole = [one.path for one in PLAIN] + [BASE + path for path in served["get"]] + ["/log/"]
    asked = 0
    for path in sorted((SOURCE / "cli").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.args):
                continue
            verb, where = node.func.attr, told(node.args[0])
            if verb in ("get", "post", "raw", "stream") and where and where.startswith("/"):
                asked += 1
                assert any(same(where, one) for one in served.get(verb, whole)), f"{path.name}: {where}"
    assert asked > 30, "the CLI is still read as this test believes"
