"""What the gateway says, as values."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, cast, overload

from standwatch.client.errors import Invalid, Refused, Unavailable, Unreachable


@dataclass(frozen=True, slots=True)
class Row:
    """The decision about one row.

    `id` is `entry/row` in the record. `route` is who decided: `model`, or which fallback; `code` says why it was not
    the model; `outputs` are None where nobody answered.
    """

    id: str
    outcome: str
    route: str
    code: str = ""
    version: str = ""
    outputs: dict[str, Any] = field(default_factory=dict[str, Any])


@dataclass(frozen=True, slots=True)
class Decisions(Sequence[Row]):
    """The decisions about a batch, row by row in the order in which it was asked.

    `recorded` is False where a fallback was answered while nothing could be written down. `receipt` (base64) proves
    later that we were told.

    >>> row = Row("41/0", "approved", "model", outputs={"score": 0.25})
    >>> [decided.outcome for decided in Decisions("", (row,))]
    ['approved']
    """

    id: str
    rows: tuple[Row, ...]
    version: str = ""
    recorded: bool = True
    receipt: str = ""
    grant: str = ""
    """The authority it was decided under; `supervised` marks it."""
    contract: dict[str, Any] = field(default_factory=dict[str, Any])
    """What each output's values mean: `type`, `min`, `max`, `polarity`, `unit`, `labels`."""

    def __len__(self) -> int:
        return len(self.rows)

    def __iter__(self) -> Iterator[Row]:
        return iter(self.rows)

    @overload
    def __getitem__(self, index: int) -> Row: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[Row, ...]: ...
    def __getitem__(self, index: int | slice) -> Row | tuple[Row, ...]:
        return self.rows[index]

    @property
    def used(self) -> str:
        """The id under which another decision names this one; "" where it is not in the record."""
        if not self.recorded or not self.id:
            return ""
        return self.rows[0].id if len(self.rows) == 1 and self.rows[0].id else self.id


@dataclass(frozen=True, slots=True)
class Going:
    """Leave to run version `version` (whose artifact has SHA-256 `digest`) on the rows with these indices."""

    id: str
    version: str
    digest: str
    rows: tuple[int, ...]
    contract: dict[str, Any] = field(default_factory=dict[str, Any])
    """As `Decisions.contract`."""


def answered(status: int, receipt: str, body: object) -> Decisions | Going:
    """The answer in a body of JSON. Raises `ClientError` for every word but `done` and `go`."""
    if not isinstance(body, dict):
        raise Unreachable(f"what answered {status} is not Standwatch")
    said = cast("dict[str, Any]", body)
    try:
        match status, said.get("word"):
            case 200, "done":
                return _decisions(said, receipt)
            case 200, "go":
                rows = tuple(map(int, said["rows"]))
                return Going(said["id"], said["version"], said["digest"], rows, said.get("contract", {}))
            case _:
                pass
    except (KeyError, TypeError, ValueError, AttributeError):
        raise Unreachable("what answered is not Standwatch, or of another version") from None
    raise refusal(status, said)


def _decisions(said: Mapping[str, Any], receipt: str) -> Decisions:
    names = said["outputs"]
    rows = tuple(
        Row(
            one["id"],
            one["outcome"],
            one["route"],
            one["code"],
            one["version"],
            dict(zip(names, one["outputs"], strict=False)),
        )
        for one in said["rows"]
    )
    return Decisions(
        said["id"],
        rows,
        said["version"],
        bool(said["recorded"]),
        receipt,
        said.get("grant", ""),
        said.get("contract", {}),
    )


def refusal(status: int, said: Mapping[str, Any]) -> Exception:
    """What a word that is no answer means to whoever asked."""
    text, reference = str(said.get("message", f"status {status}")), str(said.get("id", ""))
    match status:
        case 400 | 404 | 405 | 409 | 413:
            return Invalid(text, reference)
        case 401 | 403 | 421:
            return Refused(text, reference)
        case 503 if said.get("word") == "unavailable":
            return Unavailable(text, reference)
        case _:
            return Unreachable(f"the gateway answered {status}: {text}", reference)
