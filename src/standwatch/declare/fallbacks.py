"""What answers in a model's place: a word, a decision table in a file of its own, or constant outputs."""

from collections.abc import Callable, Mapping
from typing import Final, Literal

from standwatch.declare.features import given_outputs, read_condition
from standwatch.declare.schema import Fields, Reader, choice, described, listing, shaped, text
from standwatch.declare.text import Mapping as Members
from standwatch.declare.text import Mark, Node, Problems, Scalar, read_yaml
from standwatch.facts.models import Fallback, Feature, Output, Rule
from standwatch.facts.models import Scalar as Value

Beside = Callable[[str], bytes | None]
"""The bytes of a file in `systems/`, by its name; None where there is none."""
Kind = Literal["refuse", "refer-to-human", "previous", "rule", "constant"]

RULES: Final = ".rules.yaml"
FORMS: Final = "refuse, refer-to-human, previous, {rule: FILE} or {constant: {…}}"
_word: Reader[Literal["refuse", "refer-to-human", "previous"]] = choice(
    "refuse", "refer-to-human", "previous"
)
_file: Final = shaped(
    r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}\.rules\.yaml", "a file in systems/ such as scorer.rules.yaml"
)
_NO_RULES: tuple[Rule, ...] | None = None
_NOTHING: dict[str, Value] | None = None


def fallback_kind(node: Node, problems: Problems) -> Kind | None:
    """Which kind of fallback stands at `node`; what it gives is for each model to read."""
    if isinstance(node, Scalar):
        return _word(node, problems)
    kinds: tuple[Kind, ...] = ("rule", "constant")
    for kind in kinds:
        if isinstance(node, Members) and [*node.members] == [kind]:
            return kind
    problems.add(node.mark, f"{described(node)}, expected one of {FORMS}")
    return None


def read_fallback(
    beside: Beside, features: Mapping[str, Feature], outputs: Mapping[str, Output]
) -> Reader[Fallback]:
    """A reader of a fallback whose rules and constants fit `features` and `outputs`."""

    def read_form(node: Node, problems: Problems) -> Fallback | None:
        kind = fallback_kind(node, problems)
        if kind is None or isinstance(node, Scalar):
            return None if kind is None else Fallback(kind)
        fields = Fields(node, problems, "the fallback")
        rules = fields.take("rule", _rules(beside, features, outputs), _NO_RULES)
        give = fields.take("constant", given_outputs(outputs), _NOTHING)
        fields.close()
        return Fallback(kind, give or {}, rules or ())

    return read_form


def _rules(
    beside: Beside, features: Mapping[str, Feature], outputs: Mapping[str, Output]
) -> Reader[tuple[Rule, ...]]:
    def read(node: Node, problems: Problems) -> tuple[Rule, ...] | None:
        name = _file(node, problems)
        if name is None:
            return None
        data = beside(name)
        if data is None:
            problems.add(node.mark, f"there is no file systems/{name}, expected one with rules: […]")
            return None
        path = f"systems/{name}"
        table = read_yaml(path, data, problems)
        return None if table is None else _table(table, features, outputs, problems)

    return read


def _table(
    node: Node, features: Mapping[str, Feature], outputs: Mapping[str, Output], problems: Problems
) -> tuple[Rule, ...]:
    fields = Fields(node, problems, "the table")
    lines = fields.need("rules", listing(_placed(_rule(features, outputs)), "rules", least=1), ())
    fields.close()
    return tuple(rule for rule, _ in lines)


def _placed(reader: Reader[Rule]) -> Reader[tuple[Rule, Mark]]:
    """With its place: the same line may well stand twice in a table, since the first that holds decides."""

    def read(node: Node, problems: Problems) -> tuple[Rule, Mark] | None:
        rule = reader(node, problems)
        return None if rule is None else (rule, node.mark)

    return read


def _rule(features: Mapping[str, Feature], outputs: Mapping[str, Output]) -> Reader[Rule]:
    def read_rule(node: Node, problems: Problems) -> Rule:
        fields = Fields(node, problems, "a rule")
        rule = Rule(
            when=fields.take("when", listing(read_condition(features), "conditions"), ()),
            give=fields.need("give", given_outputs(outputs), {}),
            why=fields.take("why", text("why", 500), ""),
        )
        fields.close()
        return rule

    return read_rule
