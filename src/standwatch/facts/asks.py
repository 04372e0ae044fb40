"""How much a system may ask of people: what a manifest and its organisation say, and what that comes to.

Too many asks never turn into more asks (DESIGN.md §4): what is beyond these numbers is deferred, queued once.
"""

from typing import Final

import msgspec

PER_PERSON: Final = 12
"""Questions that one person is asked in any hour where nobody says anything: one in five minutes."""
PER_PERSON_IN_DEVELOPMENT: Final = 120
"""As `PER_PERSON`, in a `development: true` organisation: enough to try things out, and not without end."""
DECOYS: Final = 20
"""One question in so many brings a decoy along, where nobody says anything; none in development."""
DEFERRED: Final = 8 * 3_600_000_000
"""µs for which a deferred act waits to be asked about: a shift. It ends with its run, if that ends before."""
MOST_DEFERRED: Final = 64
"""Deferred acts of one system that wait at a time; what comes on top is refused."""


class Asks(msgspec.Struct, frozen=True):
    """The most questions there may be; None where nothing is said. An hour is any hour, a day is a UTC day.

    `per_person_per_hour` counts what a person is asked about all systems: their attention is one."""

    per_run: int | None = None
    per_person_per_hour: int | None = None
    per_hour: int | None = None
    per_day: int | None = None


def effective(said: Asks, default: Asks, *, development: bool) -> Asks:
    """What counts: each number as the manifest says it, else as the organisation does, else as built in."""
    built_in = PER_PERSON_IN_DEVELOPMENT if development else PER_PERSON
    person = _first(said.per_person_per_hour, default.per_person_per_hour)
    return Asks(
        _first(said.per_run, default.per_run),
        built_in if person is None else person,
        _first(said.per_hour, default.per_hour),
        _first(said.per_day, default.per_day),
    )


def decoys(said: int | None, default: int | None, *, development: bool) -> int:
    """One question in how many brings a decoy along; 0 for none."""
    found = _first(said, default)
    if found is None:
        return 0 if development else DECOYS
    return found


def caps(asks: Asks) -> dict[str, int]:
    """As the sequencer reads them (`facts.frames.Append`): `run/asks`, `person/asks`, `hour/asks`, `day/asks`."""
    named = {
        "run/asks": asks.per_run,
        "person/asks": asks.per_person_per_hour,
        "hour/asks": asks.per_hour,
        "day/asks": asks.per_day,
    }
    return {name: most for name, most in named.items() if most is not None}


def _first(*found: int | None) -> int | None:
    return next((one for one in found if one is not None), None)
