"""What a manifest says about a model's features and outputs, and about conditions and values on them."""

from collections.abc import Callable, Mapping
from typing import Final, Literal

from standwatch.declare.schema import (
    Fields,
    Reader,
    boolean,
    choice,
    duration,
    listing,
    number,
    parse_number,
    shaped,
    short,
    text,
    value,
)
from standwatch.declare.text import Mapping as Members
from standwatch.declare.text import Mark, Node, Problems, Scalar
from standwatch.facts.configuration import Number
from standwatch.facts.models import Actionable, Condition, Feature, FeatureType, Output, OutputType
from standwatch.facts.models import Scalar as Value

NUMERIC: Final = ("number", "integer")

feature_name: Final = shaped(r"[^\x00-\x1f\x7f]{1,128}", "a feature's name")
output_name: Final = shaped(r"[^\x00-\x1f\x7f]{1,128}", "an output's name")
label: Final = text("a label", 200)
_feature_type: Reader[FeatureType] = choice("number", "integer", "category", "boolean", "text")
_output_type: Reader[OutputType] = choice("probability", "score", "number", "label")
_direction: Reader[Literal["up", "down", "any"]] = choice("up", "down", "any")
_NO_NUMBER: Number | None = None
_NO_VALUES: tuple[Value, ...] | None = None
_NO_SECONDS: int | None = None


def read_feature(name: str, node: Node, problems: Problems) -> Feature | None:
    """The input `name` that `node` declares."""
    fields = Fields(node, problems, f"the input {short(name)}")
    feature = Feature(
        name=name,
        type=fields.take("type", _feature_type, "number"),
        unit=fields.take("unit", text("a unit", 60), ""),
        min=fields.take("min", number, _NO_NUMBER),
        max=fields.take("max", number, _NO_NUMBER),
        one_of=fields.take("one_of", values, _NO_VALUES),
        missing=fields.take("missing", boolean, False),
        fresh=fields.take("fresh", duration, _NO_SECONDS),
        actionable=fields.take("actionable", _actionable, _NOBODY),
        words=fields.take("words", text("what the person concerned calls it", 200), ""),
    )
    fields.close()
    _check_bounds(fields, feature.min, feature.max, problems)
    _only_numbers(fields, feature.type, problems)
    if feature.type == "boolean" and feature.one_of is not None:
        problems.add(fields.place("one_of"), "one_of on a boolean, expected it to be true or false")
    for one in feature.one_of or ():
        if feature.type != "boolean" and not fits(feature, one):
            problems.add(fields.place("one_of"), f"{_shown(one)}, expected {wanted(feature)}")
    if feature.actionable and feature.type not in NUMERIC and feature.actionable != Actionable():
        problems.add(
            fields.place("actionable"),
            f"a direction or bounds on a {feature.type}, expected actionable: {{}} or a number",
        )
    return feature


_NOBODY: Actionable | None = None


def values(node: Node, problems: Problems) -> tuple[Value, ...] | None:
    """`one_of`: values, each once."""
    return listing(value, "values", least=1)(node, problems)


def _actionable(node: Node, problems: Problems) -> Actionable:
    fields = Fields(node, problems, "actionable")
    found = Actionable(
        direction=fields.take("direction", _direction, "any"),
        min=fields.take("min", number, _NO_NUMBER),
        max=fields.take("max", number, _NO_NUMBER),
        step=fields.take("step", number, _NO_NUMBER),
    )
    fields.close()
    _check_bounds(fields, found.min, found.max, problems)
    if found.step is not None and found.step <= 0:
        problems.add(fields.place("step"), f"{found.step}, expected a step above 0")
    return found


def read_output(name: str, node: Node, problems: Problems) -> Output | None:
    """The output `name` that `node` declares."""
    fields = Fields(node, problems, f"the output {short(name)}")
    output = Output(
        name=name,
        type=fields.take("type", _output_type, "number"),
        min=fields.take("min", number, _NO_NUMBER),
        max=fields.take("max", number, _NO_NUMBER),
        polarity=fields.take("polarity", text("what a higher value means", 200), ""),
        unit=fields.take("unit", text("a unit", 60), ""),
        labels=fields.take("labels", listing(label, "labels"), ()),
    )
    fields.close()
    _check_bounds(fields, output.min, output.max, problems)
    for name_ in ("min", "max"):
        bound = getattr(output, name_)
        if output.type == "label" and bound is not None:
            problems.add(fields.place(name_), f"{name_} on a label, expected it on numbers only")
        elif output.type == "probability" and bound is not None and not 0 <= bound <= 1:
            problems.add(fields.place(name_), f"{bound}, expected a probability between 0 and 1")
    if output.type == "label" and not output.labels:
        problems.add(fields.mark, f"the label {short(name)} says no 'labels', expected labels: […]")
    return output


def _check_bounds(fields: Fields, low: Number | None, high: Number | None, problems: Problems) -> None:
    if low is not None and high is not None and low > high:
        problems.add(fields.place("max"), f"max {high} is below min {low}, expected at least {low}")


