"""Every detector there is, by name and by kind; what a manifest may name."""

from collections.abc import Iterable, Mapping
from functools import cache

from standwatch.content import (
    exfiltration,
    found,
    identifiers_contact,
    identifiers_europe,
    identifiers_money,
    identifiers_world,
    instructions,
    secrets,
)
from standwatch.content.canaries import canary
from standwatch.content.detector import Detector
from standwatch.content.engine import Engine


@cache
def known() -> Mapping[str, Detector]:
    """Every detector by its name. Loading them takes milliseconds: only where content is configured."""
    return {
        each.name: each
        for each in (
            *secrets.detectors(),
            *identifiers_money.DETECTORS,
            *identifiers_europe.DETECTORS,
            *identifiers_world.DETECTORS,
            *identifiers_contact.DETECTORS,
            *exfiltration.DETECTORS,
            *instructions.DETECTORS,
        )
    }


def names() -> frozenset[str]:
    """What `build` takes: the kinds and the detectors."""
    return frozenset(found.KINDS) | frozenset(known())


def select(wanted: Iterable[str]) -> tuple[Detector, ...]:
    """The detectors that these kinds and names mean, in one fixed order. KeyError: an unknown name."""
    asked = set(wanted)
    if unknown := asked - names():
        raise KeyError(min(unknown))
    return tuple(
        each for each in known().values() if each.name in asked or (each.kind in asked and not each.named)
    )


def build(
    wanted: Iterable[str],
    canaries: Mapping[str, str] | None = None,
    *,
    cache: bytes = b"",
    portable: bool = False,
) -> Engine:
    """An engine for these kinds and detectors and these declared canaries (name: exact text).

    `cache`: bytes that `Engine.cache()` gave earlier and the caller has authenticated. `portable`: without Hyperscan.
    """
    planted = (canary(name, text) for name, text in (canaries or {}).items())
    return Engine((*select(wanted), *planted), cache=cache, portable=portable)
