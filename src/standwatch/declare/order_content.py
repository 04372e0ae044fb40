"""The order on what is said of content: more that is looked for, and more that is done about it, is narrower."""

from typing import Final

from standwatch.declare.differences import Differences
from standwatch.facts.content import ACTIONS, Content, ContentAction, canaries, rules

Said = tuple[Content | None, ...]
"""What is said of one system: by its manifest, by its organisation."""

_Key = tuple[str, str, str, bool]
"""What is looked for, where, in acts of which tools, and whether only what is certain."""

_NARROWER: Final[frozenset[tuple[ContentAction, ContentAction]]] = frozenset(
    {("observe", "mask"), ("observe", "step_up"), ("observe", "deny"), ("mask", "deny"), ("step_up", "deny")}
)
"""From → to. Of mask and step_up neither is the narrower: what a person signs goes out as it is."""


def compare_content(log: Differences, old: Said, new: Said) -> None:
    """As it counts in effect: to say nothing is to go by the organisation, and then by what always counts."""
    before, after = _effective(old), _effective(new)
    for key in sorted(before.keys() | after.keys()):
        _one(log, key, before.get(key), after.get(key))
    were, are = canaries(*old), canaries(*new)
    for name in sorted(were.keys() | are.keys()):
        if name not in were:
            log.narrower("content.canaries", f"{name} added")
        elif were[name] != are.get(name):
            log.wider("content.canaries", f"{name} {'moved' if name in are else 'removed'}")
    log.permitted("content.expected", _expected(old), _expected(new))


def _one(log: Differences, key: _Key, old: ContentAction | None, new: ContentAction | None) -> None:
    if old == new:
        return
    word, place, tools, certain = key
    what = f"{'certain ' if certain else ''}{word} in {place} of {tools}"
    change = f"{what}: {old or 'nothing'} → {new or 'nothing'}"
    narrower = old is None or (old, new) in _NARROWER
    log.say("content.rules", change, narrower=narrower)


def _effective(said: Said) -> dict[_Key, ContentAction]:
    """The strictest action for each thing that a rule names."""
    found: dict[_Key, ContentAction] = {}
    for rule in rules(*said):
        for word in rule.find:
            for place in rule.places:
                for tools in rule.tools:
                    key = (word, str(place), tools, rule.certain)
                    had = found.get(key)
                    if had is None or ACTIONS.index(rule.action) > ACTIONS.index(had):
                        found[key] = rule.action
    return found


def _expected(said: Said) -> set[tuple[str, str]]:
    return {
        (where, word)
        for one in said
        if one is not None
        for where, all_words in one.expected.items()
        for word in all_words
    }
