"""`content:` of a manifest, or of an organisation for all: what is looked for where, and what is done about it."""

from typing import Final

from standwatch.declare.schema import (
    Fields,
    Reader,
    boolean,
    choice,
    listing,
    mapping,
    shaped,
    short,
    words,
)
from standwatch.declare.text import Mapping, Node, Problems
from standwatch.facts.configuration import Tool
from standwatch.facts.content import (
    ACTIONS,
    IDENTIFIERS,
    INSIDE,
    PLACES,
    WORDS,
    Content,
    ContentAction,
    ContentPlace,
    ContentRule,
)

_word = choice(*WORDS, "identifiers")
_words: Reader[tuple[str, ...]] = listing(_word, "what is looked for", least=1, single=True)
_place: Reader[ContentPlace] = choice(*PLACES)
_places: Reader[tuple[ContentPlace, ...]] = listing(_place, "places", least=1, single=True)
_pattern = shaped(r"[^\x00-\x20\x7f]{1,256}", "server.tool or a pattern with *")
_patterns = listing(_pattern, "tools", least=1, single=True)
_action: Reader[ContentAction] = choice(*ACTIONS)
_observe: ContentAction = "observe"
_canary_name = shaped(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}", "a canary's name in letters, digits, - and _")
_canary = shaped(
    r"\$\{[A-Za-z_][A-Za-z0-9_]{0,127}\}|/[^\x00-\x1f\x7f]{1,500}",
    "where its text is: ${NAME} of the environment, or an absolute path",
)
_somewhere = shaped(r"[^\x00-\x1f\x7f]{1,400}", "server.tool or server.tool.argument")

MOST_RULES: Final = 100
NO_RULES: tuple[ContentRule, ...] | None = None
NO_CONTENT: Content | None = None


def read_content(node: Node, problems: Problems) -> Content | None:
    """The rules, the canaries and what is expected where."""
    fields = Fields(node, problems, "content")
    rules = fields.take("rules", _maybe(listing(_content_rule, "rules")), NO_RULES)
    found = Content(
        rules=rules,
        canaries=fields.take("canaries", mapping(_canary_name, words(_canary), "canaries"), {}),
        expected=fields.take("expected", mapping(_somewhere, _expected, "what is expected"), {}),
    )
    fields.close()
    if rules is not None and len(rules) > MOST_RULES:
        problems.add(fields.place("rules"), f"{len(rules)} rules, expected at most {MOST_RULES}")
    return found


def _maybe(reader: Reader[tuple[ContentRule, ...]]) -> Reader[tuple[ContentRule, ...] | None]:
    return reader


def _content_rule(node: Node, problems: Problems) -> ContentRule | None:
    fields = Fields(node, problems, "a content rule")
    rule = ContentRule(
        find=members(fields.need("find", _words, ())),
        places=fields.need("in", _places, ()),
        tools=fields.take("tools", _patterns, ("*",)),
        action=fields.take("action", _action, _observe),
        certain=fields.take("certain", boolean, False),
    )
    fields.close()
    if rule.action == "mask" and (senseless := sorted(INSIDE.intersection(rule.find))):
        problems.add(fields.place("action"), f"mask for {senseless[0]}, expected observe, step_up or deny")
    late = sorted({"results", "answers"}.intersection(rule.places))
    if rule.action == "step_up" and late:
        problems.add(
            fields.place("action"),
            f"step_up in {late[0]}, expected observe, mask or deny: what came back is there before anybody is asked",
        )
        return None
    return rule


def members(said: tuple[str, ...]) -> tuple[str, ...]:
    """Each thing that is looked for, once: `identifiers` stands for all of them."""
    whole = [one for word in said for one in (IDENTIFIERS if word == "identifiers" else (word,))]
    return tuple(dict.fromkeys(whole))


def _expected(_: str, node: Node, problems: Problems) -> tuple[str, ...] | None:
    found = _words(node, problems)
    return None if found is None else members(found)


def check_expected(node: Node | None, content: Content, tools: dict[str, Tool], problems: Problems) -> None:
    """A misspelt place would leave what belongs there to be found."""
    said = node.members.get("expected") if isinstance(node, Mapping) else None
    if said is None or not isinstance(said.value, Mapping):
        return
    for name, member in said.value.members.items():
        if name in content.expected and not any(
            name == tool or name.startswith(f"{tool}.") for tool in tools
        ):
            problems.add(
                member.mark,
                f"{short(name)} is in no declared tool, expected server.tool or server.tool.argument",
            )
