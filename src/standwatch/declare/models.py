"""`decisions` of a manifest → `Model`s: what each predictive model is served as, and what it was validated for."""

import re
from collections.abc import Callable, Mapping
from typing import Final, Literal

import msgspec

from standwatch.declare.components import listing_of_words, url
from standwatch.declare.fallbacks import Beside, read_fallback
from standwatch.declare.features import (
    feature_name,
    label,
    output_name,
    read_condition,
    read_feature,
    read_output,
    unknown,
)
from standwatch.declare.organisation import WORD
from standwatch.declare.people import Directory, names
from standwatch.declare.places import check_served
from standwatch.declare.ranges import read_range
from standwatch.declare.schema import (
    Fields,
    Reader,
    choice,
    duration,
    integer,
    listing,
    mapping,
    number,
    scalar,
    shaped,
    short,
    text,
)
from standwatch.declare.text import Listing, Node, Problems
from standwatch.declare.text import Mapping as Members
from standwatch.facts.configuration import Component, Number
from standwatch.facts.models import (
    Fallback,
    Feature,
    KnownLimit,
    Learned,
    Model,
    Outcome,
    Output,
    Overrides,
    Version,
)

VERSION: Final = r"[A-Za-z0-9][A-Za-z0-9._+-]{0,63}"
MOST_MILLISECONDS: Final = 600_000
MOST_FEATURES: Final = 1_000

_protocol: Reader[Literal["oip", "mlflow", "client"]] = choice("oip", "mlflow", "client")
_layout: Reader[Literal["columns", "matrix", "pandas"]] = choice("columns", "matrix", "pandas")
_component_name = shaped(WORD, "a component's name")
_version_name = shaped(VERSION, "a version's name in letters, digits, ., _, + and -")
_artifact = shaped(
    r"(?!/)(?!.*(^|/)\.\.?(/|$))(?!.*//)[^\x00-\x1f\x7f\\]{1,500}(?<!/)",
    "a file inside the organisation's folder, such as models/scorer-1.json",
)
_served_name = shaped(r"[A-Za-z0-9][A-Za-z0-9._~+-]{0,127}", "a name at the server")
_MILLISECONDS = re.compile(r"([1-9][0-9]{0,8})(ms|s|m)")
_UNITS: Final = {"ms": 1, "s": 1000, "m": 60_000}
_NO_OUTCOME: Outcome | None = None
_NO_RANGE: Learned | None = None
_NO_FALLBACK: Fallback | None = None
_NO_COUNT: int | None = None
_NO_NUMBER: Number | None = None
_NO_BAND: tuple[Number, Number] | None = None


class Around(msgspec.Struct, frozen=True):
    """What a model is read amid: its system's components, people, own fallback, and the files of `systems/`."""

    components: Mapping[str, Component]
    whom: Directory
    beside: Beside
    fallback: Node | None
    """What stands at the system's `fallback`; None for nothing."""


def read_models(around: Around) -> Reader[dict[str, Model]]:
    """A reader of `decisions`."""

    def read(node: Node, problems: Problems) -> dict[str, Model] | None:
        _check_named(node, around.components, problems)
        return mapping(_component_name, _model(around), "models")(node, problems)

    return read


def _check_named(node: Node, components: Mapping[str, Component], problems: Problems) -> None:
    models = {name: one for name, one in components.items() if one.kind == "model"}
    for name, member in node.members.items() if isinstance(node, Members) else ():
        if name not in models:
            known = f"one of {', '.join(sorted(models))}" if models else "a component of kind model"
            problems.add(member.mark, f"{short(name)} is no component of kind model, expected {known}")


def _model(around: Around) -> Callable[[str, Node, Problems], Model | None]:
    def read_model(name: str, node: Node, problems: Problems) -> Model | None:
        fields = Fields(node, problems, f"the model {short(name)}")
        features = fields.need("inputs", mapping(feature_name, read_feature, "inputs"), {})
        outputs = fields.need("outputs", mapping(output_name, read_output, "outputs"), {})
        learned = fields.take("range", read_range(around.beside, features), _NO_RANGE)
        own = fields.take("fallback", read_fallback(around.beside, features, outputs), _NO_FALLBACK)
        model = Model(
            component=name,
            protocol=fields.take("protocol", _protocol, "oip"),
            layout=fields.take("layout", _layout, "columns"),
            tensor=fields.take("tensor", text("a tensor's name", 128), "input"),
            versions=fields.need("versions", mapping(_version_name, _version, "versions"), {}),
            deadline_ms=fields.take("deadline", _deadline, 1_000),
            inputs=tuple(features.values()),
            outputs=tuple(outputs.values()),
            outcome=fields.take("outcome", _outcome(outputs), _NO_OUTCOME),
            known_limits=fields.take("known_limits", listing(_known_limit(features), "known limits"), ()),
            fallback=own if own is not None else _inherited(around, features, outputs, problems),
            learned=learned,
            executor=fields.take("executor", listing_of_words, ()),
            overrides=fields.take("overrides", _overrides(around.whom), Overrides()),
        )
        fields.close()
        _check_whole(fields, model, around.components.get(name), problems)
        return model

    return read_model


