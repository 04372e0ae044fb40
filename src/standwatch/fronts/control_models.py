"""What the operators' side says of predictive models and takes as orders about their versions.

Times are integer microseconds UTC (0 for none); a share is counted in ten-thousandths of requests.
"""

import msgspec

from standwatch.facts.decisions import Happening
from standwatch.watch.diagnosis import Diagnosis


class ModelLine(msgspec.Struct, frozen=True):
    """One model in `status`: who answers for it, which holds keep it there, and how often it did not answer lately."""

    model: str
    version: str = ""
    canary: str = ""
    share: int = 0
    shadow: str = ""
    pinned: tuple[int, ...] = ()
    held: tuple[int, ...] = ()
    """Holds under which the version in front does not answer now: the fallback does."""
    rows: int = 0
    """Rows decided, of the last thousand entries."""
    fallback: int = 0
    """Of these, rows that another than the model answered."""


class PinLine(msgspec.Struct, frozen=True):
    """A hold that keeps a route where it is."""

    hold: int
    scope: str
    by: str
    at: int
    until: int = 0


class VersionLine(msgspec.Struct, frozen=True):
    """One declared version. `lacks` says what its validation lacks, "" where its tier asks for no more."""

    version: str
    digest: str = ""
    """SHA-256 of its artifact as locked; "" where only its server has it, or nobody accepted it."""
    locked: bool = True
    """False for an artifact that nobody accepted."""
    lacks: str = ""


class ChangeLine(msgspec.Struct, frozen=True):
    """One change of a route, as its entry has it, and the reason sealed beside it."""

    index: int
    at: int
    by: str
    mode: str
    version: str
    share: int = 0
    former: str = ""
    limits: str = ""
    """Digest of the known limits that `by` acknowledged."""
    why: str = ""


class ModelVersions(msgspec.Struct, frozen=True):
    """One model: what answers for it since when and by whose act, what did before, and what could."""

    model: str
    version: str = ""
    digest: str = ""
    since: int = 0
    entry: int = -1
    by: str = ""
    canary: str = ""
    share: int = 0
    shadow: str = ""
    former: tuple[str, ...] = ()
    """What a rollback may go back to, the latest first."""
    previous: str = ""
    """The version that answers where the fallback is the one before, and that a plain rollback goes back to."""
    taken_back: tuple[str, ...] = ()
    """Former versions that nobody goes back to unasked."""
    warm: bool = False
    """Whether the previous version is to be kept warm."""
    loaded: dict[str, bool] = {}
    """What the model's server said last of each version that may be wanted."""
    compared: int = 0
    """Of the last comparisons with the challenger: rows that it saw since it was put beside the front."""
    agreed: int = 0
    """Of these, rows that came out the same."""
    fallback: str = ""
    pinned: tuple[PinLine, ...] = ()
    held: tuple[PinLine, ...] = ()
    """Holds under which the version in front does not answer now."""
    declared: tuple[VersionLine, ...] = ()
    """As the manifest stands now; empty for a moment of the past."""
    limits: tuple[str, ...] = ()
    acknowledge: str = ""
    """The digest that acknowledges `limits`; "" where there are none."""
    changes: tuple[ChangeLine, ...] = ()
    """The latest first."""


class ModelDiagnosis(msgspec.Struct, frozen=True):
    """When the decisions of one model changed, what changed with them, and the same as text for a terminal."""

    model: str
    diagnosis: Diagnosis
    text: str
    changes: tuple[Happening, ...] = ()
    """What was done since the time asked about: routes, configurations, holds."""
    versions: dict[str, dict[str, int]] = {}
    """Version → outcome → rows since then, of those looked at."""


class Versions(msgspec.Struct, frozen=True):
    """The versions of a system's models, now or as of a moment."""

    system: str
    at: int
    index: int
    past: bool
    models: tuple[ModelVersions, ...]
    names: dict[str, str]
    """Opaque id → how to show a person."""


class Routed(msgspec.Struct, frozen=True):
    """A route was changed: by which entry, what it is now, and the grant of its system after it."""

    index: int
    at: int
    text: str
    system: str
    model: str
    mode: str
    version: str
    former: str
    level: str
    hold: int = -1
    """The hold that a rollback brought; -1 for none."""
    release: str = ""
    notes: tuple[str, ...] = ()


class DeploymentOrder(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`mode` is `full`, `canary`, `shadow`, `promote` or `end`; `promote` takes the canary that runs."""

    version: str = ""
    reason: str = ""
    model: str = ""
    mode: str = "full"
    share: int = 0
    acknowledged: str = ""


class RollbackOrder(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    reason: str
    model: str = ""
    to: str = ""
