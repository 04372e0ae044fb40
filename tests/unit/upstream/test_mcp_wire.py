"""What is read of a JSON-RPC message and how ours are written."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import UNSET, Raw

from standwatch.facts.errors import Malformed
from standwatch.facts.mcp import McpAnswer, McpCall, McpError
from standwatch.upstream import mcp_wire as wire

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(raw: bytes) -> None:
    try:
        wire.read(raw)
    except Malformed:
        return
    assert json.loads(raw)["jsonrpc"] == "2.0"


@given(result=VALUES, ident=st.integers(0, 2**53))
def test_a_result_is_the_bytes_that_came(result: Any, ident: int) -> None:
    raw = json.dumps(result, indent=1).encode()
    message = wire.read(b'{"jsonrpc":"2.0", "result":' + raw + b', "id":%d}' % ident)
    assert message.id == ident
    assert message.is_response
    assert wire.answer(message) == McpAnswer(raw)


@pytest.mark.parametrize(
    "raw",
    [
        b"", b"null", b"[]", b'[{"jsonrpc":"2.0","id":1,"result":{}}]', b"{}", b'{"jsonrpc":"1.0","id":1}',
        b'{"jsonrpc":"2.0","id":1.5,"result":{}}', b'{"jsonrpc":"2.0","id":true,"result":{}}',
        b'{"jsonrpc":"2.0","id":1,"method":7}', b'{"jsonrpc":"2.0","id":1,"result":{"a":"\xff"}}',
        b'{"jsonrpc":"2.0","id":1,"result":{}} {}', b'{"jsonrpc":"2.0","id":1,"result":' + b"[" * 9**5,
    ],
)  # fmt: skip
def test_what_is_no_message_is_refused(raw: bytes) -> None:
    with pytest.raises(Malformed):
        wire.read(raw)


@pytest.mark.parametrize(
    ("raw", "kind"),
    [
        (b'{"jsonrpc":"2.0","method":"x"}', (False, True)),
        (b'{"jsonrpc":"2.0","method":"x","id":1}', (False, False)),
        (b'{"jsonrpc":"2.0","method":"x","id":null}', (False, False)),
        (b'{"jsonrpc":"2.0","id":"a","error":{}}', (True, False)),
    ],
)
def test_the_three_kinds_are_told_apart(raw: bytes, kind: tuple[bool, bool]) -> None:
    message = wire.read(raw)
    assert (message.is_response, message.is_notification) == kind


def test_an_absent_id_is_not_null() -> None:
    assert wire.read(b'{"jsonrpc":"2.0"}').id is UNSET
    assert wire.read(b'{"jsonrpc":"2.0","id":null}').id is None


@pytest.mark.parametrize(
    "members",
    [
        '"x":1',
        '"result":{},"error":{"code":1}',
        '"error":"no"',
        '"error":{"code":"x"}',
        '"error":{"message":"m"}',
    ],
)
def test_an_answer_that_says_nothing_certain_is_a_fault(members: str) -> None:
    said = wire.answer(wire.read(('{"jsonrpc":"2.0","id":1,' + members + "}").encode()))
    assert said.error is not None
    assert (said.error.code, said.sent) == (wire.FAULT, True)


def test_an_errors_data_is_the_bytes_that_came() -> None:
    raw = b'{"jsonrpc":"2.0","id":1,"error":{"code":-32602,"message":"m","data": {"uri" :1.0}}}'
    assert wire.answer(wire.read(raw)).error == McpError(-32602, "m", b'{"uri" :1.0}')


@given(
    params=st.dictionaries(st.text(), VALUES, max_size=4),
    meta=st.dictionaries(
        st.sampled_from(
            ["progressToken", "io.modelcontextprotocol/protocolVersion", "io.modelcontextprotocol/x", "t"]
        ),
        VALUES,
    ),
    token=st.none() | st.integers() | st.text(),
)
def test_the_envelope_is_ours_and_all_else_the_callers(
    params: dict[str, Any], meta: dict[str, Any], token: str | int | None
) -> None:
    params.pop("_meta", None)
    given_params = {**params, "_meta": meta} if meta else params
    call = McpCall(method="tools/call", params=given_params, capabilities={"roots": {}}, progress_token=token)
    own = {name: value for name, value in meta.items() if name == "t"}
    tokens = {} if token is None else {"progressToken": 9}

    sent = json.loads(wire.write_request(9, "tools/call", wire.modern_params(call, 9)))
    envelope = sent["params"].pop("_meta")
    assert sent == {
        "jsonrpc": "2.0",
        "id": 9,
        "method": "tools/call",
        "params": json.loads(json.dumps(params)),
    }
    assert envelope.pop("io.modelcontextprotocol/protocolVersion") == "2026-07-28"
    assert envelope.pop("io.modelcontextprotocol/clientCapabilities") == {"roots": {}}
    assert envelope.pop("io.modelcontextprotocol/clientInfo")["name"] == "standwatch"
    assert envelope == {**own, **tokens}

    legacy = dict(wire.legacy_params(call, 9))
    assert legacy.pop("_meta", {}) == {**own, **tokens}
    assert legacy == params


@given(token=st.integers(-(2**53), 2**53) | st.text(), more=st.dictionaries(st.text(), VALUES, max_size=3))
def test_a_progress_token_is_put_back_in_value_and_type(token: str | int, more: dict[str, Any]) -> None:
    came = Raw(json.dumps({**more, "progressToken": 17}).encode())
    assert wire.progress_token(came) == 17
    told = json.loads(wire.with_progress_token(came, token))
    assert told == {**more, "progressToken": token}
    assert type(told["progressToken"]) is type(token)


@pytest.mark.parametrize(
    "raw", [b"", b"[]", b"{}", b'{"progressToken":null}', b'{"progressToken":1.5}', b"\xff"]
)
def test_parameters_without_a_token_have_none(raw: bytes) -> None:
    assert wire.progress_token(Raw(raw)) is None
    assert wire.cancelled_request(Raw(raw)) is None


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        (McpAnswer(b'{"a": 1}'), {"result": {"a": 1}}),
        (McpAnswer(), {"result": {}}),
        (McpAnswer(error=McpError(-1, "no")), {"error": {"code": -1, "message": "no"}}),
        (McpAnswer(error=McpError(-1, "no", b"[1]")), {"error": {"code": -1, "message": "no", "data": [1]}}),
    ],
)
def test_our_answers(said: McpAnswer, expected: dict[str, Any]) -> None:
    assert json.loads(wire.write_reply("q", said)) == {"jsonrpc": "2.0", "id": "q", **expected}
