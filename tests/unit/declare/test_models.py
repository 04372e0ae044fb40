# ruff: noqa: E501 — a message is one line, here as on the terminal
"""Declared models: what is read, what is refused with its place, what widens, and what evidence is about."""

import msgspec
import pytest

from standwatch.declare.configuration import declare
from standwatch.declare.digest import envelope_digest
from standwatch.declare.lock import artifacts
from standwatch.declare.narrowing import compare
from standwatch.facts.configuration import Configuration, Lock, System
from standwatch.facts.errors import Misconfigured
from standwatch.facts.models import Actionable, Condition, Fallback, Learned, Model, Rule

NAME = "systems/mortgages.yaml"
MANIFEST = """\
system: mortgages
purpose: Decides on mortgages
owner: maria@bank.example
halt_authority: [oncall]
validator: chen@bank.example
components:
  - {kind: model, name: scorer, vendor: bank, url: "http://127.0.0.1:9310", headers: {authorization: "Bearer ${KEY}"}}
  - {kind: model, name: spare}
  - {kind: llm, name: claude}
decisions:
  scorer:
    protocol: oip
    layout: pandas
    # a tensor for each input
    deadline: 800ms
    versions:
      "1": {artifact: models/scorer-1.json, served_as: "1", url: "http://127.0.0.1:9311", model: sc}
      "2": {}
    executor: [python, models/executor.py]
    inputs:
      income: {type: number, unit: USD/month, min: 0, max: 100000, fresh: 24h, actionable: {direction: up, max: 100000, step: 100}, words: your monthly income}
      self_employed: {type: category, one_of: ["yes", "no"], missing: true}
    outputs:
      p_denied: {type: probability, polarity: higher means denied}
    outcome: {output: p_denied, threshold: 0.5, at_or_above: denied, below: approved, abstain: [0.48, 0.52]}
    range: scorer.range.json
    known_limits:
      - {limit: few self-employed applicants, when: [{feature: self_employed, one_of: ["yes"]}]}
      - {limit: not validated outside Boston}
    fallback: {rule: scorer.rules.yaml}
    overrides: {by: [oncall, chen@bank.example], outcomes: [approved, denied], within: 30d, per_day: 20}
fallback: refer-to-human
"""
RULES = """\
rules:
  - {when: [{feature: income, min: 50}], give: {p_denied: 0.1}, why: well off}
  - {give: {p_denied: 1}}
"""
LEARNED = Learned(
    features=("income", "self_employed"),
    kinds=("number", "category"),
    low=(100.0, 0.0),
    high=(9000.0, 0.0),
    edges=((500.0, 2000.0), ()),
    values=((), ("yes", "no")),
    tree=(-1, 0),
    surprise=(((1.0, 0.5, 2.0, 9.0),), ((1.0, 0.2, 5.0),) * 4),
    threshold=7.5,
    alarm=0.01,
    rows=500,
    data="ab" * 32,
)


@pytest.fixture
def bank(files: dict[str, bytes]) -> dict[str, bytes]:
    return {
        "standwatch.yaml": files["standwatch.yaml"],
        NAME: MANIFEST.encode(),
        "systems/scorer.rules.yaml": RULES.encode(),
        "systems/scorer.range.json": msgspec.json.encode(LEARNED),
    }


def model(files: dict[str, bytes]) -> Model:
    return declare(files).configuration.systems["mortgages"].manifest.models["scorer"]


def warnings(files: dict[str, bytes]) -> list[str]:
    return [told for told in declare(files).warnings if "served_as" in told]


def test_versions_that_cannot_be_told_apart_by_their_server_are_doubtful(bank: dict[str, bytes]) -> None:
    assert warnings(bank) == [
        f"{NAME}:18:7: version '2' says no served_as: which version its server says that it is will not be looked at,"
        " expected served_as"
    ]
    assert not warnings(with_(bank, '"2": {}', '"2": {served_as: "2"}'))
    assert not warnings(with_(bank, '      "2": {}\n', "      # one is enough\n"))
    assert not warnings(with_(bank, "protocol: oip", "protocol: mlflow"))


