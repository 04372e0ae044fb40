"""Narrowing is an order that means something: what it calls narrower admits nothing that was not admitted before."""

from __future__ import annotations

from collections.abc import Callable
from fnmatch import fnmatchcase
from typing import Any

import msgspec
import pytest
import re2
from hypothesis import assume, event, given, settings
from hypothesis import strategies as st

from standwatch.declare.narrowing import compare
from standwatch.enforce.validity import compile_validity
from standwatch.facts.configuration import (
    ArgumentRule,
    Component,
    Configuration,
    Freeze,
    Limits,
    Listener,
    Lock,
    Manifest,
    Organisation,
    Person,
    Policy,
    RedLine,
    System,
    Tool,
)
from standwatch.facts.environments import Environment
from standwatch.facts.models import (
    Condition,
    Fallback,
    Feature,
    KnownLimit,
    Learned,
    Model,
    Output,
    Overrides,
    Version,
)
from standwatch.facts.rules import Sequence

HERE = Listener("127.0.0.1", 1)
EFFECTS = st.sampled_from(["read", "write", "irreversible"])
NUMBER = st.sampled_from([None, 0, 1, 1.5, 2])
OTHERWISE = st.sampled_from(["step_up", "deny"])
SOURCES = ("task", "trusted", "untrusted", "model")
VALUES = [0, 1, 1.0, 1.5, 2, 3, True, "x", "xx", "y", [], ["x"], ["xx", "y"], {}, None]


def some(*members: Any, least: int = 0) -> st.SearchStrategy[tuple[Any, ...]]:
    return st.lists(st.sampled_from(members), min_size=least, max_size=3, unique_by=repr).map(tuple)


