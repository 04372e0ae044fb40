"""`freeze:`: spans without some effects, everywhere or in some environments."""

from typing import Final

from standwatch.declare.environments import environment_name
from standwatch.declare.schema import Fields, Reader, choice, instant, listing
from standwatch.declare.text import Node, Problems
from standwatch.facts.configuration import Freeze
from standwatch.facts.words import Effect

_effect: Reader[Effect] = choice("read", "write", "irreversible")
_effects: Reader[tuple[Effect, ...]] = listing(_effect, "effects", least=1)
_environments: Final = listing(environment_name, "environments", least=1)


def read_freeze(node: Node, problems: Problems) -> Freeze | None:
    """One span."""
    fields = Fields(node, problems, "a freeze")
    begin = fields.need("from", instant, 0)
    until = fields.need("until", instant, 0)
    effects = fields.take("effects", _effects, ("write", "irreversible"))
    environments = fields.take("environments", _environments, ())
    fields.close()
    if begin and until and until <= begin:
        problems.add(
            fields.place("until"), "the freeze ends before it begins, expected until to be after from"
        )
    return Freeze(begin, until, effects, environments)
