"""The smallest single change: along each ray the nearest value that changes the outcome. Pure."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from standwatch.record.outcomes import Reading
from standwatch.watch.axes import Ray
from standwatch.watch.reexecution import Moves, Steps
from standwatch.watch.trial import CUT, Hit, Trial, largest, spread


class Single(msgspec.Struct):
    """A ray while it is searched: the value at `at` changes the outcome (0: none found), the one at `clear` does not,
    and the smallest change is looked for between them."""

    ray: Ray
    executed: set[int] = msgspec.field(default_factory=set[int])
    clear: int = 0
    at: int = 0
    reading: Reading = Reading("")

    def hit(self) -> Hit | None:
        """The change found."""
        if not self.at:
            return None
        moves = ((self.ray.feature, self.ray.value(self.at)),)
        whole = all(k in self.executed for k in range(1, self.at))
        return Hit(moves, self.ray.distance(self.at), self.reading, whole)

    @property
    def free(self) -> int:
        """How many values, from the nearest on, do not change the outcome on their own, as far as is known."""
        return self.at - 1 if self.at else self.ray.length


def search_singles(trial: Trial, rays: Sequence[Ray], budget: int, asked: int) -> Steps[list[Single]]:
    """All values of short rays, or evenly spread ones; then the gap before the nearest change is cut until no value
    is left in it. Raises `Stopped`."""
    singles = [Single(ray) for ray in rays]
    share = largest(lambda most: sum(min(ray.length, most) for ray in rays) <= budget, budget)
    places = [(single, spread(0, single.ray.length, share)) for single in singles]
    while places:
        yield from _try(trial, places, asked)
        places = [
            (single, spread(single.clear, single.at - 1, CUT - 1))
            for single in singles
            if single.at - single.clear > 1
        ]
    return singles


def _try(trial: Trial, places: list[tuple[Single, list[int]]], asked: int) -> Steps[None]:
    moves: list[Moves] = [((s.ray.feature, s.ray.value(k)),) for s, ks in places for k in ks]
    readings = iter((yield from trial.execute(moves)))
    for single, ks in places:
        single.executed.update(ks)
        _narrow(trial, single, [(k, next(readings)) for k in ks], asked)


def _narrow(trial: Trial, single: Single, told: list[tuple[int, Reading]], asked: int) -> None:
    """The nearest of these that changes the outcome, within the validated range, ends the gap; what is before it
    does not."""
    clear = single.clear
    for k, reading in told:
        if asked and trial.turns(reading):
            asked -= 1
            if trial.allowed(((single.ray.feature, single.ray.value(k)),)):
                single.at, single.clear, single.reading = k, clear, reading
                return
        clear = k
    if single.at:
        single.clear = clear
