"""The validated range: each code, its reason, and the compiled form against an oracle that is written out plainly."""

import math
from typing import Any, Literal

import msgspec
import pytest
from hypothesis import event, given, settings
from hypothesis import strategies as st

from standwatch.enforce.validity import compile_validity, holds
from standwatch.facts.models import Condition, Feature, FeatureType, KnownLimit, Learned, Model

INPUTS = (
    Feature("income", unit="USD/month", min=0, max=100_000),
    Feature("age", type="integer", min=18, missing=True),
    Feature("state", type="category", one_of=("MA", "NH", 3)),
    Feature("owner", type="boolean", missing=True),
    Feature("note", type="text"),
    Feature("rate", one_of=(1, 2.5)),
)
LIMITS = (
    KnownLimit("prose only"),
    KnownLimit("few young owners", (Condition("age", max=20), Condition("owner", one_of=(True,)))),
    KnownLimit("owners must be known", (Condition("owner", missing=True),)),
)
LEARNED = Learned(
    features=("state", "income", "age"),
    kinds=("category", "number", "number"),
    low=(0.0, 100.0, 20.0),
    high=(0.0, 9000.0, 80.0),
    edges=((), (500.0, 2000.0), (40.0,)),
    values=(("MA", 3), (), ()),
    tree=(-1, 0, 1),
    surprise=(
        ((0.5, 2.0, 9.0),),
        ((1.0, 0.5, 2.0, 9.0), (3.0, 3.0, 0.1, 9.0), (1.0, 1.0, 1.0, 1.0)),
        ((0.2, 0.4, 9.0),) * 4,
    ),
    threshold=5.0,
    alarm=0.01,
    rows=500,
)
MODEL = Model("scorer", inputs=INPUTS, known_limits=LIMITS, learned=LEARNED)
GOOD = (1000.0, 30, "MA", False, "x", 1)
CHECK = compile_validity(MODEL)


def with_(**values: Any) -> tuple[Any, ...]:
    return tuple(values.get(one.name, old) for one, old in zip(INPUTS, GOOD, strict=True))


@pytest.mark.parametrize(
    ("row", "code", "said"),
    [
        (GOOD, "", ""),
        (with_(age=30.0), "", ""),
        (with_(rate=2.5), "", ""),
        (with_(rate=1.0), "", ""),
        (with_(income="1000"), "wrong_type", "income: not a number"),
        (with_(income=True), "wrong_type", "income: not a number"),
        (with_(income=[1.0]), "wrong_type", "income: not a number"),
        (with_(income=math.nan), "wrong_type", "income: not a finite number"),
        (with_(income=math.inf), "wrong_type", "income: not a finite number"),
        (with_(income=10**400), "out_of_bounds", "income: above its maximum of 100000 USD/month"),
        (with_(age=30.5), "wrong_type", "age: not a whole number"),
        (with_(owner=1), "wrong_type", "owner: not true or false"),
        (with_(note=3), "wrong_type", "note: not text"),
        (with_(state={"a": 1}), "wrong_type", "state: not a category"),
        (with_(state=3.0), "wrong_type", "state: not a category"),
        (GOOD[:-1], "wrong_type", "5 values, expected 6"),
        ((), "wrong_type", "0 values, expected 6"),
        (with_(income=None), "missing", "income: missing"),
        (with_(income=-1), "out_of_bounds", "income: below its minimum of 0 USD/month"),
        (with_(age=17), "out_of_bounds", "age: below its minimum of 18"),
        (with_(state="NY"), "unknown_category", "state: none of the 3 declared values"),
        (with_(state="ma"), "unknown_category", "state: none of"),
        (with_(rate=2), "unknown_category", "rate: none of the 2"),
        (with_(age=19, owner=True), "known_limit", "few young owners"),
        (with_(owner=None), "known_limit", "owners must be known"),
        (with_(age=19), "outside_learned", "age: below what the reference data have (20)"),
        (with_(income=9001), "outside_learned", "income: above what the reference data have (9000)"),
        (with_(state="NH"), "outside_learned", "state: a category that the reference data do not have"),
        (with_(state=3), "atypical", "surprise 5.20, at most 5.00); least expected: income, state, age"),
        (with_(age=None), "atypical", "least expected: age"),
    ],
)
def test_each_code_and_its_reason(row: Any, code: str, said: str) -> None:
    found = CHECK.check(row)
    assert found[0] == code
    assert said in found[1]
    assert bool(found[0]) == bool(found[1])