def _only_numbers(fields: Fields, kind: FeatureType, problems: Problems) -> None:
    for name in ("min", "max"):
        if fields.has(name) and kind not in NUMERIC:
            problems.add(fields.place(name), f"{name} on a {kind}, expected it on numbers and integers only")


def fits(feature: Feature, given: Value) -> bool:
    """Whether `given` is of the type of `feature`. Its bounds do not count here."""
    match feature.type:
        case "number":
            return type(given) in (int, float)
        case "integer":
            return type(given) is int
        case "boolean":
            return type(given) is bool
        case "text":
            return type(given) is str
        case "category":
            return type(given) in (str, int)


def _shown(given: Value) -> str:
    return str(given).lower() if isinstance(given, bool) else short(str(given))


def wanted(feature: Feature) -> str:
    """What a value of `feature` looks like, for a message."""
    shapes = {
        "number": "a number",
        "integer": "a whole number",
        "boolean": "true or false",
        "text": "text (quoted, where it looks like a number)",
        "category": "a category: text or a whole number",
    }
    return f"{shapes[feature.type]}, as {feature.name} is"


def read_condition(features: Mapping[str, Feature]) -> Reader[Condition]:
    """A reader of one condition on a declared feature."""

    def read(node: Node, problems: Problems) -> Condition | None:
        fields = Fields(node, problems, "a condition")
        condition = Condition(
            feature=fields.need("feature", feature_name, ""),
            min=fields.take("min", number, _NO_NUMBER),
            max=fields.take("max", number, _NO_NUMBER),
            one_of=fields.take("one_of", values, _NO_VALUES),
            missing=fields.take("missing", boolean, _NO_ANSWER),
        )
        fields.close()
        _check_bounds(fields, condition.min, condition.max, problems)
        if condition.feature and not any(fields.has(one) for one in ("min", "max", "one_of", "missing")):
            problems.add(fields.mark, "a condition that says nothing, expected min, max, one_of or missing")
        if condition.feature:
            _check_condition(fields, condition, features, problems)
        return condition

    return read


_NO_ANSWER: bool | None = None


def _check_condition(
    fields: Fields, condition: Condition, features: Mapping[str, Feature], problems: Problems
) -> None:
    feature = features.get(condition.feature)
    if feature is None:
        unknown(condition.feature, "input", features, fields.place("feature"), problems)
        return
    _only_numbers(fields, feature.type, problems)
    for one in condition.one_of or ():
        if not fits(feature, one):
            problems.add(fields.place("one_of"), f"{_shown(one)}, expected {wanted(feature)}")
    if condition.missing and fields.has("one_of") | fields.has("min") | fields.has("max"):
        problems.add(fields.place("missing"), "missing beside a value, expected one or the other")


def unknown(name: str, what: str, known: Mapping[str, object], mark: Mark, problems: Problems) -> None:
    """Say that `name` is none of the declared ones."""
    listed = f"one of {', '.join(list(known)[:12])}" if known else f"an {what} that is declared"
    problems.add(mark, f"{short(name)} is no declared {what}, expected {listed}")


def given_outputs(outputs: Mapping[str, Output]) -> Callable[[Node, Problems], dict[str, Value] | None]:
    """A reader of values for all outputs, as a constant or a rule gives them."""

    def read(node: Node, problems: Problems) -> dict[str, Value] | None:
        if not isinstance(node, Members):
            problems.add(node.mark, "not a mapping, expected a value for each output as a mapping")
            return None
        found: dict[str, Value] = {}
        for name, member in node.members.items():
            output = outputs.get(name)
            if output is None:
                unknown(name, "output", outputs, member.mark, problems)
                continue
            one = _given(output, member.value, problems)
            if one is not None:
                found[name] = one
        for name in outputs:
            if name not in node.members:
                problems.add(node.mark, f"nothing for the output {short(name)}, expected a value for each")
        return found

    return read


def _given(output: Output, node: Node, problems: Problems) -> Value | None:
    if output.type != "label" and output.labels:
        problems.add(node.mark, f"{short(output.name)} is a vector, expected a fallback that gives no values")
        return None
    if output.type == "label":
        if isinstance(node, Scalar) and node.text in output.labels:
            return node.text
        problems.add(node.mark, f"{_written(node)}, expected one of {', '.join(output.labels)}")
        return None
    found = parse_number(node.text) if isinstance(node, Scalar) and node.plain else None
    low, high = bounds(output)
    if found is None or (low is not None and found < low) or (high is not None and found > high):
        said = "a number" if low is None and high is None else f"a number from {low} to {high}"
        problems.add(node.mark, f"{_written(node)}, expected {said}")
        return None
    return found


def bounds(output: Output) -> tuple[Number | None, Number | None]:
    """The least and the most that `output` may be: a probability needs no saying."""
    if output.type != "probability":
        return output.min, output.max
    return 0 if output.min is None else output.min, 1 if output.max is None else output.max


def _written(node: Node) -> str:
    return short(node.text) if isinstance(node, Scalar) else "no single value"
