"""The memory of one run: what it has read, and where a value comes from therefore.

A value is the task's or trusted where it can be shown to be (`vouching`), else untrusted where an outside party wrote
it in whatever spelling (`seen`), else the model's own. Where something was read that could not be kept, what is not
known counts as untrusted.
"""

from collections.abc import Iterator
from typing import Any, Final, cast

import msgspec

from standwatch.facts.configuration import Source
from standwatch.flow.amounts import number
from standwatch.flow.decoding import decoded
from standwatch.flow.fields import Fields, Late, fields_of
from standwatch.flow.fold import loose
from standwatch.flow.forms import normal
from standwatch.flow.origin import Embedded, Origin, Place, Read
from standwatch.flow.overheard import Overheard
from standwatch.flow.past import Past
from standwatch.flow.preferred import Preferred
from standwatch.flow.reached import Reached
from standwatch.flow.secrets import Secrets
from standwatch.flow.seen import Seen, items
from standwatch.flow.shapes import Shaped, host_of, shapes, silent
from standwatch.flow.templates import blanks, forms
from standwatch.flow.vouching import Vouching, squeezed
from standwatch.record.known import mark, prompt_mark

MOST_LEAVES: Final = 10_000
"""Values of one argument that are looked at; one with more is untrusted."""
MOST_EMBEDDED: Final = 500
"""Pieces of one text that are told apart; the rest of it is one piece, and untrusted."""
MOST_KNOWN: Final = 256
MANY_WORDS: Final = 5
"""Words from which on a value is a text rather than a name."""
LONG: Final = 200
"""Characters likewise."""


