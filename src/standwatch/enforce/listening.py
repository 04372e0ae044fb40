"""What looks for content in a model's words while they come: each voice is a text of its own. Pure.

What may still turn out to begin something found is held back; how much that can be is the engine's to say.
"""

from collections import deque
from collections.abc import Callable
from typing import Any, Final

import msgspec

from standwatch.content.found import Found
from standwatch.enforce.contents import Look, word_of
from standwatch.enforce.inspecting import Step
from standwatch.enforce.looking import Detail, failed, told, veiled
from standwatch.facts.configuration import Finding
from standwatch.facts.llm import Speech

MOST_VOICES: Final = 256
"""Texts that one answer may have side by side."""
_KEPT: Final = 16_384
"""Characters of a voice that are kept, to tell a finding's owner which it is."""
MOST_DETAILS: Final = 1_000
"""Findings of one answer that are told one by one."""


class _Voice(msgspec.Struct):
    """One text on its way: the engine's stream, how much came, and its last characters."""

    stream: Any
    fed: int = 0
    tail: str = ""
    ended: bool = False


class Listening:
    """Looks for what `look` names. `weigh`: what a finding comes to under observation and relaxations."""

    def __init__(self, look: Look, weigh: Callable[[Finding], Finding]) -> None:
        self._look = look
        self._weigh = weigh
        self._voices: dict[tuple[str, str], _Voice] = {}
        self._pieces: deque[tuple[_Voice, int]] = deque()
        self._details: list[Detail] = []
        self._failed: Finding | None = None if look.scanner is not None else failed(look.missing)
        self._cut = self._failed is not None and self._counts(self._failed)
        self.free = 0
        """Pieces, of those fed, that nothing still to come can make part of something found."""

    def feed(self, kind: Speech, place: str, text: str) -> Step:
        """More of what is said at `place`; what is cut into pieces comes piece by piece."""
        if self._cut:
            return "cut"
        voice = self._voice(kind, place)
        if voice is None:
            return "cut" if self._cut else "pass"
        try:
            found = voice.stream.feed(text)
        except Exception as error:
            return self._unfinished(error)
        voice.fed += len(text)
        voice.tail = (voice.tail + text)[-_KEPT:]
        self._pieces.append((voice, voice.fed))
        self._take(voice, found, f"{kind} {place}".rstrip())
        return self._step()

    def end(self) -> Step:
        """The answer is whole. What is still held back goes with `pass`, and is withheld with anything else."""
        for (kind, place), voice in self._voices.items():
            if self._cut:
                break
            try:
                self._take(voice, voice.stream.end(), f"{kind} {place}".rstrip())
            except Exception as error:
                self._unfinished(error)
            voice.ended = True
        step = self._step()
        return "cut" if step == "cut" else "pass"

    @property
    def findings(self) -> tuple[Finding, ...]:
        """What was found, for the outcome; none for nothing."""
        if self._failed is not None:
            return (self._failed,)
        return (told(self._details),) if self._details else ()

    def _voice(self, kind: str, place: str) -> _Voice | None:
        known = self._voices.get((kind, place))
        if known is None and self._look.scanner is not None:
            if len(self._voices) >= MOST_VOICES:
                self._unfinished(ValueError(f"more than {MOST_VOICES} texts side by side"))
                return None
            known = self._voices[kind, place] = _Voice(self._look.scanner.stream())
        return known

    def _unfinished(self, error: Exception) -> Step:
        if self._failed is None:
            self._failed = failed(f"{type(error).__name__}: {error}")
            self._cut = self._counts(self._failed)
        return "cut" if self._cut else "pass"

    def _take(self, voice: _Voice, found: tuple[Found, ...], where: str) -> None:
        for one in found:
            word = word_of(one.kind, one.detector)
            action = self._look.action(word, certain=one.certain)
            if action is None:
                continue
            # What has passed in pieces cannot be changed any more: it is ended instead.
            action = "deny" if action == "mask" else action
            begin = voice.fed - len(voice.tail)
            shown = veiled(voice.tail[max(one.start - begin, 0) : max(one.end - begin, 0)])
            detail = Detail(word, one.detector, where, action, shown, one.start, one.end)
            cuts = action == "deny" and not self._cut and self._counts(told((detail,)))
            # INVARIANT: however much was found and let pass before, what ends an answer ends it, and is told.
            if cuts or len(self._details) < MOST_DETAILS:
                self._details.append(detail)
            self._cut = self._cut or cuts

    def _counts(self, finding: Finding) -> bool:
        weighed = self._weigh(finding)
        return weighed.enforced and weighed.decision not in ("allow", "modify")

    def _step(self) -> Step:
        if self._cut:
            return "cut"
        while self._pieces:
            voice, end = self._pieces[0]
            if not voice.ended and voice.stream.settled < end:
                return "hold"
            self._pieces.popleft()
            self.free += 1
        return "pass"
