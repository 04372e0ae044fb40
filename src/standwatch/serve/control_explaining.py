"""`explain` of a decision: the record's half, and what executing the pinned version again finds out."""

import asyncio
from collections.abc import Callable, Mapping
from typing import Any, Final

import msgspec

from standwatch.enforce.validity import compile_validity
from standwatch.facts.configuration import Configuration, Manifest
from standwatch.facts.decisions import Row
from standwatch.facts.errors import Malformed, StandwatchError, Tampered
from standwatch.facts.models import Model
from standwatch.record.composition import decided
from standwatch.record.decision import Decision as Recorded
from standwatch.record.decision import Part
from standwatch.record.decision_text import decision_text, overridden
from standwatch.record.rows import read_row
from standwatch.record.source import Source
from standwatch.record.state import ALL
from standwatch.serve.adopt import decode_configuration
from standwatch.serve.model_servers import ModelServers
from standwatch.upstream.executor import Executors, Pin
from standwatch.upstream.reexecution import Answer, drive, pinned, served
from standwatch.watch.counterfactual import Budget
from standwatch.watch.decision import decision, given_row, recorded
from standwatch.watch.explaining import Reasons, narrative
from standwatch.watch.explaining import explain as reasons_of
from standwatch.watch.plain_words import Contact, for_operator, for_person, inert

SPARED: Final = Budget(singles=500, pairs=1_000)
"""What is asked of a server that decides about people meanwhile."""
WITHIN: Final = 10.0
"""Seconds that one explanation may execute models."""
LATER: Final = "it was not executed again yet"


class Explained(msgspec.Struct, frozen=True, omit_defaults=True):
    """A decision explained: what the record says of it, what it rests on, what executing it again found out, and both
    as text, for the operator and for the person concerned."""

    decision: Recorded
    parts: tuple[Part, ...]
    reasons: Any
    text: str
    person: str
    later: bool = False
    """Whether it can be executed again and was not, because nobody wanted to wait for that: it then has no reasons, and
    no words for the person concerned."""


class Explaining:
    """Explains decisions of one organisation. Models are executed here and by their servers, never in this process."""

    def __init__(  # noqa: PLR0917 - made once, by the node
        self,
        source: Source,
        models: ModelServers,
        executors: Executors,
        vkey: str,
        names: Callable[[], Mapping[str, str]],
        held: Callable[[tuple[str, ...]], bool],
    ) -> None:
        self._source = source
        self._models = models
        self._executors = executors
        self._vkey = vkey
        self._names = names
        self._held = held

    async def explain(
        self, reference: str, source: Source | None = None, *, again: bool = True
    ) -> Explained | None:
        """None where no decision is called `reference`, in `source` where that is given: the record of another moment.
        Without `again` no model is executed for it, which may take seconds: its executor may have to start.

        Raises `NotFound` for a row that is none.
        """
        found = await asyncio.to_thread(decided, source or self._source, reference, self._vkey)
        if found is None:
            return None
        told, parts, text = found
        manifest = await asyncio.to_thread(self._manifest, told)
        model = manifest.models.get(told.model) if manifest is not None else None
        if manifest is None or model is None or told.record is None:
            return Explained(told, parts, None, text, "")
        reasons = await self._reasons(told, model, again=again)
        later = reasons is None
        whole = decision(
            model,
            told.record,
            told.context,
            reasons or narrative(LATER),
            ident=f"{told.index}/{told.row}",
            at=told.at,
            system=told.system,
            purpose=manifest.purpose,
            version=told.version,
            digest=told.served,
        )
        if later:
            return Explained(told, parts, whole, text, "", later)
        person = for_person(whole, model, self._contact(manifest))
        if told.overrides:
            given = inert(overridden(told) or "another outcome")
            person = f"A person has since decided otherwise: the outcome is now “{given}”.\n\n{person}"
        text = decision_text(told, parts, row=False) + "\n" + for_operator(whole)
        return Explained(told, parts, whole, text, person)

    def _contact(self, manifest: Manifest) -> Contact:
        names = self._names()
        owner = ", ".join(names.get(one, one) for one in manifest.owner)
        return Contact(ask=owner, contest=owner)

    def _manifest(self, told: Recorded) -> Manifest | None:
        """The manifest as it was in force then."""
        index = told.rules.config
        try:
            parts = self._source.sealed(index, str(index), "manifest").parts
            configuration: Configuration | None = decode_configuration(parts[0].data) if parts else None
        except (msgspec.DecodeError, StandwatchError):
            return None
        system = configuration.systems.get(told.system) if configuration is not None else None
        return system.manifest if system is not None else None

    async def _reasons(self, told: Recorded, model: Model, *, again: bool) -> Reasons | None:
        """None where a model would have to be executed for them, and not `again`."""
        record = told.record
        assert record is not None
        if record.route not in ("model", "previous"):
            return narrative(f"the model did not decide this: {record.route} did ({record.code})")
        version = record.version or told.version
        answer, exact, why = self._answer(told, model, version)
        if answer is None:
            return narrative(why)
        if not again:
            return None
        row = given_row(model, record, told.context)
        batch, place = await asyncio.to_thread(self._batch, told, model)
        validity = compile_validity(model)
        steps = reasons_of(
            model,
            row,
            recorded(record, told.context),
            pinned=exact,
            valid=lambda one: not validity.check(one)[0],
            batch=batch,
            place=place,
            budget=None if exact else SPARED,
        )
        return await drive(steps, answer, WITHIN)

    def _answer(self, told: Recorded, model: Model, version: str) -> tuple[Answer | None, bool, str]:
        """Who executes `version` again; whether that is the pinned artifact; or why nobody can."""
        declared = model.versions.get(version)
        digest = told.route.digest_of(version) if told.route is not None else None
        if declared is None:
            return None, False, f"version {version} was not declared"
        if declared.artifact and digest and model.executor:
            name = f"{told.system}/{told.model}"
            pin = Pin(name, version, declared.artifact, digest, model.executor)
            return pinned(self._executors, pin, model), True, ""
        scopes = (ALL, f"system:{told.system}", f"component:{told.model}", f"version:{told.model}@{version}")
        if self._held(scopes):
            return None, False, f"version {version} is held: nothing is sent to its server"
        server = self._models.of(told.system, told.model)
        if server is None:
            return None, False, "it ran in its caller, and no executor is declared for its artifact"
        return served(server, version, model), False, ""

    def _batch(self, told: Recorded, model: Model) -> tuple[list[Row], int]:
        """The rows that the same version was given together with this one, and its place among them; none where they
        are not all here."""
        mine = told.record
        if told.rows == 1 or mine is None:
            return [], 0
        rows: list[Row] = []
        place = -1
        try:
            for sealed in self._source.rows(told.index, told.id).rows:
                record = None if sealed.erased else read_row(sealed.data)
                if record is not None and (record.route, record.version) == (mine.route, mine.version):
                    place = len(rows) if sealed.row == told.row else place
                    rows.append(given_row(model, record, told.context))
        except (Malformed, Tampered):
            return [], 0
        # INVARIANT: a row is compared with its own outputs and with nobody else's.
        return (rows, place) if place >= 0 else ([], 0)