@pytest.mark.parametrize("line", ["[1, 2]", "[0.5, 2]"])
def test_a_matrix_carries_categories_that_are_numbers(bank: dict[str, bytes], line: str) -> None:
    numbers = with_(bank, "layout: pandas\n    # a tensor for each input", "layout: matrix\n    tensor: rows")
    numbers = with_(numbers, 'self_employed: {type: category, one_of: ["yes", "no"], missing: true}',
                    f"self_employed: {{type: number, one_of: {line}, missing: true}}")  # fmt: skip
    numbers = with_(
        numbers, '{feature: self_employed, one_of: ["yes"]}', "{feature: self_employed, one_of: [2]}"
    )
    numbers = with_(numbers, "    range: scorer.range.json\n", "")
    found = model(numbers)
    assert (found.layout, found.tensor) == ("matrix", "rows")


def with_(files: dict[str, bytes], old: str, new: str, path: str = NAME) -> dict[str, bytes]:
    text = files[path].decode()
    assert old in text
    return {**files, path: text.replace(old, new, 1).encode()}


def test_a_model_is_read_whole(bank: dict[str, bytes]) -> None:
    found = model(bank)
    assert (found.deadline_ms, found.layout, found.tensor) == (800, "pandas", "input")
    assert [one.name for one in found.inputs] == ["income", "self_employed"]
    assert found.inputs[0].fresh == 86_400
    assert found.inputs[0].actionable == Actionable("up", None, 100_000, 100)
    assert found.versions["1"].served_as == "1"
    assert found.versions["2"].url == ""
    assert found.outcome is not None
    assert found.outcome.abstain == (0.48, 0.52)
    assert found.learned == LEARNED
    assert found.known_limits[0].when == (Condition("self_employed", one_of=("yes",)),)
    assert found.fallback == Fallback(
        "rule",
        rules=(
            Rule((Condition("income", min=50),), {"p_denied": 0.1}, "well off"),
            Rule((), {"p_denied": 1}),
        ),
    )
    assert found.overrides.by == ("p-maria", "p-chen")
    assert (found.overrides.within, found.overrides.per_day) == (30 * 86_400, 20)


def test_a_configuration_with_models_reads_back_from_its_own_bytes(bank: dict[str, bytes]) -> None:
    found = declare(bank).configuration
    assert msgspec.json.decode(msgspec.json.encode(found), type=Configuration) == found


@pytest.mark.parametrize(
    ("said", "kind", "give"),
    [
        ("previous", "previous", {}),
        ("refuse", "refuse", {}),
        ("{constant: {p_denied: 1.0}}", "constant", {"p_denied": 1}),
    ],
)
def test_the_systems_fallback_is_the_models_where_it_says_none(
    bank: dict[str, bytes], said: str, kind: str, give: dict[str, float]
) -> None:
    files = with_(
        with_(bank, "    fallback: {rule: scorer.rules.yaml}\n", ""),
        "fallback: refer-to-human",
        f"fallback: {said}",
    )
    manifest = declare(files).configuration.systems["mortgages"].manifest
    assert manifest.fallback == kind
    assert manifest.models["scorer"].fallback == Fallback(kind, give)  # type: ignore[arg-type]  # parametrised


