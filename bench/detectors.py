"""`python -m bench.detectors`: writes the tables of docs/detectors.md from the detectors themselves."""

from __future__ import annotations

import re
from pathlib import Path

from standwatch.content import secrets
from standwatch.content.detectors import known
from standwatch.content.found import EXFILTRATION, IDENTIFIER, INSTRUCTION

PAGE = Path(__file__).parents[1] / "docs" / "detectors.md"


def table(kind: str) -> str:
    """One row a detector: what it finds, how it is confirmed."""
    rows = ["| detector | finds | confirmed by |", "|---|---|---|"]
    rows += [
        f"| `{each.name}` | {_cell(each.about)} | {_cell(each.source)} |"
        for each in known().values()
        if each.kind == kind
    ]
    return "\n".join(rows)


def own_secrets() -> str:
    theirs = {rule.id for rule in secrets.rules().rules}
    rows = ["| detector | finds | confirmed by |", "|---|---|---|"]
    rows += [
        f"| `{each.name}` | {_cell(each.about)} | {_cell(each.source)} |"
        for each in secrets.detectors()
        if each.name not in theirs
    ]
    return "\n".join(rows)


def adapted() -> str:
    """gitleaks' rules by what was changed in their patterns."""
    changes: dict[str, list[str]] = {}
    for rule in secrets.rules().rules:
        changes.setdefault("; ".join(rule.adapted) or "as published", []).append(f"`{rule.id}`")
    rows = ["| changed | rules |", "|---|---|"]
    rows += [f"| {change} | {', '.join(names)} |" for change, names in sorted(changes.items())]
    rows += [f"| left out: {why} | `{name}` |" for name, why in secrets.rules().left_out.items()]
    return "\n".join(rows)


def _cell(text: str) -> str:
    return text.replace("|", r"\|")


def written(page: str) -> str:
    """The page with its tables as they should be: each stands between two comments that name it."""
    parts = {
        IDENTIFIER: table(IDENTIFIER),
        EXFILTRATION: table(EXFILTRATION),
        INSTRUCTION: table(INSTRUCTION),
        "own secrets": own_secrets(),
        "gitleaks": adapted(),
    }
    for name, text in parts.items():
        begin, end = f"<!-- {name}: written by bench.detectors -->", f"<!-- {name}: end -->"
        page = re.sub(f"{begin}.*?{end}", lambda _, new=f"{begin}\n{text}\n{end}": new, page, flags=re.DOTALL)
    return page


if __name__ == "__main__":
    PAGE.write_text(written(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
