"""What `diagnose` answers, as data: whether decisions changed, since when, and what ranks as their cause."""

from typing import Final, Literal

import msgspec

Code = Literal[
    "hold",
    "deployment",
    "wrong_version",
    "threshold",
    "configuration",
    "vendor",
    "upstream_failing",
    "schema",
    "parameter",
    "time_zone",
    "units",
    "swapped",
    "nulls",
    "constant",
    "remapped",
    "new_category",
    "stale",
    "shuffled",
    "slice",
    "retrained",
    "drift",
    "fallback",
]
"""Stable words for kinds of cause."""

NAMES: Final[dict[Code, str]] = {
    "hold": "a hold is in force",
    "deployment": "a version was deployed that scores differently",
    "wrong_version": "a version answers that is not the deployed one",
    "threshold": "the same scores come to other outcomes",
    "configuration": "the configuration changed",
    "vendor": "the data come from another vendor",
    "upstream_failing": "the model's server fails",
    "schema": "an upstream changed its schema",
    "parameter": "something the callers say of their requests changed",
    "time_zone": "times are shifted",
    "units": "a feature changed its unit or scale",
    "swapped": "two features changed places",
    "nulls": "a feature is missing",
    "constant": "a feature is filled with one value",
    "remapped": "the categories of a feature were renamed or changed places",
    "new_category": "a category appeared",
    "stale": "a feature is no longer refreshed",
    "shuffled": "the values of a feature no longer belong to their rows",
    "slice": "one part of the traffic changed, the rest did not",
    "retrained": "the same version scores the same inputs differently",
    "drift": "the distribution of a feature changed",
    "fallback": "a fallback answers in the model's place",
}


class Measured(msgspec.Struct, frozen=True):
    """One number behind a claim, before and after; text where a number would say less."""

    name: str
    before: float | str
    after: float | str


class Cause(msgspec.Struct, frozen=True, kw_only=True):
    """One claimed cause. Times in µs UTC."""

    code: Code
    subject: str
    """The feature, parameter, version, outcome or part of the traffic; "" for none."""
    text: str
    at: int
    earliest: int
    latest: int
    """It began between `earliest` and `latest`, most likely at `at`."""
    share: float | None = None
    """Part of the outcomes' change that goes away when this cause is taken back, 0 to 1, by estimate; None where
    outcomes did not change or it cannot be told."""
    distance: float = 0.0
    """How far the distribution that gives it away moved: total variation beyond noise, 0 to 1."""
    p: float = 1.0
    """Bound on the probability of such a finding in an unchanged window, all that was looked at counted."""
    evidence: tuple[Measured, ...] = ()
    entries: tuple[int, ...] = ()
    """Indices of the record: decisions at which it began, and the control entries it rests on."""
    undo: str = ""
    """The command that would undo it; "" where there is none on this side."""
    explains: tuple[str, ...] = ()
    """What else changed because of it, in words."""


class Mix(msgspec.Struct, frozen=True):
    """One outcome's share of the rows before (as expected for the same hours) and after."""

    outcome: str
    before: float
    after: float


class Diagnosis(msgspec.Struct, frozen=True, kw_only=True):
    """The answer. `changed`: the mix of outcomes moved, between `earliest` and `latest`, most likely at `at`."""

    since: int
    now: int
    begin: int = 0
    """Time of the first row that was looked at."""
    rows: int = 0
    reference: int = 0
    """Rows before the change (or before `since`), which all is compared with."""
    changed: bool = False
    at: int = 0
    earliest: int = 0
    latest: int = 0
    index: int = -1
    """The first decision after the change."""
    mix: tuple[Mix, ...] = ()
    p: float = 1.0
    causes: tuple[Cause, ...] = ()
    """Most likely first."""
    looked: tuple[str, ...] = ()
    """What was compared, in words."""
    notes: tuple[str, ...] = ()
    """What limits this answer: too few rows, less than a day to compare with."""
