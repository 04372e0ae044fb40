"""A stream's usage: asked for where the client did not, and taken out again, so that it reads what it would have read.

Source: OpenAI's reference of chat completions, `stream_options.include_usage`: one more chunk before the end, with
no choices, and `usage: null` in every other one.
"""

from __future__ import annotations

from typing import Final, cast

import msgspec

from standwatch.facts.llm import Prompt

_NULL: Final = b',"usage":null'
_members: Final = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode


class _Counted(msgspec.Struct):
    choices: list[msgspec.Raw] | None = None
    usage: msgspec.Raw = msgspec.Raw(b"null")


_counted: Final = msgspec.json.Decoder(_Counted).decode


def counted(prompt: Prompt) -> Prompt:
    """`prompt` that asks for its usage; itself where it does, or says what is no object there."""
    options = prompt.value.get("stream_options")
    if options is None and "stream_options" not in prompt.value:
        # The rest of the body keeps its bytes.
        at = prompt.body.index(b"{") + 1
        more = b'"stream_options":{"include_usage":true},'
        return msgspec.structs.replace(prompt, body=prompt.body[:at] + more + prompt.body[at:])
    if options is not None and not isinstance(options, dict):
        return prompt
    told = cast("dict[str, object]", options or {})
    if told.get("include_usage"):
        return prompt
    members = _members(prompt.body)
    members["stream_options"] = msgspec.Raw(msgspec.json.encode({**told, "include_usage": True}))
    return msgspec.structs.replace(prompt, body=msgspec.json.encode(members))


def uncounted(raw: bytes, data: bytes) -> bytes:
    """One event without what was asked for on the client's behalf; b"" for the chunk that has nothing else."""
    if b'"usage"' not in raw:
        return raw
    try:
        said = _counted(data)
    except (msgspec.DecodeError, msgspec.ValidationError, UnicodeError):
        return raw
    if bytes(said.usage) != b"null":
        return b"" if said.choices is not None and not said.choices else raw
    # INVARIANT: a quote inside a text is escaped, so these bytes are a member and never part of what is said.
    return raw.replace(_NULL, b"", 1) if raw.count(_NULL) == 1 else raw
