"""What the operators' side says of watch-keeping, and takes as orders about it. Times are integer µs UTC.

A watch is somebody's eyes on some systems: who has it sees them, and has seen what was open. It gives no other right.
"""

from __future__ import annotations

import msgspec


class OpenLine(msgspec.Struct, frozen=True):
    """One open matter: `kind` is `hold`, `relaxation`, `approval` or `deferral`, `index` its entry, `what` the scope,
    the check and scope, or the system and tool. These and `until` are signed; `text` is for the eye."""

    kind: str
    index: int
    what: str
    until: int = 0
    text: str = ""


class OfferLine(msgspec.Struct, frozen=True):
    """A hand-over that `giver` has signed and `to` has not yet. Kept in memory, until `expires`."""

    giver: str
    to: str
    until: int
    shown: str
    """Digest of the list as the giver saw it: where it is another by now, the giver signs again."""
    expires: int


class WatchLine(msgspec.Struct, frozen=True):
    """One watch of standwatch.yaml, and who has it.

    `state`: `attended`; `ending` (it runs out within ten minutes, and is wanted on); `unattended`; or `off`, outside
    its hours with nobody on it.
    """

    name: str
    state: str
    systems: tuple[str, ...]
    """As written: names and patterns."""
    covers: tuple[str, ...]
    """The declared systems that it falls on."""
    people: tuple[str, ...]
    """Who may take it."""
    hours: str
    """When it is wanted, in words; "" for always."""
    longest: int
    """Seconds that it may be kept without being taken anew."""
    person: str = ""
    """Who has it; "" for nobody."""
    since: int = 0
    until: int = 0
    index: int = -1
    """The entry by which it was taken; -1 for none."""
    giver: str = ""
    """Who handed it over and signed; "" where it was taken from nobody, or from somebody who did not sign."""
    acknowledged: tuple[int, ...] = ()
    """Relaxations that were open when it was taken."""
    unacknowledged: tuple[int, ...] = ()
    """Relaxations that were begun since and are open."""
    offer: OfferLine | None = None


class WatchReport(msgspec.Struct, frozen=True):
    """Every watch that you may know of."""

    at: int
    watches: tuple[WatchLine, ...]
    names: dict[str, str]


class WatchSheet(msgspec.Struct, frozen=True):
    """One watch, with what whoever takes it signs: `facts.parts.watch_bytes` over `shown`, the SHA-256 of the JCS of
    the list of `open` matters, each `{index, kind, until, what}`."""

    watch: WatchLine
    org: str
    follows: int
    """Index of the last entry about this watch; signed along, so that no hand-over can be said again."""
    open: tuple[OpenLine, ...]
    shown: str
    at: int
    names: dict[str, str]


class TakeOrder(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`by` takes the watch until `until`; `sig` is theirs, with a key or a passkey. `giver` where an offer is taken up,
    "" where it is taken from nobody, or from somebody who did not sign.

    `seen` names what was on the list (`hold:18`), so that a refusal can say what changed."""

    by: str
    until: int
    follows: int
    shown: str
    sig: str
    giver: str = ""
    seen: tuple[str, ...] = ()


class GiveOrder(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`by`, who has the watch, gives it to `to`, who has to take it; signed over the same bytes as the taking."""

    by: str
    to: str
    until: int
    follows: int
    shown: str
    sig: str
    seen: tuple[str, ...] = ()


class EndWatchOrder(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    reason: str = ""


class Offered(msgspec.Struct, frozen=True):
    """The giver has signed: the watch stays theirs until `to` takes it."""

    watch: str
    to: str
    text: str
    expires: int
