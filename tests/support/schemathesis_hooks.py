"""What schemathesis is told of the organisation before it: names that exist, half of the time. Loaded by the tool."""

from __future__ import annotations

import json
import os
import random
from pathlib import Path
from typing import Any

import schemathesis

from support.api_fuzzing import CALLERS, WORLD

_WORLD: dict[str, list[str]] = json.loads(Path(os.environ[WORLD]).read_text())
_chance = random.Random(0)


@schemathesis.hook
def before_call(context: Any, case: Any, kwargs: Any) -> None:
    """Puts known names where a valid case has made-up ones, and keeps callers from taking their own token away."""
    del context, kwargs
    if getattr(getattr(getattr(case.meta, "generation", None), "mode", None), "value", "") == "positive":
        for part in (case.path_parameters, case.query, case.body):
            _settle(part)
    if case.path.endswith("/revoke") and (case.path_parameters or {}).get("name") in CALLERS:
        case.path_parameters["name"] = "somebody-else"


def _settle(part: Any) -> None:
    if not isinstance(part, dict):
        return
    for name, value in part.items():
        known = _WORLD.get(name)
        if known and _chance.random() < 0.5:
            if isinstance(value, str):
                part[name] = _chance.choice(known)
            elif isinstance(value, list):
                part[name] = known
