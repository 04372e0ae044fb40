"""Tokens that other processes gave, or this one before it was started anew: read back from the record when one is met.

What was masked is sealed beside the entry it was masked in, so a token whose subject's key was destroyed stands for
nothing any more.
"""

import asyncio
from typing import Final

import msgspec

from standwatch.enforce.masks import Masks
from standwatch.facts.frames import Fetch, Recall
from standwatch.serve.recalling import Asked

AT_ONCE: Final = 16
"""Acts whose findings are asked for together."""


class _Findings(msgspec.Struct, frozen=True):
    """Of the sealed findings what was masked: token → value."""

    masks: dict[str, str] = {}


async def remember(link: Asked, run: str, masks: Masks) -> None:
    """Let `masks` learn the tokens of `run` that the record has and this process has not read yet."""
    answer = await link.recall(Recall(link.next_number(), run, masks.upto))
    if not answer.known:
        return
    for start in range(0, len(answer.acts), AT_ONCE):
        some = answer.acts[start : start + AT_ONCE]
        asked = (link.fetch(Fetch(link.next_number(), one.id, "findings")) for one in some)
        for fetched in await asyncio.gather(*asked):
            if fetched.known:
                masks.learn(_read(fetched.data))
    masks.upto = max(masks.upto, answer.last)


def _read(data: bytes) -> dict[str, str]:
    try:
        return msgspec.json.decode(data, type=_Findings).masks
    except (msgspec.MsgspecError, UnicodeError):
        return {}
