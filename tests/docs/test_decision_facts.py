"""What the page of decisions says of the fronts, against what they have."""

from __future__ import annotations

import re

from docs.pages import section, text_of
from standwatch.client.context import MOST_USED as CLIENTS_MOST
from standwatch.fronts.decisions_client import Ran, Wished
from standwatch.fronts.decisions_read import MOST_BODY, MOST_ROWS
from standwatch.fronts.decisions_said import MOST_PARAMETERS, MOST_TEXT, MOST_USED, READINGS
from standwatch.fronts.decisions_write import OURS, template
from standwatch.fronts.mlflow import PATHS
from support.deciders import MODEL

PAGE = "docs/decisions.md"


def test_bounds() -> None:
    page = section(PAGE, "Asking for a decision")
    assert f"up to {MOST_ROWS:,} rows in {MOST_BODY >> 20} MiB" in page
    assert f"comma-separated, at most {MOST_USED}:" in page
    assert f"text to {MOST_TEXT:,} characters, numbers, booleans; at most {MOST_PARAMETERS};" in page
    assert f"{MOST_BODY >> 20} MiB for decisions" in text_of("docs/api.md")
    assert CLIENTS_MOST == MOST_USED


def test_readings_and_tensors() -> None:
    (row,) = re.findall(
        r"`parameters` of a requested output \((.+?)\)", section(PAGE, "Asking for a decision")
    )
    assert set(re.findall(r"`(\w+)`", row)) == READINGS
    page = section(PAGE, "Open Inference Protocol")
    assert [name for name in OURS if f"`{name}`" not in page] == []
    assert template(MODEL).names == ("score", "word", "shares")


def test_paths_and_members() -> None:
    page = text_of("docs/api.md")
    assert [path for path in PATHS if f"`GET {path}`" not in page] == []
    said = section("docs/api.md", "Decisions")
    for name in (*Wished.__struct_fields__, *Ran.__struct_fields__):
        assert f'"{name}"' in said or f"`{name}`" in said, name