# (what stands there, what is written instead, every problem told)
MISTAKES: list[tuple[str, str, list[str]]] = [
    (
        "  scorer:\n    proto",
        "  claude:\n    proto",
        ["11:3: 'claude' is no component of kind model, expected one of scorer, spare"],
    ),
    (
        "deadline: 800ms",
        "deadline: 11m",
        ["15:15: '11m', expected a duration such as 800ms or 2s, of at most 10m"],
    ),
    (
        "models/scorer-1.json",
        "/etc/passwd",
        [
            "17:23: '/etc/passwd', expected a file inside the organisation's folder, such as models/scorer-1.json"
        ],
    ),
    (
        "models/scorer-1.json",
        "models/../../x",
        [
            "17:23: 'models/../../x', expected a file inside the organisation's folder, such as models/scorer-1.json"
        ],
    ),
    (
        ', url: "http://127.0.0.1:9310", headers: {authorization: "Bearer ${KEY}"}',
        "",
        ["17:7: nothing says where version '2' is served, expected a url here or on the component"],
    ),
    (
        "# a tensor for each input",
        "tensor: rows",
        ["14:13: tensor without layout: matrix, expected them together"],
    ),
    (
        "layout: pandas",
        "layout: matrix",
        [
            "22:7: 'self_employed' may be text, which layout: matrix cannot carry, expected numbers, or layout: columns or pandas"
        ],
    ),
    (
        '"2": {}',
        '"2": {url: "http://127.0.0.1:9311", model: sc, served_as: "1"}',
        ["18:7: '2' is served where '1' is, expected another url, model or served_as"],
    ),
    (
        '{artifact: models/scorer-1.json, served_as: "1", url: "http://127.0.0.1:9311", model: sc}',
        "{model: scorer}",
        ["18:7: '2' is served where '1' is, expected another url, model or served_as"],
    ),
    ("min: 0, max: 100000", "min: 5, max: 4", ["21:60: max 4 is below min 5, expected at least 5"]),
    (
        'one_of: ["yes", "no"], missing',
        "max: 3, missing",
        ["22:44: max on a category, expected it on numbers and integers only"],
    ),
    (
        'one_of: ["yes", "no"], missing',
        "one_of: [true, no], missing",
        ["22:47: true, expected a category: text or a whole number, as self_employed is"],
    ),
    ("type: probability", "type: probability, max: 2", ["24:42: 2, expected a probability between 0 and 1"]),
    ("{output: p_denied", "{output: p", ["25:23: 'p' is no declared output, expected one of p_denied"]),
    ("threshold: 0.5, ", "", ["25:14: the outcome says no 'threshold', expected threshold: …"]),
    ("[0.48, 0.52]", "[0.6, 0.5]", ["25:96: [0.6, 0.5] is empty, expected an interval such as [0.48, 0.52]"]),
    (
        "range: scorer.range.json",
        "range: ../x.range.json",
        ["26:12: '../x.range.json', expected a file in systems/ such as scorer.range.json"],
    ),
    (
        "range: scorer.range.json",
        "range: other.range.json",
        [
            "26:12: there is no file systems/other.range.json, expected what `standwatch range learn` writes: learn it, then name it here"
        ],
    ),
    (
        "feature: self_employed",
        "feature: age",
        ["28:64: 'age' is no declared input, expected one of income, self_employed"],
    ),
    (
        'one_of: ["yes"]}]',
        "}]",
        ["28:54: a condition that says nothing, expected min, max, one_of or missing"],
    ),
    (
        "{rule: scorer.rules.yaml}",
        "{rule: gone.rules.yaml}",
        ["30:22: there is no file systems/gone.rules.yaml, expected one with rules: […]"],
    ),
    ("{rule: scorer.rules.yaml}", "{constant: {p_denied: 2}}", ["30:37: '2', expected a number from 0 to 1"]),
    (
        "{rule: scorer.rules.yaml}",
        "{constant: {p: 1}}",
        [
            "30:27: 'p' is no declared output, expected one of p_denied",
            "30:26: nothing for the output 'p_denied', expected a value for each",
        ],
    ),
    (
        "{rule: scorer.rules.yaml}",
        "{human: true}",
        [
            "30:15: a mapping, expected one of refuse, refer-to-human, previous, {rule: FILE} or {constant: {…}}"
        ],
    ),
    (
        "by: [oncall, ",
        "by: [nobody@bank.example, ",
        ["31:22: 'nobody@bank.example' is nobody, expected a person of standwatch.yaml: "],
    ),
    (
        "  - {kind: llm, name: claude}",
        '  - {kind: llm, name: claude, url: "http://x"}',
        ["9:36: url on an llm without a provider, expected provider: …"],
    ),
]


