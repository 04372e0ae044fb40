"""What is the matter in this process that no entry says (yet), for those who are told of it."""

from collections.abc import Iterator, Sequence

from standwatch.authority.tiers import stakes
from standwatch.facts.configuration import Configuration
from standwatch.facts.errors import Malformed
from standwatch.notify.desk import Fault
from standwatch.notify.inert import quoted
from standwatch.record import vigilance
from standwatch.record.watches import on
from standwatch.respond.scope import parse
from standwatch.serve.adopt import Adoption
from standwatch.serve.control_holds import Holds
from standwatch.serve.control_scopes import covered
from standwatch.serve.control_watch import Roster
from standwatch.serve.gate import LiveGate
from standwatch.store.recorder import Recorder


class Matters:
    """`origin` is the log's."""

    def __init__(
        self,
        origin: str,
        gate: LiveGate,
        recorder: Recorder,
        holds: Holds,
        adoption: Adoption,
        *,
        roster: Roster,
    ) -> None:
        self.origin = origin
        self._gate = gate
        self._recorder = recorder
        self._holds = holds
        self._adoption = adoption
        self._roster = roster

    @property
    def configuration(self) -> Configuration:
        return self._gate.configuration

    def covers(self, scope: str) -> tuple[str, ...]:
        """The declared systems on which a hold on `scope` falls; none for what is no scope."""
        try:
            return covered(parse(scope), self._gate.world, self._gate.state)
        except Malformed:
            return ()

    def waits(self, ident: str) -> bool:
        """Whether the question about action `ident` still waits for people."""
        question = self._gate.state.questions.get(ident)
        return question is not None and question.open

    def keeping(self, system: str) -> tuple[str, ...]:
        """Who has a watch over `system` now; where nobody has, whoever could take one: rather too many than nobody."""
        return self._roster.reached(system)

    def faults(self) -> Sequence[Fault]:
        """Now: the record, halts that only memory has, a configuration that waits."""
        return tuple(self._all())

    def _all(self) -> Iterator[Fault]:
        if self._recorder.problem:
            yield _record("record", "nothing is forwarded until it can be", "it can be written again")
        if self._gate.state.stopped:
            yield _record(
                "state", "the state stops at an entry that this version does not know", "it is read on"
            )
        for scope in [*self._holds.pending]:
            yield self._halt(scope)
        for person, known in self._gate.state.vigilance.items():
            if known.lost >= 0:
                yield self._tried(person, known.lost)
        waits = self._adoption.pending
        if waits is not None:
            yield Fault(
                f"configuration:{waits.root[:16]}",
                "configuration/waits",
                "configuration",
                "A configuration waits for signatures",
                "No configuration waits for signatures any more",
                f"configuration {waits.root[:16]}: standwatch sign-config",
                f"configuration {waits.root[:16]} does not wait any more",
            )

        yield from self._watches()
        yield from self._tiers()

    def _watches(self) -> Iterator[Fault]:
        """Watches that are wanted and that nobody has, or soon nobody will: a hand-over is missing."""
        for name, line in self._roster.missing():
            yield Fault(
                f"watch:{name}",
                f"watch/{name}",
                "watch",
                f"The watch {name} is missing a hand-over",
                f"The watch {name} is kept again",
                line,
                "somebody has it again, or it is not wanted any more",
                self._covered(name),
            )

    def _covered(self, name: str) -> tuple[str, ...]:
        rule = self.configuration.organisation.watches.get(name)
        patterns = rule.systems if rule is not None else ()
        # One over everything is about no single system: it fits every route.
        return (
            () if "*" in patterns else tuple(one for one in self.configuration.systems if on(patterns, one))
        )

    def _tiers(self) -> Iterator[Fault]:
        """Systems whose people, as counted, make them of a higher tier than their manifest declares."""
        state = self._gate.state
        for name in sorted(state.exposure.keys() & self.configuration.systems.keys()):
            found = stakes(state, name)
            if found.measured > found.declared:
                yield Fault(
                    f"tier:{name}",
                    f"tier/{name}",
                    "tier",
                    f"{name} counts as tier {found.measured}, and declares tier {found.declared}",
                    f"{name} declares the tier that it counts as",
                    f"{found.people} people were counted in a week: its demands are those of tier {found.tier}",
                    "declared and counted agree again",
                    (name,),
                )

    def _tried(self, person: str, lost: int) -> Fault:
        known = self.configuration.person(person)
        shown = quoted(known.name or known.address) if known is not None else quoted(person)
        named = tuple(
            name
            for name, standing in self._gate.state.systems.items()
            if person in vigilance.named(standing.entry) and name in self.configuration.systems
        )
        return Fault(
            f"vigilance:{person}:{lost}",
            f"vigilance/{person}",
            "vigilance",
            f"{shown} approved a decoy and may not answer",
            f"{shown} may answer again",
            f"since entry {lost}: talk first, then standwatch revalidate {quoted(person)}",
            "a validator gave the right back",
            named,
        )

    def _halt(self, scope: str) -> Fault:
        kind, _, name = scope.partition(":")
        known = name in self.configuration.systems
        shown = scope if scope == "all" else f"{kind} {name if known else quoted(name)}"
        return Fault(
            f"hold:{scope}",
            f"hold/{scope}",
            "hold",
            f"{shown} is halted",
            f"{shown} is no longer halted",
            "in memory and on disk: the record cannot be written now",
            "it is in the record now",
            tuple(one for one in self.covers(scope) if one in self.configuration.systems),
        )


def _record(name: str, line: str, ended: str) -> Fault:
    title = "The record cannot be written" if name == "record" else "The state is not known"
    return Fault(name, "record", "record", title, "The record is whole again", line, ended)
