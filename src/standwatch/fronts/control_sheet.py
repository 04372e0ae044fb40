"""What the operators' side says of a question beside the bytes that are signed: what a person should know first.

None of it is signed, and none of it changes what a signature means. Times are integer µs UTC (0 for none).
"""

from __future__ import annotations

import msgspec


class Seen(msgspec.Struct, frozen=True):
    """A place of the run where a value was seen before: in what came back from action `id`. `trusted` says whether in a
    field that no outside party can write."""

    id: str
    index: int
    tool: str
    trusted: bool


class Origin(msgspec.Struct, frozen=True):
    """Where the value at `pointer` (RFC 6901, from the arguments) comes from. `source` as it was judged and sealed:
    `task`, `trusted`, `untrusted`, `model`; `endorsed` where a person has vouched for it in this run,
    `hook` where no model gave it: the agent's hook added it."""

    pointer: str
    source: str
    seen: tuple[Seen, ...] = ()


class Earlier(msgspec.Struct, frozen=True):
    """Something of this run that was refused, asked about or put off before: `what` in a word, `code` why."""

    index: int
    at: int
    id: str
    tool: str
    what: str
    code: str


class Why(msgspec.Struct, frozen=True):
    """One finding behind the question: the check, what it found in its own words, and what that means."""

    check: str
    decision: str
    reason: str
    text: str


class RunSheet(msgspec.Struct, frozen=True):
    """The run: what its user asked for, in their words, and what it has done. `told` is how the task stands: `present`,
    `erased`, or `none` for a run that was given none."""

    run: str
    told: str
    task: str = ""
    on_behalf_of: str = ""
    by: str = ""
    at: int = 0
    until: int = 0
    implicit: bool = False
    passed: int = 0
    refused: int = 0
    asked: int = 0


class Around(msgspec.Struct, frozen=True):
    """What is known around a question. `words` are of the digest: requester and approver compare them."""

    words: str
    effect: str
    grant: str
    run: RunSheet
    origins: tuple[Origin, ...]
    earlier: tuple[Earlier, ...]
    """What was refused, asked about or put off in this run before, the latest first."""
    left_off: int
    """Earlier ones that are not listed."""
    why: tuple[Why, ...]
    silence: str
    """What happens if nobody answers."""
    first: tuple[str, ...] = ()
    """Arguments that say what is done, by the manifest as it is now: these are shown before the others."""


class VoteLine(msgspec.Struct, frozen=True):
    """An answer, in the entry at `index`: `decision` is `approve` or `refuse`, `signed` with a `passkey` or a `key`.
    `counts` is False where whoever gave it has lost the right since."""

    index: int
    at: int
    by: str
    decision: str
    signed: str
    until: int
    counts: bool


class Standing(msgspec.Struct, frozen=True):
    """How a question stands: `open`, `approved`, `refused`, `expired`, `decoy`, `used` (carried out on approval), or
    `endorsed` (enough people vouched for a value of it instead).

    `text` says it in a sentence; `next` are those whose approval would count now; `intent` is the entry by which it was
    used, `outcome` what became of it.
    """

    id: str
    index: int
    state: str
    text: str
    quorum: int
    until: int
    votes: tuple[VoteLine, ...]
    next: tuple[str, ...] = ()
    intent: int = -1
    outcome: str = ""
    held: tuple[int, ...] = ()
    """Holds in force that fall on it while it may still be carried out (-1: one that is not in the record yet)."""