def test_a_batch_is_its_rows() -> None:
    rows = [GOOD, with_(income=-1), GOOD, with_(age=19, owner=True)]
    assert CHECK.check_all(rows) == [CHECK.check(row) for row in rows]
    assert [code for code, _ in CHECK.check_all(rows)] == ["", "out_of_bounds", "", "known_limit"]


def test_a_reason_never_repeats_the_value() -> None:
    for row in (with_(income=77777777), with_(state="Karl"), with_(note=5555), with_(income="6666")):
        reason = CHECK.check(row)[1]
        assert not any(part in reason for part in ("77777777", "Karl", "5555", "6666"))


def test_the_surprise_is_the_sum_of_the_tables() -> None:
    assert CHECK.surprise(GOOD) == pytest.approx(0.5 + 0.5 + 0.2)
    assert CHECK.surprise(with_(income=500.0)) == pytest.approx(0.5 + 1.0 + 0.2), (
        "an edge is in the bin below it"
    )
    with pytest.raises(ValueError, match="outside"):
        CHECK.surprise(with_(income=-1))


def test_a_model_without_limits_takes_what_has_the_type() -> None:
    free = compile_validity(Model("m", inputs=(Feature("a"), Feature("b", type="category"))))
    assert free.check((-1e308, "anything")) == ("", "")
    assert free.check((10**400, "x"))[0] == "out_of_bounds"
    assert free.check((None, "x"))[0] == "missing"


@pytest.mark.parametrize(
    ("condition", "value", "met"),
    [
        (Condition("x", min=1, max=2), 1, True),
        (Condition("x", min=1, max=2), 2.1, False),
        (Condition("x", min=1), True, False),
        (Condition("x", min=1), "5", False),
        (Condition("x", min=1), math.nan, False),
        (Condition("x", min=1), None, False),
        (Condition("x", min=1), 10**400, True),
        (Condition("x", one_of=(1, "a")), 1.0, True),
        (Condition("x", one_of=(1, "a")), True, False),
        (Condition("x", one_of=(1, "a")), ["a"], False),
        (Condition("x", missing=True), None, True),
        (Condition("x", missing=True), 0, False),
        (Condition("x", missing=False), 0, True),
        (Condition("x", missing=False), None, False),
        (Condition("y", missing=True), 0, True),
    ],
)
def test_when_a_condition_holds(condition: Condition, value: object, met: bool) -> None:
    assert holds(condition, {"x": value}) is met


# --- the compiled form against an oracle --------------------------------------------------------------------------

VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-3, 3),
    st.sampled_from([0.5, 1.0, -0.0, 2.5, math.nan, math.inf, -math.inf, 1e308, 10**400, -(10**400)]),
    st.sampled_from(["a", "b", "", "1"]),
    st.sampled_from([[], {}, b"a"]),
)
BOUND = st.sampled_from([None, -2, 0, 0.5, 2])


@st.composite
def features(draw: st.DrawFn, name: str) -> Feature:
    kind: FeatureType = draw(st.sampled_from(["number", "integer", "category", "boolean", "text"]))
    numeric = kind in ("number", "integer")
    choices = {"number": (1, 2.5), "integer": (1, 2), "category": ("a", 1), "text": ("a", "")}
    return Feature(
        name,
        type=kind,
        min=draw(BOUND) if numeric else None,
        max=draw(BOUND) if numeric else None,
        one_of=draw(st.sampled_from([None, choices.get(kind)])),
        missing=draw(st.booleans()),
    )


