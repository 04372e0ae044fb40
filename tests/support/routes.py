"""A declared model with versions, and a state in which its system stands: what routes are tested on."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from standwatch.facts.configuration import Component, Lock, Manifest, System
from standwatch.facts.entries import AnyEntry, Config, Declared, Principal
from standwatch.facts.models import Fallback, KnownLimit, Model, Version
from standwatch.record.state import State
from standwatch.respond.orders import Orderer
from standwatch.respond.places import Place, place

SYSTEM = "loans"
MODEL = "scorer"
VERSIONS = ("1", "2", "3", "4")
T0 = 1_795_000_000_000_000
HOUR = 3_600_000_000

ADMIN = Orderer("maria", admin=True, sees_all=True)
OWNER = Orderer("nina")
ONCALL = Orderer("olga")
VALIDATOR = Orderer("chen")
OPERATOR = Orderer("otto", sees_all=True)
STRANGER = Orderer("eve")


def digest(version: str) -> str:
    """The digest under which the artifact of `version` is locked."""
    return (version * 64)[:64]


def declared(tier: int = 1) -> Declared:
    return Declared(
        by="standwatch",
        system=SYSTEM,
        envelope="e",
        components="c",
        owner=["nina"],
        halt=["olga"],
        validators=["chen"],
        tier=tier,
        change="first",
    )


def model(
    versions: Sequence[str] = VERSIONS, limits: tuple[str, ...] = (), fallback: str = "refer-to-human"
) -> Model:
    return Model(
        component=MODEL,
        versions={name: Version(name, artifact=f"models/{name}.json") for name in versions},
        known_limits=tuple(KnownLimit(text) for text in limits),
        fallback=Fallback(fallback),  # type: ignore[arg-type]
    )


def system(*models: Model, locked: Sequence[str] = VERSIONS) -> System:
    models = models or (model(),)
    lock = Lock({}, {f"{one.component}@{name}": digest(name) for one in models for name in locked})
    manifest = Manifest(
        system=SYSTEM,
        purpose="Lends",
        owner=("nina",),
        halt_authority=("olga",),
        validator=("chen",),
        components=tuple(Component("model", one.component) for one in models),
        models={one.component: one for one in models},
    )
    return System(manifest, lock, "e")


def where(*models: Model, locked: Sequence[str] = VERSIONS) -> Place:
    return place(system(*models, locked=locked), SYSTEM, models[0].component if models else MODEL)


class Log:
    """Entries folded one after another, an hour apart, as a recorder would; `state` is what they come to."""

    def __init__(self, *, development: bool = False, tier: int = 1) -> None:
        self.entries: list[AnyEntry] = []
        self.states: list[State] = []
        """The state before each entry."""
        self.state = State()
        for name in ("maria", "nina", "olga", "chen", "otto"):
            self.append(Principal(by="standwatch", name=name, role="human", keys=[f"key of {name}"]))
        self.append(declared(tier), Config(by="standwatch", root="r", development=development))

    @property
    def now(self) -> int:
        return T0 + len(self.entries) * HOUR

    def append(self, *entries: AnyEntry) -> int:
        """The index of the last of them."""
        for entry in entries:
            self.states.append(msgspec.msgpack.decode(msgspec.msgpack.encode(self.state), type=State))
            written = msgspec.structs.replace(entry, at=self.now)
            self.state.fold(len(self.entries), written)
            self.entries.append(written)
        return len(self.entries) - 1
