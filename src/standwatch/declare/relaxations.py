"""`relaxations:` of an organisation or a manifest → how long each check may be bypassed at most."""

from standwatch.declare.schema import Fields, choice, duration, mapping, words
from standwatch.declare.text import Node, Problems
from standwatch.facts.relaxations import CRITICALITY, LONGEST, Relaxations


def read_relaxations(node: Node, problems: Problems) -> Relaxations | None:
    """The maxima in seconds; none is longer than `LONGEST`, and none of one check than `most`."""
    fields = Fields(node, problems, "relaxations")
    most = fields.need("most", _span, 0)
    none: dict[str, int] = {}
    checks = fields.take("checks", mapping(choice(*CRITICALITY), words(_span), "checks"), none)
    fields.close()
    for name, span in checks.items():
        if most and span > most:
            problems.add(
                fields.place("checks"), f"{name} may last {span} s, expected no more than most: {most} s"
            )
    return Relaxations(most, checks)


def _span(node: Node, problems: Problems) -> int | None:
    found = duration(node, problems)
    if found is not None and found > LONGEST:
        problems.add(node.mark, f"{found} s, expected at most {LONGEST // 3600}h")
        return None
    return found
