"""`range learn`: what a model was validated on, learned from reference data, with a false-alarm rate that is stated."""

from __future__ import annotations

import re
from argparse import ArgumentParser, ArgumentTypeError, Namespace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from standwatch.cli.configuration import reload, replace
from standwatch.cli.show import advise, out, paint, say, visible
from standwatch.cli.verbs import DONE, Verb, common
from standwatch.cli.wire import organisation
from standwatch.facts.errors import Malformed, NotFound, StandwatchError

if TYPE_CHECKING:
    from standwatch.facts.configuration import Configuration
    from standwatch.facts.decisions import Row
    from standwatch.facts.models import Model
    from standwatch.gate.range import Fitted

MOST_BYTES: Final = 1 << 29
"""Reference data are read whole: half a gibibyte at most."""
_NAMED = re.compile(rb"^[ \t]+range:[^\n]*\n", re.MULTILINE)


def _arguments(parser: ArgumentParser) -> None:
    acts = parser.add_subparsers(dest="act", required=True, metavar="learn")
    learn = acts.add_parser("learn", help="from reference data, into systems/", parents=[common()])
    learn.add_argument("system", metavar="SYSTEM")
    learn.add_argument("model", nargs="?", default="", metavar="MODEL", help="default: the only one")
    learn.add_argument("--data", required=True, metavar="FILE", help="CSV with a column for each input")
    learn.add_argument(
        "--alarm", type=_rate, default=0.01, metavar="RATE", help="false-alarm rate (default: 0.01)"
    )
    learn.add_argument("--seed", type=int, default=0, metavar="N", help="which rows calibrate (default: 0)")
    learn.add_argument(
        "--out", default="", metavar="NAME", help="file in systems/ (default: MODEL.range.json)"
    )


def _rate(text: str) -> float:
    try:
        rate = float(text.removesuffix("%")) / (100 if text.endswith("%") else 1)
    except ValueError:
        rate = 0.0
    if not 0 < rate < 1:
        raise ArgumentTypeError(f"{text!r}, expected a rate such as 0.01 or 1%")
    return rate


def learn(given: Namespace) -> int:
    """Fit, calibrate, write, and say what the range promises."""
    import hashlib

    from standwatch.gate.range import learn as fit
    from standwatch.gate.range_data import read_reference

    org = organisation(given.org)
    configuration = _without_ranges(org)
    model = _model(configuration, given.system, given.model)
    name = _file(configuration, given.system, model.component, given.out)
    data = _read(Path(given.data))
    reference = read_reference(model.inputs, _text(data, given.data))
    rows, outside = _declared(model, reference.rows)
    fitted = fit(
        model.inputs,
        rows,
        order=_shuffled(len(rows), given.seed),
        alarm=given.alarm,
        data=hashlib.sha256(data).hexdigest(),
        seed=given.seed,
    )
    path = org / "systems" / name
    replace(path, _spelled(fitted))
    if given.json:
        out(_said(fitted, path, outside, reference.unread))
    else:
        _tell(fitted, path, outside, reference.unread)
    reload(org, as_json=given.json)
    return DONE


def _without_ranges(org: Path) -> Configuration:
    """The configuration as it would be with no range learned: one may be named before it is there, or learned anew
    because it no longer fits the inputs."""
    from standwatch.declare.configuration import declare
    from standwatch.store.folder import read_folder

    files = {
        path: _NAMED.sub(b"", data) if path.startswith("systems/") and path.endswith(".yaml") else data
        for path, data in read_folder(org).items()
    }
    return declare(files).configuration


def _model(configuration: Configuration, system: str, name: str) -> Model:
    declared = configuration.systems.get(system)
    if declared is None:
        raise NotFound(
            f"no manifest declares {system}; declared: {', '.join(configuration.systems) or 'none'}"
        )
    models = declared.manifest.models
    if not name and len(models) == 1:
        return next(iter(models.values()))
    if name not in models:
        raise NotFound(
            f"{system} has no model {name!r} under decisions; it has: {', '.join(models) or 'none'}"
            if name
            else f"say which model: {system} has {', '.join(models) or 'none'}"
        )
    return models[name]


