"""Overrides: who decided otherwise than a model, how often, and over which rows people disagree; and doing so."""

from __future__ import annotations

from typing import Final

import msgspec

from standwatch.console.charts import Bar, bars
from standwatch.console.form import Act, Form
from standwatch.console.moments import ago
from standwatch.console.page import Ask, Page
from standwatch.fronts.control_overrides import OverrideOrder, OverridesReport


class OverridesView(msgspec.Struct, frozen=True):
    """The overrides of one system since a time, by day."""

    report: OverridesReport
    since: str
    days: tuple[Bar, ...]


async def overrides(ask: Ask) -> OverridesView:
    """Of the last seven days, or since a time."""
    since = ask.query.get("since", "").strip()
    now = (await ask.status()).at
    report = await ask.ops.overrides(ask.who, ask.names["system"], ago(since, now), ask.as_of)
    most = max(report.days.values(), default=1)
    days = bars([(day, count / most, 0.0) for day, count in sorted(report.days.items())])
    return OverridesView(report, since, days)


async def override(ask: Ask, form: Form) -> str:
    """Give a row another outcome, with a reason."""
    index, row = ask.names["index"], ask.names["row"]
    order = OverrideOrder(form.one("outcome"), form.one("reason", ""))
    await ask.ops.override(ask.who, index, row, order)
    return f"/decisions/{index}/{row}"


OVERRIDES: Final = Page(
    "/systems/{system}/overrides",
    "overrides",
    "Overrides",
    overrides,
    query=("since",),
    halts="system:{system}",
)
OVERRIDE_ACTS: Final = (Act("/decisions/{index}/{row}/override", override),)