@pytest.mark.parametrize(("old", "new", "told"), MISTAKES, ids=lambda value: str(value)[:40])
def test_a_mistake_is_told_with_its_place(
    bank: dict[str, bytes], old: str, new: str, told: list[str]
) -> None:
    with pytest.raises(Misconfigured) as raised:
        declare(with_(bank, old, new))
    problems = [one.removeprefix(f"{NAME}:") for one in raised.value.problems]
    places = sorted(told)
    assert len(problems) == len(told), problems
    assert all(one.startswith(start) for one, start in zip(sorted(problems), places, strict=True)), problems


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("feature: income", "feature: age", "2:23: 'age' is no declared input"),
        ("min: 50", "min: 'x'", "2:36: 'x', expected a number"),
        ("p_denied: 0.1", "p_denied: 7", "2:59: '7', expected a number from 0 to 1"),
        ("rules:", "rule:", "1:1: unknown key 'rule'"),
    ],
)
def test_a_mistake_in_a_table_is_told_with_its_place(
    bank: dict[str, bytes], old: str, new: str, told: str
) -> None:
    with pytest.raises(Misconfigured) as raised:
        declare(with_(bank, old, new, "systems/scorer.rules.yaml"))
    assert any(one.startswith(f"systems/scorer.rules.yaml:{told}") for one in raised.value.problems)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"tree": (1, 0)}, "conditioned on itself"),
        ({"tree": (-1, 7)}, "a parent that is no feature"),
        ({"features": ("income", "age")}, "'age' is no declared input"),
        ({"kinds": ("category", "category")}, "learned as a category, declared as a number"),
        ({"edges": ((2000.0, 500.0), ())}, "edges that do not ascend"),
        ({"low": (9e9, 0.0)}, "bounds that are none"),
        ({"values": ((), ("yes", "yes"))}, "categories that are not its own"),
        ({"surprise": (((1.0, 0.5, 2.0),), ((1.0, 0.2, 5.0),) * 4)}, "a table of another size"),
        ({"low": (1.0,)}, "its lists differ in length"),
        ({"alarm": 0.0}, "alarm, rows or threshold"),
    ],
)
def test_a_range_that_cannot_be_compiled_is_refused(
    bank: dict[str, bytes], change: dict[str, object], told: str
) -> None:
    learned = msgspec.json.encode(msgspec.structs.replace(LEARNED, **change))
    with pytest.raises(Misconfigured) as raised:
        declare({**bank, "systems/scorer.range.json": learned})
    assert any(told in one for one in raised.value.problems), raised.value.problems


@pytest.mark.parametrize("data", [b"", b"{}", b"[1]", b'{"kind":"range.1"}', b"\xff", b'{"low":[1e999]}'])
def test_a_file_that_is_no_range_is_refused(bank: dict[str, bytes], data: bytes) -> None:
    with pytest.raises(Misconfigured) as raised:
        declare({**bank, "systems/scorer.range.json": data})
    assert raised.value.problems[0].startswith("systems/scorer.range.json:1:1: not a range: ")


def test_files_that_no_manifest_names_are_doubtful(bank: dict[str, bytes]) -> None:
    found = declare({**bank, "systems/old.range.json": b"{", "systems/old.rules.yaml": b"{"})
    assert [one for one in found.warnings if "no manifest names" in one] == [
        "systems/old.range.json:1:1: no manifest names this file, expected one that does",
        "systems/old.rules.yaml:1:1: no manifest names this file, expected one that does",
    ]


def test_a_system_without_decisions_takes_no_fallback_that_decides(files: dict[str, bytes]) -> None:
    with pytest.raises(Misconfigured, match="previous without decisions"):
        declare(with_(files, "fallback: refer-to-human", "fallback: previous", "systems/payments-agent.yaml"))


REFERS = ("    fallback: {rule: scorer.rules.yaml}\n", "")
ORDER = [
    ('      "2": {}\n', "", "narrower", "version 2: removed"),
    ('      "2": {}\n', '      "2": {}\n      "3": {served_as: "3"}\n', "wider", "version 3: added"),
    ("models/scorer-1.json", "models/scorer-1b.json", "wider", "version 1 artifact"),
    ("min: 0, max: 100000, fresh", "min: 1, max: 100000, fresh", "narrower", "input income min: 0 → 1"),
    ("min: 0, max: 100000, fresh", "max: 100000, fresh", "wider", "input income min: 0 → none"),
    (', missing: true', "", "narrower", "missing: True → False"),
    ('one_of: ["yes", "no"]', 'one_of: ["yes", "no", "both"]', "wider", "one_of: str, both added"),
    ("USD/month", "USD/year", "wider", "unit: USD/month → USD/year"),
    ("words: your monthly income", "words: what you earn a month", "same", ""),
    ("      - {limit: not validated outside Boston}\n", "", "wider", "known_limits"),
    ("threshold: 0.5", "threshold: 0.6", "wider", "outcome: changed"),
    ("    range: scorer.range.json\n", "", "wider", "range: abababababab → none"),
    ("deadline: 800ms", "deadline: 700ms", "narrower", "deadline: 800 → 700"),
    ("fallback: refer-to-human", "fallback: refuse", "narrower", "fallback: refer-to-human → refuse"),
    ("fallback: refer-to-human", "fallback: previous", "wider", "fallback: refer-to-human → previous"),
    ("by: [oncall, chen@bank.example]", "by: [oncall]", "narrower", "overrides by: p-chen removed"),
    ("per_day: 20", "per_day: 21", "wider", "overrides per_day: 20 → 21"),
    (", within: 30d", "", "wider", "overrides within"),
    ("outcomes: [approved, denied]", "outcomes: [approved]", "narrower", "overrides outcomes"),
    ("outcomes: [approved, denied], ", "", "wider", "overrides outcomes"),
]  # fmt: skip


