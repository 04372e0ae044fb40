"""The page's own verifier in a real Chromium: it takes what `record.proved` takes, and no changed byte of it."""

import json
import random
import re
import types
import typing
from base64 import b64encode
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest

from standwatch.console.assets import FOLDER
from standwatch.facts.entries import AnyEntry
from standwatch.record.leaf import decode
from standwatch.record.note import NoteKey
from standwatch.record.proof import encode, prove
from standwatch.record.proved import check
from standwatch.record.source import commitments
from support.chromium import Page, page
from support.logs import KEY, MALLORY, ORIGIN, Log, bank
from support.proving import Panel
from support.serving import Folder, served

SCRIPT = (FOLDER / "proof.js").read_text()


@pytest.fixture(scope="module")
def log() -> Log:
    return bank(40)


@pytest.fixture(scope="module")
def chrome() -> Iterator[Page]:
    blank = b"<!doctype html><meta charset=utf-8><title>a page</title>"
    with (
        served(Folder({"/": ("text/html", blank), "/proof.js": ("text/javascript", SCRIPT.encode())})) as url,
        page() as found,
    ):
        found.open(url)
        found.run("import('/proof.js').then(it => { window.check = it.check; window.tell = it.tell })")
        found.run("window.bytes = text => Uint8Array.from(atob(text), one => one.charCodeAt(0))")
        yield found


def checked(chrome: Page, data: bytes, vkey: str = "") -> dict[str, Any]:
    call = f"check(bytes({json.dumps(b64encode(data).decode())}), {json.dumps(vkey)})"
    found = chrome.run(f"{call}.then(found => ({{...found, entries: found.entries.map(one => one.index)}}))")
    assert isinstance(found, dict)
    return found


def ident_at(log: Log, index: int) -> str:
    entry: Any = decode(log.all[index])
    return str(entry.id)


def test_it_walks_the_plan_of_the_verifier_step_by_step(chrome: Page, log: Log) -> None:
    for index in (9, 11, 12, 16, len(log.all) - 3):
        data = encode(prove(log, ident_at(log, index), KEY.vkey))
        ours, theirs = check(data, KEY.vkey), checked(chrome, data, KEY.vkey)
        steps = [(step["name"], step["ok"], step["text"]) for step in theirs["steps"]]
        assert steps == [(step.name, step.ok, step.text) for step in ours.steps]
        assert (theirs["status"], theirs["root"], theirs["limits"]) == (
            "verified",
            ours.root,
            list(ours.limits),
        )


@pytest.mark.parametrize("what", ["approved", "endorsed", "decoy"])
@pytest.mark.parametrize("algorithms", [("ES256", "EdDSA"), ("RS256", "ES256")])
def test_it_knows_passkeys_as_the_verifier_does(chrome: Page, what: str, algorithms: tuple[str, str]) -> None:
    panel = Panel(*algorithms)
    data = encode(prove(panel.log, getattr(panel, what)(), KEY.vkey))
    ours, theirs = check(data, KEY.vkey), checked(chrome, data, KEY.vkey)
    steps = [(step["name"], step["ok"], step["text"]) for step in theirs["steps"]]
    assert steps == [(step.name, step.ok, step.text) for step in ours.steps]
    assert theirs["status"] == ours.status == "verified"


def test_it_is_as_strict_about_what_people_said(chrome: Page) -> None:
    """Signed members and signatures, each exchanged as whoever holds the log's key could."""
    for what, kind in (
        ("approved", "act.answered.1"),
        ("endorsed", "act.endorsed.1"),
        ("decoy", "act.unmasked.1"),
    ):
        panel = Panel()
        ident = getattr(panel, what)()
        (place,) = [i for i in panel.log.of_action(ident) if kind.encode() in panel.log.all[i]][:1]
        true = panel.log.all[place]
        entry: Any = decode(true)
        for name in entry.__struct_fields__:
            value = getattr(entry, name)
            if (
                name in ("at", "id") or value == "" or (what, name) == ("decoy", "by")
            ):  # nobody signs who opens
                continue
            changed = (
                not value
                if value in (True, False)
                else value + 1
                if isinstance(value, int)
                else spoilt(value)
            )
            panel.log.replace(place, **{name: changed})
            panel.log.sign()
            data = encode(prove(panel.log, ident, KEY.vkey))
            bad = [step["name"] for step in checked(chrome, data)["steps"] if step["ok"] is not True]
            assert bad == [step.name for step in check(data).steps if not step.ok], (what, name)
            assert bad, (what, name)
            panel.log.all[place] = true


def spoilt(text: str) -> str:
    """`text` with one character in its middle exchanged, of the same alphabet."""
    at = len(text) // 2
    return text[:at] + ("0" if text[at] != "0" else "1") + text[at + 1 :]


