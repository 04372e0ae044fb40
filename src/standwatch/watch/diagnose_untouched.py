"""Do the rows that an accident of the inputs did not touch still come to the scores that they used to?

A stand-in for the model cannot foretell scores of values it never saw. So odd scores are no sign of another model
where they are confined to rows whose inputs are odd.
"""

from collections.abc import Callable, Sequence
from typing import Any, Final

import msgspec

from standwatch.watch.diagnose_columns import OUT, Column
from standwatch.watch.diagnose_fit import ODD
from standwatch.watch.diagnose_inputs import value
from standwatch.watch.diagnose_scan import scan
from standwatch.watch.diagnose_suspect import Suspect
from standwatch.watch.diagnose_window import Window, beyond
from standwatch.watch.diagnosis import Code

_ACCIDENTS: Final[frozenset[Code]] = frozenset(
    {
        "units",
        "swapped",
        "nulls",
        "constant",
        "remapped",
        "new_category",
        "stale",
        "time_zone",
        "schema",
        "vendor",
    }
)


def settled(window: Window, suspects: Sequence[Suspect]) -> list[Suspect]:
    """The same suspects; those that rest on odd scores marked where the inputs account for them."""
    accidents = [one for one in suspects if one.code in _ACCIDENTS]
    if not accidents or not any(_odd(one) for one in suspects):
        return list(suspects)
    explained = _explained(window, accidents)
    return [msgspec.structs.replace(one, explained=explained) if _odd(one) else one for one in suspects]


def _odd(one: Suspect) -> bool:
    return one.model and one.code in ("retrained", "deployment")


def _explained(window: Window, accidents: Sequence[Suspect]) -> bool:
    odd = window.columns["residual", ODD[0]]
    begin = min(one.low for one in accidents)
    marked = frozenset(row for one in accidents for row in one.marked)
    restored = [pair for one in accidents for pair in one.restore.items()]
    codes = [
        OUT if row >= begin and (row in marked or _touched(window, restored, row)) else code
        for row, code in enumerate(odd.codes)
    ]
    found = scan(Column(odd.family, odd.name, codes, odd.width), window.table.grid, window.looked)
    return found is None or not beyond(found, window.fit)


def _touched(window: Window, restored: Sequence[tuple[int, Callable[[Any, int], Any]]], row: int) -> bool:
    return any(restore(mine := value(window, row, n), row) != mine for n, restore in restored)
