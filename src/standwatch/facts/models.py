"""What a manifest declares about a predictive model: versions, inputs, outputs, fallback, validated range, overrides.

A *model* is a component of kind `model`. Its features have an order, that of the manifest: rows are tuples in it.
"""

from typing import Literal

import msgspec

Scalar = str | int | float | bool
FeatureType = Literal["number", "integer", "category", "boolean", "text"]
OutputType = Literal["probability", "score", "number", "label"]
Route = Literal["model", "previous", "rule", "constant", "refer-to-human", "refused"]
"""Who answered a row: the deployed version, or which fallback; `refused` where nobody did."""


class Version(msgspec.Struct, frozen=True):
    """One version of a model that may be deployed. Absent members fall back to the component's."""

    name: str
    url: str = ""
    model: str = ""
    """Its name at the server."""
    served_as: str = ""
    """Its version at the server, `/v2/models/{model}/versions/{served_as}`; "" where the server has only one."""
    artifact: str = ""
    """File of the model, relative to the organisation's folder: its SHA-256 stands in the lock as `model@version`, and
    `explain` re-executes it. "" where only the server has it."""


class Condition(msgspec.Struct, frozen=True):
    """Something one row can satisfy: every member that is stated must hold of feature `feature`.

    A missing value satisfies `missing: true` alone.
    """

    feature: str
    min: int | float | None = None
    max: int | float | None = None
    one_of: tuple[Scalar, ...] | None = None
    missing: bool | None = None


class KnownLimit(msgspec.Struct, frozen=True):
    """A limit that is known. With `when`, executable: a row that satisfies all of it is outside the validated range.

    Without it it is prose, shown before a deployment and acknowledged by name."""

    text: str
    when: tuple[Condition, ...] = ()


class Actionable(msgspec.Struct, frozen=True):
    """What the person concerned could change about a feature: within [`min`, `max`], upwards, downwards or both."""

    direction: Literal["up", "down", "any"] = "any"
    min: int | float | None = None
    max: int | float | None = None
    step: int | float | None = None


class Feature(msgspec.Struct, frozen=True):
    """One input, as the model was validated on it. Absent limits do not bind."""

    name: str
    type: FeatureType = "number"
    unit: str = ""
    min: int | float | None = None
    max: int | float | None = None
    one_of: tuple[Scalar, ...] | None = None
    missing: bool = False
    """Whether it may be missing (null)."""
    fresh: int | None = None
    """Seconds after which a value that says how old it is is stale."""
    actionable: Actionable | None = None
    words: str = ""
    """How the person concerned would call it: 'your monthly income'."""


class Output(msgspec.Struct, frozen=True):
    """The contract of one output: what its numbers mean. It travels with every answer."""

    name: str
    type: OutputType = "number"
    min: int | float | None = None
    max: int | float | None = None
    polarity: str = ""
    """What a higher value means, in a few words: `higher means denied`."""
    unit: str = ""
    labels: tuple[str, ...] = ()
    """For a vector its labels in order; for a label the ones there are."""


class Outcome(msgspec.Struct, frozen=True):
    """How an output becomes a decision: a threshold on a number, or the label itself.

    `abstain`: a number in [low, high], or one of these labels, is no decision: the fallback answers.
    """

    output: str
    threshold: int | float | None = None
    at_or_above: str = ""
    below: str = ""
    abstain: tuple[int | float, int | float] | None = None
    abstain_labels: tuple[str, ...] = ()


class Rule(msgspec.Struct, frozen=True):
    """One line of a fallback's decision table: where every condition holds, these outputs are given."""

    when: tuple[Condition, ...]
    give: dict[str, Scalar]
    why: str = ""


class Fallback(msgspec.Struct, frozen=True):
    """What answers when the model may not, cannot or should not. `then` is refer-to-human for all but `refuse`:
    a previous version that fails too, or a table without a line for the row, refers."""

    kind: Literal["refuse", "refer-to-human", "previous", "rule", "constant"] = "refuse"
    give: dict[str, Scalar] = {}
    """Of `constant`: the outputs."""
    rules: tuple[Rule, ...] = ()
    """Of `rule`: the table, the first line that holds decides."""


class Learned(msgspec.Struct, frozen=True):
    """A range learned from reference data (`standwatch range learn`), as its file holds it (`range.1`).

    Per feature bounds, and a typicality test: each value falls into a bin, `tree[i]` is the feature that feature i
    is conditioned on (-1 for none), `surprise[i][parent bin][bin]` is −log probability (natural), and a row whose
    surprises sum to more than `threshold` is atypical. `alarm` is the stated false-alarm rate (split conformal).
    """

    features: tuple[str, ...]
    kinds: tuple[Literal["number", "category"], ...]
    low: tuple[float, ...]
    high: tuple[float, ...]
    """Bounds of numbers; 0 for categories."""
    edges: tuple[tuple[float, ...], ...]
    """Bin edges of numbers, ascending; bin k holds values in (edge[k-1], edge[k]]. The last bin is for missing."""
    values: tuple[tuple[Scalar, ...], ...]
    """Known categories; the last bin is for missing."""
    tree: tuple[int, ...]
    surprise: tuple[tuple[tuple[float, ...], ...], ...]
    threshold: float
    alarm: float
    rows: int
    """Reference rows it was learned and calibrated on."""
    data: str = ""
    """SHA-256 of the reference data."""
    calibrated: int = 0
    """How many of `rows` set the threshold and nothing else: `alarm` rests on these."""
    seed: int = 0
    """What decided which rows those were."""
    kind: Literal["range.1"] = "range.1"


class Overrides(msgspec.Struct, frozen=True):
    """Who may change one decision's outcome, and within which conditions."""

    by: tuple[str, ...] = ()
    """People's opaque ids; empty for nobody."""
    outcomes: tuple[str, ...] = ()
    """Outcomes that may be given; empty for those of the model."""
    within: int | None = None
    """Seconds after the decision; None for any time."""
    per_day: int | None = None
    """Overrides of one person on one day."""


class Model(msgspec.Struct, frozen=True):
    """One predictive model of a system: where it is served, in which versions, and what it was validated for."""

    component: str
    """Name of its component."""
    protocol: Literal["oip", "mlflow", "client"] = "oip"
    """`client`: it runs in the caller's process and `standwatch.client` governs it."""
    layout: Literal["columns", "matrix", "pandas"] = "columns"
    """How its server wants rows: a tensor for each feature, one tensor `[rows, features]`, or columns marked `pd`."""
    tensor: str = "input"
    """Name of the tensor under `matrix`."""
    versions: dict[str, Version] = {}
    deadline_ms: int = 1_000
    """Milliseconds the server may take for one request."""
    inputs: tuple[Feature, ...] = ()
    outputs: tuple[Output, ...] = ()
    outcome: Outcome | None = None
    known_limits: tuple[KnownLimit, ...] = ()
    fallback: Fallback = Fallback()
    learned: Learned | None = None
    executor: tuple[str, ...] = ()
    """Command that re-executes an artifact for `explain`, in the model's own environment."""
    overrides: Overrides = Overrides()
    warm: bool = True
    """Whether the previous version is kept warm."""