class Trail:
    """What one run has read so far: its task, and what its tools returned."""

    def __init__(self, task: str = "", behalf: str = "") -> None:
        self.task = task
        self.known = True
        """False where the task could not be read back: then nothing has the provenance `task`, nor is it known whom
        it serves."""
        self.behalf = behalf
        """Whom the run serves, as the principal that opened it said."""
        self.vouched: dict[tuple[int, str], bytes] = {}
        """(question, argument) → canonical bytes of the value that people vouched for, as this process read it
        back."""
        self.past = Past()
        """What was let through in this run."""
        self.reached = Reached()
        """The URLs and hosts that were read as they stand, by whomever they were written."""
        self.read_untrusted = False
        """Whether anything was read that an outside party could have written."""
        self.own = self.others = 0
        """Which outcomes and prompts of the run are in here, of this process and of others (`record.known`)."""
        self.acts: set[str] = set()
        """The actions whose outcomes are."""
        self.upto = -1
        """Entry up to which outcomes of others are."""
        self.secrets = Secrets()
        """What fields declared `secret` returned."""
        self._said = Vouching()
        self._trusted = Vouching()
        self._fields = Preferred()
        self._forms = forms("")
        self._seen = Seen()
        self._gap: Place | None = None
        self._overheard = Overheard()
        self._known: dict[tuple[bool, str | int | float], Origin] = {}
        """What was found of the last values: one call asks of each several times."""
        if task:
            self._said.add(task, _TASK)
            self._forms = forms(task)

    def learn(self, read: Read) -> frozenset[str]:
        """Take into account what was read. Returns the spellings of the trusted texts and numbers in it."""
        if not read.data:
            return frozenset()
        # What the task has stays the task's, whatever is read.
        self._known = {key: one for key, one in self._known.items() if one.source == "task"}
        if read.told_by_us:
            self._overheard.carried(read.data)
        place = Place(read.server, read.tool, read.call)
        # INVARIANT: only what we carried ourselves can be trusted; a result that its caller tells us is its own word.
        found = fields_of(read) if read.told_by_us else Fields()
        for at, value in found.trusted:
            self._trusted.add(value, msgspec.structs.replace(place, at=at))
        for at, value in found.names:
            self._trusted.name(value, msgspec.structs.replace(place, at=at))
        for at, value in (*found.trusted, *found.names):
            self._fields.add(place.tool, at, value)
        for at, value in found.secret:
            self.secrets.add(value, msgspec.structs.replace(place, at=at))
        if found.unread:
            self.secrets.unread = place
        if not found.complete:
            self.read_untrusted = True
            said = Late(read.data)
            self._seen.read(said, place)
            self.reached.read(said)
        return frozenset(normal(value) for _, value in found.trusted)

    def hear(self, ident: str) -> None:
        """The outcome of action `ident`, carried by this process, is in here, and is written next."""
        self.own += mark(ident)
        self.acts.add(ident)

    def prompted(self, ident: str) -> None:
        """What the model reads in action `ident`, carried by this process, is in here; its intent is next."""
        self.own += prompt_mark(ident)
        self.acts.add(ident)

    def unprompted(self, ident: str) -> None:
        """The intent of action `ident` was not written after all. What its prompt said stays read."""
        self.own -= prompt_mark(ident)
        self.acts.discard(ident)

    def overhear(self, read: Read) -> None:
        """As `learn`, of a text that passed through a model's front: only where it comes for the first time, and not
        as the result of a call that we carried ourselves."""
        if self._overheard.new(read.data):
            self.learn(read)

    def tell(self, task: str) -> None:
        """The run's task as it stands now, all of it; what the run has read stays read."""
        self.task = task
        self._known.clear()
        self._said.add(task, _TASK)
        self._forms = forms(task)

    def missed(self, place: Place) -> None:
        """Something was read at `place` that is not to be had any more: what is not known may be from there."""
        self.read_untrusted = True
        self._gap = place
        self._known.clear()

    @property
    def waits(self) -> bool:
        """See `Seen.waits`."""
        return self._seen.waits

    def settle_some(self) -> bool:
        """See `Seen.settle_some`."""
        return self._seen.settle_some()

    def spread(self, *, on: bool) -> None:
        """Whether a look-up that has much to go through first raises `Unsettled` instead (`Seen.spread`)."""
        self._seen.spread = on

    @property
    def gap(self) -> Place | None:
        """Where something was read that is not in here: erased since, or beyond what is kept."""
        return self._gap or self._seen.overflow

    @property
    def chooses(self) -> bool:
        """Whether there are trusted values among which a task could choose."""
        return bool(self._fields)

    def chosen_instead(self, value: Any) -> str:
        """Another value of the trusted field from which `value` is, where the task speaks of that one; else ""."""
        origin = self.origin(value)
        if origin.source != "trusted" or not origin.where:
            return ""
        if (
            isinstance(value, str)
            and self._trusted.find(value) is None
            and (filled := blanks(self._forms, value))
        ):
            # What fills a blank of the task was chosen, not the sentence around it.
            return next(filter(None, (self.chosen_instead(one) for one in filled)), "")
        place = origin.where[-1]
        return self._fields.instead(place.tool, place.at, value, lambda one: self._said.find(one) is not None)

    # --- whole values --------------------------------------------------------------------------------------

    def source(self, value: Any) -> Source:
        """The provenance of an argument's value: of a container the worst that is in it."""
        return self.origin(value).source

    def sources(self, value: Any) -> frozenset[Source]:
        """The provenances of all that is in an argument's value, the names of members too."""
        if not isinstance(value, dict | list):
            return frozenset((self._single(value).source,))
        return frozenset(one.source for one in self._origins(value))

    def origin(self, value: Any) -> Origin:
        """Where an argument's value comes from. A container has the worst that is in it, its members' names too;
        an empty one came from nowhere."""
        if not isinstance(value, dict | list):
            return self._single(value)
        return max(self._origins(value), key=lambda one: _WORST.index(one.source))

    def of_task(self, value: Any) -> bool:
        """Whether a value that is no container is the task's: as `origin` says, without a look at what was read."""
        if value is None or isinstance(value, bool):
            return False
        key = (isinstance(value, str), cast("str | int | float", value))
        known = self._known.get(key)
        if known is None and self._said.find(value) is not None:
            known = self._keep(key, Origin("task"))
        return known is not None and known.source == "task"

    def _origins(self, value: Any) -> Iterator[Origin]:
        if not isinstance(value, dict | list):
            yield self._single(value)
            return
        waiting: list[Any] = [value]
        left = MOST_LEAVES
        while waiting:
            one = waiting.pop()
            inner: list[Any]
            if isinstance(one, dict):
                members = cast("dict[str, Any]", one)
                inner = [*members, *members.values()]
            elif isinstance(one, list):
                inner = cast("list[Any]", one)
            else:
                yield self._single(one)
                continue
            left -= len(inner) + 1
            if left < 0:
                yield Origin("untrusted")
                return
            if not inner:
                yield Origin("model")
            waiting += inner

    def _single(self, value: Any) -> Origin:
        if value is None or isinstance(value, bool):
            return Origin("model")
        key = (isinstance(value, str), cast("str | int | float", value))
        known = self._known.get(key)
        return self._keep(key, self._found(value)) if known is None else known

    def _keep(self, key: tuple[bool, str | int | float], found: Origin) -> Origin:
        if len(self._known) >= MOST_KNOWN:
            self._known.clear()
        self._known[key] = found
        return found

    def _found(self, value: Any) -> Origin:
        if self._said.find(value) is not None:
            return Origin("task")
        found = self._trusted.find(value)
        if found is not None:
            return Origin("trusted", (found,))
        if isinstance(value, str) and (filled := blanks(self._forms, value)):
            vouched = [self._said.find(one) or self._trusted.find(one) for one in filled]
            if all(vouched):
                return Origin("trusted", tuple(one for one in vouched if one is not None))
        places = self._untrusted(value)
        if not places and (gap := self.gap) is not None:
            places = (gap,)
        return Origin("untrusted", places) if places else Origin("model")

    def _untrusted(self, value: Any) -> tuple[Place, ...]:
        if not isinstance(value, str):
            found = self._seen.item(f"n:{number(value)}")
            return (found,) if found is not None else ()
        for text in (value, *decoded(value)):
            places = self._written(text)
            if places:
                return places
        return ()

    def _written(self, text: str) -> tuple[Place, ...]:
        """Where `text`, a value or what one says undone, was read."""
        if len(text) < LONGEST_ITEM and not any(each.isalpha() for each in text.replace("T", "")):
            found = [self._seen.item(one) for one in items(loose(text))]
            # A date with a time is both; a value that merely has a number in it is not that number.
            if found and all(found):
                return tuple(dict.fromkeys(one for one in found if one is not None))
        prose = len(text) > LONG or len(text.split(None, MANY_WORDS)) >= MANY_WORDS
        return self._seen.find(text, prose=prose)

    # --- pieces of texts -----------------------------------------------------------------------------------

    def embedded(self, text: str) -> tuple[Embedded, ...]:
        """What could steer inside the free text `text`, each with its own origin. Encodings are seen through: what
        stands in an encoded run has the place of the whole text."""
        if silent(text):
            return ()
        found: list[Embedded] = []
        for one in shapes(text):
            if len(found) >= MOST_EMBEDDED:
                return (
                    *found,
                    Embedded(one.kind, text[one.start :], one.start, len(text), Origin("untrusted")),
                )
            found.append(Embedded(one.kind, one.text, one.start, one.end, self._piece(one)))
        others = [*({loose(text)} - {text.lower()}), *decoded(text)]
        known = {_same(one) for one in found} if others else set[tuple[str, str]]()
        for undone in others:
            for one in shapes(undone):
                if _same(one) not in known and len(found) < MOST_EMBEDDED:
                    known.add(_same(one))
                    found.append(Embedded(one.kind, one.text, 0, len(text), self._piece(one)))
        return tuple(found)

    def _piece(self, one: Shaped) -> Origin:
        found = self.origin(one.text)
        if found.source == "model" and one.kind in ("url", "email"):
            # What leads to a host that an outside party named leads where that party wants.
            places = self._seen.find(host_of(one.text), prose=False)
            return Origin("untrusted", places) if places else found
        return found

    def secret_in(self, value: Any) -> tuple[Place, ...]:
        """Where the secrets were read that `value` carries, in whatever spelling."""
        return self.secrets.within(value)


def _same(one: Shaped | Embedded) -> tuple[str, str]:
    """What stands for a piece: of addresses every mark counts, for `b@obc.org` is not `bo@bc.org`."""
    numbered = one.kind in ("iban", "card", "account", "phone")
    return one.kind, squeezed(one.text) if numbered else one.text.lower()


LONGEST_ITEM: Final = 60
"""Characters of a value that is held against the numbers, dates and times that were read."""
_TASK: Final = Place()
_WORST: Final[tuple[Source, ...]] = ("task", "trusted", "model", "untrusted")