@st.composite
def models(draw: st.DrawFn) -> Model:
    inputs = tuple(draw(features(name)) for name in "xyz")
    known = [one for one in inputs if draw(st.booleans())]
    learned = None
    if known:
        kinds: tuple[Literal["number", "category"], ...] = tuple(
            "number" if one.type in ("number", "integer") else "category" for one in known
        )
        edges = tuple((0.0, 1.5) if kind == "number" else () for kind in kinds)
        values = tuple(
            () if one.type in ("number", "integer") else (False,) if one.type == "boolean" else ("a", "b")
            for one in known
        )
        sizes = [4 if kind == "number" else len(value) + 1 for kind, value in zip(kinds, values, strict=True)]
        tree = tuple(draw(st.integers(-1, index - 1)) for index in range(len(known)))
        number = st.sampled_from([0.0, 1.0, 4.0])
        surprise = tuple(
            tuple(
                tuple(draw(number) for _ in range(size)) for _ in range(sizes[parent] if parent >= 0 else 1)
            )
            for size, parent in zip(sizes, tree, strict=True)
        )
        learned = Learned(
            tuple(one.name for one in known),
            kinds,
            (-2.0,) * len(known),
            (2.5,) * len(known),
            edges,
            values,
            tree,
            surprise,
            draw(st.sampled_from([0.0, 3.0, 9.0])),
            0.1,
            10,
        )
    condition = st.builds(
        Condition,
        st.sampled_from("xyz"),
        min=BOUND,
        max=BOUND,
        one_of=st.sampled_from([None, (1, "a")]),
        missing=st.sampled_from([None, True, False]),
    )
    limits = st.builds(KnownLimit, st.just("known"), st.lists(condition, max_size=2).map(tuple))
    return Model("m", inputs=inputs, learned=learned, known_limits=tuple(draw(st.lists(limits, max_size=2))))


def plainly(model: Model, row: tuple[Any, ...]) -> str:
    """The code, said as the documentation says it."""
    for feature, value in zip(model.inputs, row, strict=True):
        if value is None:
            if not feature.missing:
                return "missing"
            continue
        if feature.type in ("number", "integer"):
            if type(value) not in (int, float) or value != value or value in (math.inf, -math.inf):
                return "wrong_type"
            if feature.type == "integer" and value != value // 1:
                return "wrong_type"
            if (feature.min is not None and value < feature.min) or (
                feature.max is not None and value > feature.max
            ):
                return "out_of_bounds"
            if abs(value) > 1.7976931348623157e308:
                return "out_of_bounds"
        else:
            wanted = {"category": (str, int), "boolean": (bool,), "text": (str,)}[feature.type]
            if type(value) not in wanted:
                return "wrong_type"
        if feature.one_of is not None and value not in feature.one_of:
            return "unknown_category"
    named = dict(zip("xyz", row, strict=True))
    if any(limit.when and all(holds(one, named) for one in limit.when) for limit in model.known_limits):
        return "known_limit"
    learned = model.learned
    if learned is None:
        return ""
    bins: list[int] = []
    for index, name in enumerate(learned.features):
        value, edges, values = named[name], learned.edges[index], learned.values[index]
        if learned.kinds[index] == "number":
            if value is not None and not learned.low[index] <= value <= learned.high[index]:
                return "outside_learned"
            bins.append(len(edges) + 1 if value is None else sum(edge < value for edge in edges))
        else:
            if value is not None and value not in values:
                return "outside_learned"
            bins.append(len(values) if value is None else values.index(value))
    total = sum(
        learned.surprise[index][bins[parent] if parent >= 0 else 0][bins[index]]
        for index, parent in enumerate(learned.tree)
    )
    return "atypical" if total > learned.threshold else ""


@settings(max_examples=600, deadline=None)
@given(models(), st.tuples(VALUES, VALUES, VALUES))
def test_compiled_and_plain_agree(model: Model, row: tuple[Any, ...]) -> None:
    code, reason = compile_validity(model).check(row)
    event(code or "inside")
    assert code == plainly(model, row), reason


def test_the_range_survives_its_own_file() -> None:
    again = msgspec.json.decode(msgspec.json.encode(MODEL), type=Model)
    assert again == MODEL
    assert compile_validity(again).check(GOOD) == ("", "")
