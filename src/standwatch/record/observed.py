"""Which systems a configuration had observed: read from what is sealed beside its entry, where that is still there."""

import msgspec

from standwatch.facts.errors import Malformed, NotFound
from standwatch.record.source import Source, commitments, open_part, read_leaf


class _Manifest(msgspec.Struct, frozen=True):
    observe_until: int = 0


class _System(msgspec.Struct, frozen=True):
    manifest: _Manifest = _Manifest()


class _Configuration(msgspec.Struct, frozen=True):
    systems: dict[str, _System] = {}


class Observations:
    """Remembers the last configuration asked about: a log changes it seldom, and never back."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._index = -1
        self._known: _Configuration | None = None

    def observed(self, conf: int, system: str, at: int) -> bool | None:
        """Whether configuration entry `conf` had `system` observed at `at` (µs); None where nobody can say."""
        if conf != self._index:
            self._index, self._known = conf, self._read(conf)
        if self._known is None or system not in self._known.systems:
            return None
        return at < self._known.systems[system].manifest.observe_until

    def _read(self, index: int) -> _Configuration | None:
        try:
            entry = read_leaf(self._source.leaf(index))
        except (NotFound, Malformed):
            return None
        for wanted in commitments(entry):
            found = open_part(self._source, index, entry, wanted)
            if wanted.name == "manifest" and found.fate == "present":
                try:
                    return msgspec.json.decode(found.data, type=_Configuration)
                except (msgspec.DecodeError, UnicodeError, RecursionError):
                    return None
        return None