@pytest.mark.parametrize(("old", "new", "whole", "said"), ORDER, ids=lambda value: str(value)[:40])
def test_what_narrows_and_what_widens(
    bank: dict[str, bytes], old: str, new: str, whole: str, said: str
) -> None:
    refers = with_(bank, *REFERS)
    before, after = declare(refers).configuration, declare(with_(refers, old, new)).configuration
    change = compare(before, after)
    assert change.whole == whole, change.differences
    assert said in " ".join(map(str, change.differences))
    back = compare(after, before).whole
    assert back == ("same" if whole == "same" else "wider") or whole == "wider"


def test_a_tighter_limit_is_not_narrower_where_the_fallback_decides_by_itself(bank: dict[str, bytes]) -> None:
    tighter = with_(bank, "min: 0, max: 100000, fresh", "min: 1, max: 100000, fresh")
    assert compare(declare(bank).configuration, declare(tighter).configuration).whole == "wider"


def test_another_version_takes_no_evidence_from_the_one_that_runs(bank: dict[str, bytes]) -> None:
    lock = "tools: {}\ncomponents: {scorer: %s, scorer@1: %s%s}\n"
    first = {**bank, "systems/mortgages.lock": (lock % ("aa" * 32, "bb" * 32, "")).encode()}
    more = with_(first, '      "2": {}\n', '      "2": {}\n      "3": {artifact: m/3, served_as: "3"}\n')
    more["systems/mortgages.lock"] = (lock % ("aa" * 32, "bb" * 32, f", scorer@3: {'cc' * 32}")).encode()
    one, other = (declare(files).configuration.systems["mortgages"] for files in (first, more))
    assert one.component_digest == other.component_digest
    assert one.envelope == other.envelope
    assert other.lock.components["scorer@3"] == "cc" * 32
    assert compare(declare(first).configuration, declare(more).configuration).whole == "wider"
    tighter = with_(bank, "max: 100000, fresh", "max: 9, fresh")
    assert declare(tighter).configuration.systems["mortgages"].envelope != one.envelope


def test_only_versions_of_models_are_left_out_of_the_component_digest(bank: dict[str, bytes]) -> None:
    manifest = declare(bank).configuration.systems["mortgages"].manifest
    digests = {
        System(manifest, Lock(components=names), "").component_digest
        for names in ({}, {"scorer@1": "aa"}, {"claude@1": "aa"}, {"scorer": "aa"})
    }
    assert len(digests) == 3
    assert envelope_digest(manifest) == declare(bank).configuration.systems["mortgages"].envelope


def test_doubts_about_artifacts_name_what_is_not_locked(bank: dict[str, bytes]) -> None:
    found = declare(bank)
    assert artifacts(found.configuration.systems["mortgages"].manifest) == {
        "scorer@1": "models/scorer-1.json"
    }
    assert any("scorer@1: not locked" in one for one in found.warnings)
    locked = f"components: {{scorer@1: {'ab' * 32}, scorer@9: {'ab' * 32}}}\n".encode()
    warnings = declare({**bank, "systems/mortgages.lock": locked}).warnings
    assert not any("scorer@1" in one for one in warnings)
    assert any("scorer@9: locked but not declared" in one for one in warnings)
