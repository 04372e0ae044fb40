"""What one run has done so far: which tools it called, how often, and with which values of the task."""

from typing import Final

MOST: Final = 4_096
"""Values of the task that are remembered as used; beyond it a task is not taken to ask for more."""


class Past:
    """The calls of a run that were let through, in whatever order their results came back."""

    def __init__(self) -> None:
        self._calls: dict[str, int] = {}
        self._used: dict[tuple[str, str], set[str]] = {}
        self._kept = 0

    def add(self, tool: str, used: tuple[tuple[str, str], ...] = ()) -> None:
        """A call of `tool` is let through; `used`: the values of the task that it gives its arguments."""
        self._calls[tool] = self._calls.get(tool, 0) + 1
        for argument, form in used:
            if self._kept < MOST and form not in (known := self._used.setdefault((tool, argument), set())):
                known.add(form)
                self._kept += 1

    def count(self, tool: str) -> int:
        """How often `tool` was called."""
        return self._calls.get(tool, 0)

    @property
    def tools(self) -> tuple[str, ...]:
        """Every tool that was called, `server.name`, in the order of their first calls."""
        return tuple(self._calls)

    def used(self, tool: str, argument: str) -> frozenset[str]:
        """The values of the task that `argument` of `tool` was given."""
        return frozenset(self._used.get((tool, argument), ()))