def or_none(strategy: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.none() | strategy


RULES: dict[str, st.SearchStrategy[Any]] = {
    "sources": some("task", "trusted", "untrusted", "model"),
    "min": NUMBER,
    "max": NUMBER,
    "one_of": or_none(some(0, 1, 1.0, True, "x", "y", least=1)),
    "pattern": st.sampled_from([None, "x", "x+", "x|y"]),
    "max_length": st.sampled_from([None, 0, 1, 2]),
    "each_of": or_none(some("x", "x*", "y")),
    "required": st.booleans(),
    "otherwise": or_none(OTHERWISE),
    "carries": some(*SOURCES),
    "urls": st.sampled_from(["", "any", "read", "none"]),
    "secrets": st.sampled_from(["", "any", "step_up", "deny"]),
}
RULE = st.builds(ArgumentRule, **RULES) | st.just(ArgumentRule())
TOOLS: dict[str, st.SearchStrategy[Any]] = {
    "effect": EFFECTS,
    "arguments": st.dictionaries(st.sampled_from("abc"), RULE, max_size=2),
    "only_declared": st.booleans(),
    "intent": some("pay", "send"),
    "per_run": st.sampled_from([None, 0, 1]),
    "per_task": st.sampled_from([None, 1, 2]),
    "after_untrusted": st.sampled_from(["", "step_up", "deny"]),
    "unruled": st.sampled_from(["any", "ask", "deny"]),
    "otherwise": OTHERWISE,
    "trusted": some("$.a", "$.b"),
    "timeout": st.sampled_from([None, 1, 2]),
}
TOOL = st.builds(Tool, name=st.just("s.t"), **TOOLS)
FEATURES: dict[str, st.SearchStrategy[Any]] = {
    "min": NUMBER,
    "max": NUMBER,
    "missing": st.booleans(),
    "fresh": st.sampled_from([None, 60, 90]),
}
CATEGORIES: dict[str, st.SearchStrategy[Any]] = {
    "one_of": or_none(some("x", "y", "xx", least=1)),
    "missing": st.booleans(),
}
CONDITION = st.builds(Condition, st.just("a"), min=NUMBER, max=NUMBER) | st.builds(
    Condition, st.just("c"), one_of=or_none(some("x", "y", least=1)), missing=st.booleans() | st.none()
)
LEARNED = Learned(
    features=("a",),
    kinds=("number",),
    low=(0.0,),
    high=(1.5,),
    edges=((1.0,),),
    values=((),),
    tree=(-1,),
    surprise=(((0.5, 1.0, 9.0),),),
    threshold=0.75,
    alarm=0.1,
    rows=50,
)
MODELS: dict[str, st.SearchStrategy[Any]] = {
    "versions": st.dictionaries(
        st.sampled_from("12"), st.builds(Version, st.just("1"), url=st.sampled_from("ab"))
    ),
    "deadline_ms": st.sampled_from([100, 200]),
    "inputs": st.tuples(
        st.builds(Feature, st.just("a"), **FEATURES),
        st.builds(Feature, st.just("c"), type=st.just("category"), **CATEGORIES),
    ),
    "outputs": st.tuples(st.builds(Output, st.just("p"), min=NUMBER, max=NUMBER)),
    "known_limits": st.lists(
        st.builds(KnownLimit, st.sampled_from(["l", "m"]), st.lists(CONDITION, max_size=2).map(tuple)),
        max_size=2,
        unique=True,
    ).map(tuple),
    "fallback": st.sampled_from(
        [
            Fallback(),
            Fallback("refer-to-human"),
            Fallback("previous"),
            Fallback("constant", {"p": 1}),
            Fallback("constant", {"p": 0}),
        ]
    ),
    "learned": st.sampled_from(
        [
            None,
            LEARNED,
            msgspec.structs.replace(LEARNED, threshold=2.0),
            msgspec.structs.replace(LEARNED, data="x"),
        ]
    ),
    "overrides": st.builds(
        Overrides, by=some("p", "q"), outcomes=some("o", "u"), within=st.sampled_from([None, 60, 90])
    ),
}
MODEL = st.builds(Model, component=st.just("m"), **MODELS)
MANIFESTS: dict[str, st.SearchStrategy[Any]] = {
    "owner": some("p", "q"),
    "validator": some("p", "q"),
    "reversibility": st.sampled_from(["reversible", "costly", "irreversible"]),
    "people_per_week": st.integers(0, 2),
    "critical_infrastructure": st.booleans(),
    "data_subjects": some(("argument", "a"), ("input", "b")),
    "components": some(
        Component("mcp_server", "s", url="http://s"),
        Component("mcp_server", "s", url="http://s", resources=("a:*",)),
        Component("llm", "m"),
    ).map(lambda found: tuple({one.name: one for one in found}.values())),
    "tools": st.dictionaries(st.sampled_from(["s.t", "s.u"]), TOOL, max_size=2).map(
        lambda tools: {name: msgspec.structs.replace(tool, name=name) for name, tool in tools.items()}
    ),
    "limits": st.builds(
        Limits,
        calls_per_run=st.sampled_from([None, 1, 2]),
        per_day=st.dictionaries(st.sampled_from(["calls", "s.t"]), st.integers(0, 2), max_size=2),
    ),
    "sequences": some(
        Sequence(("s.t",), ("s.u",)),
        Sequence(("s.*",), ("s.u",)),
        Sequence(("s.t",), ("s.u",), otherwise="step_up"),
    ),
    "freeze": st.lists(
        st.builds(
            Freeze,
            begin=st.integers(0, 2),
            until=st.integers(3, 5),
            effects=some("read", "write", least=1),
            environments=some("e", "f"),
        ),
        max_size=2,
    ).map(tuple),
    "environments": st.dictionaries(
        st.sampled_from(["e", "f"]),
        st.builds(
            Environment,
            hosts=some("a", "b"),
            branches=some("m", "n"),
            effects=st.dictionaries(
                st.sampled_from(["write", "irreversible"]), st.sampled_from(["step_up", "deny"])
            ),
        ),
        max_size=2,
    ),
    "models": st.dictionaries(st.just("m"), MODEL, max_size=1),
    "fallback": st.sampled_from(["refuse", "refer-to-human", "previous", "constant"]),
    "approval_seconds": st.sampled_from([None, 60, 1200]),
    "observe_until": st.integers(0, 2),
}
MANIFEST = st.builds(
    Manifest, system=st.just("x"), purpose=st.just("p"), halt_authority=st.just(()), **MANIFESTS
)
FORBIDS = [f'forbid (principal, action == Action::"{effect}", resource);' for effect in ("read", "write")]
CONFIGURATIONS: dict[str, st.SearchStrategy[Any]] = {
    "development": st.booleans(),
    "people": some(Person("p", "p@x.example"), Person("q", "q@x.example", roles=("admin",))),
    "groups": st.dictionaries(st.just("g"), some("p", "q"), max_size=1),
    "red_lines": some(RedLine("a", tools=("*",)), RedLine("b", tools=("*",)), RedLine("c", systems=("x",))),
    "approval_seconds": st.sampled_from([60, 900]),
}


@st.composite
def configurations(draw: st.DrawFn) -> Configuration:
    organisation = Organisation(
        name="o",
        origin="o",
        public_url="http://o",
        agents=HERE,
        operators=HERE,
        **{name: draw(strategy) for name, strategy in CONFIGURATIONS.items()},
    )
    systems: dict[str, System] = {}
    for name in draw(some("x", "y")):
        digest = st.sampled_from(["1", "2"])
        lock = Lock(
            draw(st.dictionaries(st.sampled_from(["s.t"]), digest)),
            draw(st.dictionaries(st.just("s"), digest)),
        )
        systems[name] = System(draw(MANIFEST), lock, "")
    policies = tuple(Policy(f"f{index}", text) for index, text in enumerate(draw(some(*FORBIDS))))
    return Configuration(organisation, systems, policies, "")


def nearby(draw: st.DrawFn, one: Configuration) -> Configuration:
    """`one` with a few members drawn again, so that many pairs can be ranked."""
    found = one
    for _ in range(draw(st.integers(1, 2))):
        if not found.systems or draw(st.booleans()):
            name = draw(st.sampled_from(sorted(CONFIGURATIONS)))
            changed = msgspec.structs.replace(found.organisation, **{name: draw(CONFIGURATIONS[name])})
            found = msgspec.structs.replace(found, organisation=changed)
            continue
        key = draw(st.sampled_from(sorted(found.systems)))
        system = found.systems[key]
        name = draw(st.sampled_from(sorted(MANIFESTS)))
        manifest = msgspec.structs.replace(system.manifest, **{name: draw(MANIFESTS[name])})
        if draw(st.booleans()) and manifest.tools:
            tool = draw(st.sampled_from(sorted(manifest.tools)))
            tools = {**manifest.tools, tool: near_tool(draw, manifest.tools[tool])}
            manifest = msgspec.structs.replace(system.manifest, tools=tools)
        elif manifest.models:
            models = {name: near_model(draw, one) for name, one in manifest.models.items()}
            manifest = msgspec.structs.replace(system.manifest, models=models)
        found = msgspec.structs.replace(
            found, systems={**found.systems, key: msgspec.structs.replace(system, manifest=manifest)}
        )
    return found


def near_model(draw: st.DrawFn, model: Model) -> Model:
    """`model` with a member, or a member of one of its inputs, drawn again."""
    if draw(st.booleans()):
        name = draw(st.sampled_from(sorted(MODELS)))
        return msgspec.structs.replace(model, **{name: draw(MODELS[name])})
    at = draw(st.integers(0, 1))
    members = (FEATURES, CATEGORIES)[at]
    name = draw(st.sampled_from(sorted(members)))
    changed = msgspec.structs.replace(model.inputs[at], **{name: draw(members[name])})
    inputs = (changed, model.inputs[1]) if at == 0 else (model.inputs[0], changed)
    return msgspec.structs.replace(model, inputs=inputs)


@st.composite
def model_pairs(draw: st.DrawFn) -> tuple[Model, Model]:
    first = draw(MODEL)
    return first, near_model(draw, first)


def near_tool(draw: st.DrawFn, tool: Tool) -> Tool:
    """`tool` with one or two members, or members of one argument's rule, drawn again."""
    found = tool
    for _ in range(draw(st.integers(1, 2))):
        if found.arguments and draw(st.booleans()):
            argument = draw(st.sampled_from(sorted(found.arguments)))
            name = draw(st.sampled_from(sorted(RULES)))
            rule = msgspec.structs.replace(found.arguments[argument], **{name: draw(RULES[name])})
            found = msgspec.structs.replace(found, arguments={**found.arguments, argument: rule})
        else:
            name = draw(st.sampled_from(sorted(TOOLS)))
            found = msgspec.structs.replace(found, **{name: draw(TOOLS[name])})
    return found


@st.composite
def chains(draw: st.DrawFn) -> tuple[Configuration, Configuration, Configuration]:
    first = draw(configurations())
    second = nearby(draw, first)
    return first, second, nearby(draw, second)


@st.composite
def tool_pairs(draw: st.DrawFn) -> tuple[Tool, Tool]:
    first = draw(TOOL)
    return first, near_tool(draw, first)


@st.composite
def rule_pairs(draw: st.DrawFn) -> tuple[Tool, Tool]:
    """Two tools that differ in one member of one rule."""
    rule = draw(RULE)
    name = draw(st.sampled_from(sorted(RULES)))
    other = msgspec.structs.replace(rule, **{name: draw(RULES[name])})
    otherwise = draw(OTHERWISE)
    return (
        Tool("s.t", "read", {"a": rule}, otherwise=otherwise),
        Tool("s.t", "read", {"a": other}, otherwise=otherwise),
    )


@st.composite
def dropped_rules(draw: st.DrawFn) -> tuple[Tool, Tool]:
    """A tool, and the same without its one rule, perhaps with undeclared arguments refused."""
    otherwise = draw(OTHERWISE)
    tools = [
        Tool("s.t", "read", rules, only_declared=draw(st.booleans()), otherwise=otherwise)
        for rules in ({"a": draw(RULE)}, {})
    ]
    old, new = draw(st.permutations(tools))
    return old, new


@st.composite
def choices(draw: st.DrawFn) -> tuple[Tool, Tool]:
    """Two tools that differ in `one_of`, with values that Python takes for equal."""
    values = some(1, 1.0, True, least=1)
    rules = [{"a": ArgumentRule(one_of=draw(values))} for _ in range(2)]
    return Tool("s.t", "read", rules[0]), Tool("s.t", "read", rules[1])


def of_manifest(manifest: Manifest) -> Configuration:
    organisation = Organisation("o", "o", "http://o", HERE, HERE)
    return Configuration(organisation, {"x": System(manifest, Lock(), "")}, (), "")


def of_tool(tool: Tool) -> Configuration:
    return of_manifest(Manifest("x", "", (), (), (), tools={tool.name: tool}))


def of_freezes(freezes: tuple[Freeze, ...]) -> Configuration:
    return of_manifest(Manifest("x", "", (), (), (), freeze=freezes))


ALLOW, ASK, DENY = 0, 1, 2


def outcome(tool: Tool, arguments: dict[str, Any], source: str) -> int:
    """A tiny oracle of static bounds and provenance: the worst of what `tool` says to `arguments` from `source`."""
    weight: Callable[[str | None], int] = lambda said: ASK if (said or tool.otherwise) == "step_up" else DENY  # noqa: E731
    worst = ALLOW
    if tool.only_declared and set(arguments) - set(tool.arguments):
        worst = weight(None)
    for name, rule in tool.arguments.items():
        if (name not in arguments and rule.required) or (
            name in arguments and breaks(rule, arguments[name], source)
        ):
            worst = max(worst, weight(rule.otherwise))
    return worst


def breaks(rule: ArgumentRule, value: Any, source: str) -> bool:
    number = type(value) in (int, float)
    return (
        (rule.min is not None and not (number and value >= rule.min))
        or (rule.max is not None and not (number and value <= rule.max))
        or (
            rule.one_of is not None
            and not any(type(one) is type(value) and one == value for one in rule.one_of)
        )
        or (rule.pattern is not None and not (isinstance(value, str) and re2.fullmatch(rule.pattern, value)))
        or (
            rule.max_length is not None
            and not (isinstance(value, str | list) and len(value) <= rule.max_length)
        )
        or (
            rule.each_of is not None
            and not (
                isinstance(value, list)
                and all(any(fnmatchcase(one, each) for each in rule.each_of) for one in value)
            )
        )
        or (bool(rule.sources) and source not in rule.sources)
    )


@given(configurations())
def test_a_configuration_is_the_same_as_itself(one: Configuration) -> None:
    change = compare(one, one)
    assert change.whole == "same"
    assert not change.differences


@settings(max_examples=300)
@given(chains())
def test_the_order_has_two_sides(
    chain: tuple[Configuration, Configuration, Configuration],
) -> None:
    one, other, _ = chain
    forth, back = compare(one, other).whole, compare(other, one).whole
    event(f"{forth}/{back}")
    if forth == "narrower":
        assert back == "wider"
    assert (forth == "same") == (back == "same")


@settings(max_examples=250)
@given(chains())
def test_narrower_than_narrower_is_narrower(
    chain: tuple[Configuration, Configuration, Configuration],
) -> None:
    first, second, third = chain
    steps = {compare(first, second).whole, compare(second, third).whole}
    assume("wider" not in steps)
    event(" and ".join(sorted(steps)))
    assert compare(first, third).whole == ("narrower" if "narrower" in steps else "same")


@pytest.mark.parametrize("pairs", [tool_pairs, rule_pairs, dropped_rules, choices])
@settings(max_examples=400)
@given(data=st.data(), drawn=st.dictionaries(st.sampled_from("abcd"), st.sampled_from(VALUES), max_size=3))
def test_what_is_called_narrower_admits_nothing_more(
    pairs: Callable[[], st.SearchStrategy[tuple[Tool, Tool]]], data: st.DataObject, drawn: dict[str, Any]
) -> None:
    old, new = data.draw(pairs())
    change = compare(of_tool(old), of_tool(new)).whole
    event(change)
    if change == "wider":
        return
    singles: list[dict[str, Any]] = [{name: value} for name in "abd" for value in VALUES]
    for arguments in [{}, drawn, *singles]:
        for source in SOURCES:
            stricter = outcome(new, arguments, source) >= outcome(old, arguments, source)
            assert stricter, (arguments, source)


ROWS = [(a, c) for a in (None, -1, 0, 0.5, 1, 1.25, 1.5, 2, 9, "x") for c in (None, "x", "y", "xx", "z", 1)]


@settings(max_examples=600)
@given(model_pairs())
def test_a_narrower_model_decides_no_row_that_was_not_decided_before(pair: tuple[Model, Model]) -> None:
    """Rows outside the range go to the fallback: with one that decides by itself, none may be shifted to it."""
    old, new = pair
    change = compare(*(of_manifest(Manifest("x", "", (), (), (), models={"m": one})) for one in pair)).whole
    event(change)
    if change == "wider":
        return
    before, after = compile_validity(old), compile_validity(new)
    inside = [[row for row in ROWS if not check.check(row)[0]] for check in (before, after)]
    assert set(map(repr, inside[1])) <= set(map(repr, inside[0]))
    if new.fallback.kind not in ("refuse", "refer-to-human"):
        assert inside[0] == inside[1]
    assert set(new.overrides.by) <= set(old.overrides.by)
    assert new.versions.keys() <= old.versions.keys()


@settings(max_examples=400)
@given(MANIFESTS["freeze"], MANIFESTS["freeze"], st.booleans())
def test_freezes_are_ordered_by_what_they_stop(
    old: tuple[Freeze, ...], drawn: tuple[Freeze, ...], adding: bool
) -> None:
    new = old + drawn if adding else drawn
    forth, back = (
        compare(of_freezes(old), of_freezes(new)).whole,
        compare(of_freezes(new), of_freezes(old)).whole,
    )
    assert (forth, back) != ("narrower", "narrower")
    assert (forth == "same") == (back == "same")
    assert back == "wider" or forth != "narrower"
    if forth != "wider":
        assert stopped(old) <= stopped(new)


def stopped(freezes: tuple[Freeze, ...]) -> set[tuple[int, str, str]]:
    """Moment, effect, and where: in either environment, or somewhere that is neither."""
    return {
        (at, effect, where)
        for one in freezes
        for at in range(one.begin, one.until)
        for effect in one.effects
        for where in one.environments or ("e", "f", "elsewhere")
    }


@given(configurations(), configurations())
def test_people_keys_groups_and_validators_never_change_unsigned(
    one: Configuration, other: Configuration
) -> None:
    people = (one.organisation.people, one.organisation.groups)
    others = (other.organisation.people, other.organisation.groups)
    if {p.id: p for p in people[0]} != {p.id: p for p in others[0]}:
        assert compare(one, other).organisation == "wider"
    for name in one.systems.keys() & other.systems.keys():
        if set(one.systems[name].manifest.validator) != set(other.systems[name].manifest.validator):
            assert compare(one, other).systems[name] == "wider"