@pytest.mark.parametrize("what", ["Ed25519", "passkeys"])
def test_no_changed_byte_is_taken(chrome: Page, log: Log, what: str) -> None:
    """Every byte of a proof with a question, its answers, an intent and an outcome, each changed in a seeded way."""
    panel = Panel()
    data = encode(prove(log, ident_at(log, 12), KEY.vkey))
    if what == "passkeys":
        data = encode(prove(panel.log, panel.approved(), KEY.vkey))
    chance = random.Random(4)
    changes = [(place, 1 << chance.randrange(7)) for place in range(len(data))]
    taken = chrome.run(
        f"""(async () => {{
          const whole = bytes({json.dumps(b64encode(data).decode())}), taken = []
          for (const [place, bit] of {json.dumps(changes)}) {{
            const changed = whole.slice()
            changed[place] ^= bit
            if ((await check(changed)).status !== "rejected") taken.push(place)
          }}
          return taken
        }})()"""
    )
    assert [data[max(0, place - 20) : place + 20] for place in taken] == []


def test_no_byte_of_what_a_proof_holds_can_be_exchanged_with_its_spelling_kept(
    chrome: Page, log: Log
) -> None:
    """As somebody would who writes a new file: each leaf, part, salt and proof changed, and encoded again."""
    whole = prove(log, ident_at(log, 12), KEY.vkey)
    for k, each in enumerate(whole.entries):
        forged: list[Any] = [msgspec.structs.replace(each, leaf=each.leaf.replace('"by":"', '"by":"x', 1))]
        for p, part in enumerate(each.parts):
            for changed in (
                msgspec.structs.replace(part, data=bytes([part.data[0] ^ 1]) + part.data[1:]),
                msgspec.structs.replace(part, salt=(part.salt or b"\0") + b"\0"),
            ):
                parts = (*each.parts[:p], changed, *each.parts[p + 1 :])
                forged.append(msgspec.structs.replace(each, parts=parts))
        for one in forged:
            entries = (*whole.entries[:k], one, *whole.entries[k + 1 :])
            data = encode(msgspec.structs.replace(whole, entries=entries))
            bad = [step["name"] for step in checked(chrome, data)["steps"] if step["ok"] is not True]
            assert bad == [step.name for step in check(data).steps if not step.ok]
            assert bad


def test_the_readers_key_counts_not_the_files(chrome: Page, log: Log) -> None:
    data = encode(prove(log, ident_at(log, 12), KEY.vkey))
    other = NoteKey(ORIGIN, MALLORY.raw).vkey
    found = checked(chrome, data, other)
    assert (found["status"], found["steps"][-1]["name"], found["steps"][-1]["ok"]) == (
        "rejected",
        "checkpoint",
        False,
    )
    assert checked(chrome, data, "no key")["status"] == "rejected"


def test_a_browser_without_ed25519_does_not_say_verified(chrome: Page, log: Log) -> None:
    data = encode(prove(log, ident_at(log, 12), KEY.vkey))
    chrome.run(
        """window.real = SubtleCrypto.prototype.importKey
        SubtleCrypto.prototype.importKey = function (form, raw, algorithm, ...rest) {
          if (algorithm.name === "Ed25519") return Promise.reject(new DOMException("no", "NotSupportedError"))
          return real.call(this, form, raw, algorithm, ...rest)
        }"""
    )
    try:
        assert checked(chrome, data)["status"] == "unable"
    finally:
        chrome.run("SubtleCrypto.prototype.importKey = real")


def test_what_it_tells_is_text(chrome: Page) -> None:
    hostile = "<img src=x onerror=alert(1)>\u202e\u0000"
    found = {
        "status": "verified",
        "steps": [{"name": "x", "ok": True, "text": hostile}],
        "limits": [],
        "entries": [],
    }
    chrome.run(f"tell(document.body, {json.dumps(found)})")
    assert chrome.run("document.querySelectorAll('img, script').length") == 0
    assert "U+202E" in str(chrome.run("document.body.textContent"))
    assert "U+0000" in str(chrome.run("document.body.textContent"))


def test_it_knows_what_each_kind_commits_to() -> None:
    """The table in the script is that of `commitments`: a new kind with a sealed part needs a line there."""
    table = dict(
        re.findall(r'"([a-z_.0-9]+)": "([a-z]+)"', SCRIPT[SCRIPT.index("const WHY") : SCRIPT.index("}\n")])
    )
    for kind in typing.get_args(AnyEntry):
        tag = str(kind.__struct_config__.tag)
        named = {one.name for one in commitments(filled(kind))} - {"action", "result"}
        assert ({table[tag]} if tag in table else set()) == named, tag


def filled(kind: Any) -> Any:
    """An entry of `kind` with something in every field."""
    known = typing.get_type_hints(kind)
    values = {one: something(known[one]) for one in kind.__struct_fields__ if one != "at"}
    return kind(**values)


def something(of: Any) -> Any:
    origin = typing.get_origin(of)
    if origin is typing.Literal:
        return typing.get_args(of)[0]
    if origin in (dict, list):
        return origin()
    if origin in (types.UnionType, typing.Union):
        return something(typing.get_args(of)[0])
    return {str: "x", int: 1, bool: False}[of]