def _inherited(
    around: Around, features: Mapping[str, Feature], outputs: Mapping[str, Output], problems: Problems
) -> Fallback:
    """The system's fallback as it means this model: its constants and rules must fit here too."""
    if around.fallback is None:
        return Fallback()
    return read_fallback(around.beside, features, outputs)(around.fallback, problems) or Fallback()


def _check_whole(fields: Fields, model: Model, component: Component | None, problems: Problems) -> None:
    for name, found in (("versions", model.versions), ("inputs", model.inputs), ("outputs", model.outputs)):
        if fields.has(name) and not found:
            problems.add(fields.place(name), f"no {name}, expected at least one")
    if len(model.inputs) > MOST_FEATURES:
        problems.add(fields.place("inputs"), f"{len(model.inputs)} inputs, expected at most {MOST_FEATURES}")
    check_served(fields, model, component, problems)


def _version(name: str, node: Node, problems: Problems) -> Version | None:
    fields = Fields(node, problems, f"the version {short(name)}")
    version = Version(
        name=name,
        url=fields.take("url", url, ""),
        model=fields.take("model", _served_name, ""),
        served_as=fields.take("served_as", _served_name, ""),
        artifact=fields.take("artifact", _artifact, ""),
    )
    fields.close()
    return version


def _deadline(node: Node, problems: Problems) -> int | None:
    """`800ms`, `2s` → milliseconds."""
    expected = "a duration such as 800ms or 2s, of at most 10m"
    found = scalar(expected)(node, problems)
    if found is None:
        return None
    parts = _MILLISECONDS.fullmatch(found.text)
    most = int(parts[1]) * _UNITS[parts[2]] if parts else 0
    if not 0 < most <= MOST_MILLISECONDS:
        problems.add(node.mark, f"{short(found.text)}, expected {expected}")
        return None
    return most


def _known_limit(features: Mapping[str, Feature]) -> Reader[KnownLimit]:
    def read(node: Node, problems: Problems) -> KnownLimit:
        fields = Fields(node, problems, "a known limit")
        limit = KnownLimit(
            text=fields.need("limit", text("the limit in words"), ""),
            when=fields.take("when", listing(read_condition(features), "conditions", least=1), ()),
        )
        fields.close()
        return limit

    return read


def _overrides(whom: Directory) -> Reader[Overrides]:
    def read(node: Node, problems: Problems) -> Overrides:
        fields = Fields(node, problems, "overrides")
        overrides = Overrides(
            by=fields.need("by", names(whom, lenient=False), ()),
            outcomes=fields.take("outcomes", listing(label, "outcomes", least=1), ()),
            within=fields.take("within", duration, _NO_COUNT),
            per_day=fields.take("per_day", integer(), _NO_COUNT),
        )
        fields.close()
        return overrides

    return read


# --- outcome -----------------------------------------------------------------------------------------------------


def _outcome(outputs: Mapping[str, Output]) -> Reader[Outcome]:
    def read(node: Node, problems: Problems) -> Outcome | None:
        fields = Fields(node, problems, "the outcome")
        name = fields.need("output", output_name, "")
        output = outputs.get(name)
        labelled = output is not None and output.type == "label"
        outcome = Outcome(
            output=name,
            threshold=fields.take("threshold", number, _NO_NUMBER),
            at_or_above=fields.take("at_or_above", label, ""),
            below=fields.take("below", label, ""),
            abstain=None if labelled else fields.take("abstain", _band, _NO_BAND),
            abstain_labels=fields.take("abstain", listing(label, "labels"), ()) if labelled else (),
        )
        fields.close()
        if name and output is None:
            unknown(name, "output", outputs, fields.place("output"), problems)
        if output is not None:
            _check_outcome(fields, outcome, output, problems)
        return outcome

    return read


def _check_outcome(fields: Fields, outcome: Outcome, output: Output, problems: Problems) -> None:
    mine = ("threshold", "at_or_above", "below")
    if output.type == "label":
        for name in mine:
            if fields.has(name):
                problems.add(fields.place(name), f"{name} on a label, which is the outcome itself")
        for one in sorted(set(outcome.abstain_labels) - set(output.labels)):
            expected = f"one of {', '.join(output.labels)}"
            problems.add(fields.place("abstain"), f"{short(one)} is no label, expected {expected}")
        return
    if output.labels:
        problems.add(
            fields.place("output"), f"{short(output.name)} is a vector, expected a number or a label"
        )
    for name in mine:
        if not fields.has(name):
            problems.add(fields.mark, f"the outcome says no {name!r}, expected {name}: …")
    if outcome.below and outcome.at_or_above == outcome.below:
        problems.add(fields.place("below"), "the same outcome on both sides, expected two")


def _band(node: Node, problems: Problems) -> tuple[Number, Number] | None:
    expected = "an interval such as [0.48, 0.52]"
    if not isinstance(node, Listing) or len(node.items) != 2:
        problems.add(node.mark, f"not two numbers, expected {expected}")
        return None
    low, high = (number(one, problems) for one in node.items)
    if low is None or high is None:
        return None
    if low > high:
        problems.add(node.mark, f"[{low}, {high}] is empty, expected {expected}")
        return None
    return low, high