def _file(configuration: Configuration, system: str, model: str, wanted: str) -> str:
    """`MODEL.range.json`, unless another system has a model of that name."""
    shared = any(
        model in one.manifest.models for name, one in configuration.systems.items() if name != system
    )
    name = wanted or (f"{system}.{model}.range.json" if shared else f"{model}.range.json")
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}\.range\.json", name, re.ASCII):
        raise Malformed(f"{name!r} is no name for it: expected NAME.range.json, in systems/", code="bad_name")
    return name


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as opened:
            data = opened.read(MOST_BYTES + 1)
    except OSError as error:
        raise NotFound(f"{path}: {error.strerror or error}") from None
    if len(data) > MOST_BYTES:
        raise Malformed(f"{path} is larger than {MOST_BYTES >> 20} MiB: expected a sample", code="bad_data")
    return data


def _text(data: bytes, name: str) -> str:
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise Malformed(f"{name}: byte {error.start} is not UTF-8", code="bad_data") from None


def _declared(model: Model, rows: list[Row]) -> tuple[list[Row], dict[str, int]]:
    """The rows that are within what the manifest declares, and how many are not, by code."""
    from collections import Counter

    from standwatch.enforce.validity import compile_validity

    found = compile_validity(model).check_all(rows)
    kept = [row for row, (code, _) in zip(rows, found, strict=True) if not code]
    return kept, dict(Counter(code for code, _ in found if code))


def _shuffled(rows: int, seed: int) -> list[int]:
    """Rows that stand in a meaningful order must not calibrate what others shaped. Not a secret, but the same again."""
    import random

    order = list(range(rows))
    random.Random(seed).shuffle(order)  # noqa: S311
    return order


def _spelled(fitted: Fitted) -> str:
    """The file: JSON, a member a line, so that a change can be looked at."""
    import msgspec

    members = msgspec.to_builtins(fitted.learned)
    spelled = [(msgspec.json.encode(name), msgspec.json.encode(value)) for name, value in members.items()]
    lines = [f"  {name.decode()}: {value.decode()}" for name, value in spelled]
    text = "{\n" + ",\n".join(lines) + "\n}\n"
    if len(text) > 1 << 20:
        raise StandwatchError(
            "the range is larger than a configuration may be: fewer inputs, or fewer categories"
        )
    return text


def _said(fitted: Fitted, path: Path, outside: dict[str, int], unread: tuple[str, ...]) -> dict[str, Any]:
    learned = fitted.learned
    return {
        "file": str(path),
        "rows": learned.rows,
        "calibrated": learned.calibrated,
        "rank": fitted.rank,
        "rate_at_most": fitted.rate,
        "spread": fitted.spread,
        "threshold": learned.threshold,
        "typicality": fitted.tells_typical,
        "margin": fitted.margin,
        "bounds": {
            name: [learned.low[at], learned.high[at]]
            if learned.kinds[at] == "number"
            else list(learned.values[at])
            for at, name in enumerate(learned.features)
        },
        "not_learned": fitted.left_out,
        "outside_declared": outside,
        "unread": unread,
        "data": learned.data,
    }


def _tell(fitted: Fitted, path: Path, outside: dict[str, int], unread: tuple[str, ...]) -> None:
    learned = fitted.learned
    say(
        f"{paint('learned', 'good')} {path} from {learned.rows} rows, of which {learned.calibrated} calibrate"
    )
    for at, name in enumerate(learned.features):
        if learned.kinds[at] == "number":
            say(f"  {visible(name)}: {learned.low[at]:g} to {learned.high[at]:g}")
        else:
            shown = ", ".join(map(str, learned.values[at][:8])) + (
                ", …" if len(learned.values[at]) > 8 else ""
            )
            say(f"  {visible(name)}: {visible(shown)}")
    say(
        f"of fresh rows like these at most {fitted.rate:.2%} alarm, whatever their distribution: the threshold is the "
        f"surprise of rank {fitted.rank} of {learned.calibrated}; from one calibration to another ±{fitted.spread:.2%}"
    )
    if not fitted.tells_typical:
        say(
            paint(
                "  bounds and categories use the whole rate up: no row within them alarms; more rows help",
                "warn",
            )
        )
    for name, why in fitted.left_out.items():
        say(paint(f"  not learned: {visible(name)}: {visible(why)}", "warn"))
    if outside:
        said = ", ".join(f"{count} {code}" for code, count in sorted(outside.items()))
        say(paint(f"  left out, being outside what the manifest declares: {said}", "warn"))
    if unread:
        say(f"  columns that are no input: {visible(', '.join(unread[:8]))}")
    advise(f"it has force where the manifest says, under decisions: range: {path.name}")


VERBS = (
    Verb(
        "range",
        "Learn a model's validated range from reference data.",
        "standwatch range learn mortgages scorer --data reference.csv --alarm 0.01",
        _arguments,
        learn,
    ),
)
