"""One decision as it travels and as it is written down: rows in, rows out, and the sealed bytes of each row.

Rows are tuples in the order of `names`. A batch is columns of equal length turned once; `entry/row` is a row's id.
"""

from typing import Any

import msgspec

from standwatch.facts.models import Route

Value = str | int | float | bool | None
Row = tuple[Value, ...]


class Rows(msgspec.Struct, frozen=True):
    """Rows in the order of `names`."""

    names: tuple[str, ...]
    rows: list[Row]


class Predicted(msgspec.Struct, frozen=True):
    """What a model server answered: a column for each output, and which version says it answered.

    A vector output has one list for each row. `version` and `digest` are "" where the server does not say.
    """

    outputs: dict[str, list[Any]]
    version: str = ""
    digest: str = ""
    used: tuple[str, ...] = ()
    """Ids of decisions made while it ran, on which it rests: of a model that runs in its caller."""


class Trouble(msgspec.Struct, frozen=True):
    """Why a server gave no usable answer: `code` is `unreachable`, `timeout`, `upstream_error` or `bad_answer`."""

    code: str
    text: str


class RowRecord(msgspec.Struct, frozen=True, omit_defaults=True, tag_field="kind", tag="row.1"):
    """What is sealed about one row; its commitment is a leaf of the batch's row tree (RFC 6962)."""

    received: Row
    """Values in the order of the context's `names`, as received."""
    used: Row | None = None
    """As given to the model, where that differs."""
    outputs: list[Any] = []
    """In the order of the context's `outputs`."""
    outcome: str = ""
    route: Route = "model"
    code: str = ""
    """Why the model did not answer: a stable word; "" where it did."""
    reason: str = ""
    version: str = ""
    """Where another version than the entry's answered it."""


class Context(msgspec.Struct, frozen=True, omit_defaults=True, tag_field="kind", tag="context.1"):
    """What is sealed about a request as a whole."""

    names: tuple[str, ...]
    outputs: tuple[str, ...]
    parameters: dict[str, Any] = {}
    """The request's parameters: how old inputs are (`age.FEATURE` seconds), cache age, whatever the caller says."""
    trace: str = ""
    """W3C `traceparent`."""
    served: dict[str, str] = {}
    """What the server said of itself: `version`, `digest`, `model`."""
    threshold: float | None = None
    findings: list[dict[str, Any]] = []


class Ask(msgspec.Struct, frozen=True, kw_only=True):
    """One request for decisions, as a front hands it over. `version` "" for whichever is deployed.

    `problems` names rows that cannot be read (index → why): they are not sent, the others are served.
    `used` are ids of the decisions and calls this one rests on. `expects` is how the consumer reads an output:
    members of its contract by output name.
    """

    system: str
    model: str
    """Component; "" for the system's only one."""
    rows: Rows
    version: str = ""
    problems: dict[int, str] = {}
    parameters: dict[str, Any] = {}
    trace: str = ""
    used: tuple[str, ...] = ()
    expects: dict[str, dict[str, Any]] = {}


class RowAnswer(msgspec.Struct, frozen=True):
    """What a caller is told about one row."""

    outputs: list[Any]
    outcome: str
    route: Route
    code: str = ""
    version: str = ""


class Answer(msgspec.Struct, frozen=True):
    """What a caller is told. `word` is `done` where rows were answered, whoever answered them.

    `index` is the entry's, so that row k is decision `index/k`; -1 where it was answered unrecorded.
    """

    word: str
    id: str
    index: int = -1
    version: str = ""
    outputs: tuple[str, ...] = ()
    rows: list[RowAnswer] = []
    receipt: str = ""
    message: str = ""
    """With `invalid`: what is wrong with the form of the request."""
    recorded: bool = True
    grant: str = ""
    """The authority it was decided under: `supervised` marks it."""


class Observation(msgspec.Struct, frozen=True):
    """One past decision as `watch` looks at it: what went in, what came out, who answered, when."""

    at: int
    index: int
    row: int
    version: str
    route: str
    code: str
    outcome: str
    score: float | None
    values: Row
    """In the order of the model's features."""
    parameters: dict[str, Any] = {}
    outputs: tuple[Any, ...] = ()


class Happening(msgspec.Struct, frozen=True):
    """A control entry that could have caused a change: `what` is `deployed`, `rollback`, `canary`, `config`, `hold`,
    `released`, `evidence`, `vendor` …"""

    at: int
    index: int
    what: str
    text: str
    undo: str = ""
    """The command that would undo it; "" for none."""
