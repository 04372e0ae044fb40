"""What a system's language models used today, beside what they may, as an operator reads it."""

from collections.abc import Mapping

from standwatch.facts.configuration import Manifest, Number
from standwatch.facts.spending import MONEY, TOKENS
from standwatch.fronts.control_ports import SpentLine


def spent_lines(manifest: Manifest | None, today: Mapping[str, int]) -> tuple[SpentLine, ...]:
    """`today`: what is spent or reserved since midnight (UTC), money in micro-units. Only what has a budget has a
    line: what has none is not counted."""
    if manifest is None:
        return ()
    limits, found = manifest.limits, list[SpentLine]()
    for name, run in ((TOKENS, limits.tokens_per_run), (MONEY, limits.money_per_run)):
        day = limits.per_day.get(name)
        if day is not None or run is not None:
            spent = today.get(name, 0)
            found.append(SpentLine(name, spent, _words(manifest, name, spent, day, run)))
    return tuple(found)


def _words(manifest: Manifest, name: str, spent: int, day: Number | None, run: Number | None) -> str:
    if name == TOKENS:
        unit, used = TOKENS, f"{spent:,}"
    else:
        unit, used = currency(manifest), f"{spent / 1_000_000:,.2f}"
    of = f" of {day:,}" if day is not None else ""
    each = f", at most {run:,} in a run" if run is not None else ""
    return f"{used}{of} {unit} today{each}"


def currency(manifest: Manifest) -> str:
    """The one currency of a system's prices; "" where it has none."""
    return next((one.price.currency for one in manifest.components if one.price is not None), "")
