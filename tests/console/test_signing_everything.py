"""Everything that people sign but answers, in a real Chromium with passkeys, through the pages' own script."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from standwatch.facts.entries import Config, Evidence, Glass, Relaxed
from standwatch.facts.entries import Watch as Kept
from standwatch.keys import ed25519
from support.approving import Person, person
from support.system import Living, manifest, serving, waited

MORE = """\
relaxations: {most: 4h}
watch: {night: {people: [olga@bank.example, chen@bank.example], longest: 12h}}
"""
HOUR = 3_600_000_000


@pytest.fixture(scope="module")
def watch(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Living]:
    folder = tmp_path_factory.mktemp("signing")
    with serving(
        folder, {"pay": manifest("pay", [], {})}, accept=False, development=False, more=MORE
    ) as living:
        yield living


@pytest.fixture(scope="module")
def people(watch: Living) -> Iterator[dict[str, Person]]:
    with ExitStack() as stack:
        yield {name: stack.enter_context(person(watch, name)) for name in ("olga", "chen", "maria")}


def sign(who: Person, order: dict[str, Any]) -> dict[str, Any]:
    """What the page's script does with a button that says what is signed; what came of it, or the words it shows."""
    who.open("/")
    return who.chrome.run(
        f"""new Promise((done) => {{
          const button = document.createElement("button");
          button.type = "button";
          button.dataset.passkeyChallenge = "/api/v1/signing/challenge";
          button.dataset.passkeyAnswer = "/api/v1/signing/assertion";
          button.dataset.passkeyBody = {json.dumps(json.dumps(order))};
          document.querySelector("main").append(button);
          button.addEventListener("passkey", (it) => done(it.detail));
          button.click();
          new MutationObserver((_, it) => {{
            const words = button.nextElementSibling && button.nextElementSibling.textContent;
            if (words && !words.startsWith("Confirm")) {{ it.disconnect(); done({{words}}); }}
          }}).observe(document.querySelector("main"), {{childList: true, subtree: true, characterData: true}});
        }})"""
    )


def now() -> int:
    return time.time_ns() // 1000


def taking(watch: Living, **changes: Any) -> dict[str, Any]:
    sheet = watch.api.get("/watch/night")
    return {
        "watch": "night",
        "until": now() + 8 * HOUR,
        "follows": sheet["follows"],
        "shown": sheet["shown"],
        "seen": [f"{one['kind']}:{one['index']}" for one in sheet["open"]],
        **changes,
    }


def test_a_validation_and_a_relaxation(watch: Living, people: dict[str, Person]) -> None:
    said = {"what": "validation", "system": "pay", "outcome": "pass", "until": now() + 100 * HOUR}
    assert sign(people["chen"], said)["result"] == "done"
    assert watch.of(Evidence)[-1].sig.startswith("webauthn:")
    order = {
        "what": "relaxation",
        "system": "pay",
        "check": "provenance",
        "scope": "system:pay",
        "until": now() + HOUR,
        "reason": "another format today",
        "compensating": "step_up",
    }
    assert "takes the signature of a validator" in sign(people["olga"], order)["text"]
    (waiting,) = watch.api.get("/systems/pay/relaxations")["waiting"]
    assert waiting["signed"] == ["olga"]
    done = sign(people["chen"], {"what": "waiting_relaxation", "id": waiting["id"]})
    assert done["result"] == "done", done
    assert watch.of(Relaxed)[-1].signatures.keys() == {"olga", "chen"}


def test_a_watch_is_taken_and_handed_over(watch: Living, people: dict[str, Person]) -> None:
    held = watch.halt("system:pay")["hold"]
    old = taking(watch)
    watch.release(held)
    assert f"hold {held} went" in sign(people["olga"], {"what": "watch", **old})["words"]
    assert sign(people["olga"], {"what": "watch", **taking(watch)})["result"] == "done"
    until = now() + 4 * HOUR
    assert (
        sign(people["olga"], {"what": "hand_over", **taking(watch, until=until), "to": "chen"})["result"]
        == "waits"
    )
    taken = sign(people["chen"], {"what": "watch", **taking(watch, until=until, giver="olga")})
    assert taken["result"] == "done", taken
    entry = watch.of(Kept)[-1]
    assert (entry.step, {sig[:9] for sig in entry.signatures.values()}) == ("handed_over", {"webauthn:"})
    assert watch.api.get("/status")["systems"][0]["watch"] == ["chen"]


def test_a_seal_and_a_configuration(watch: Living, people: dict[str, Person]) -> None:
    key = ed25519.public(ed25519.make())
    seal = {"key": key, "people": ["olga"], "may": ["halt"], "systems": ["pay"], "until": now() + HOUR}
    assert sign(people["maria"], {"what": "break_glass", **seal})["result"] == "done"
    assert watch.of(Glass)[-1].sig.startswith("webauthn:")
    assert "administrator" in sign(people["olga"], {"what": "break_glass", **seal})["words"]
    file = watch.folder / "standwatch.yaml"
    file.write_text(file.read_text().replace("longest: 12h", "longest: 13h"))
    line = waited(lambda: (one := watch.api.get("/configuration"))["result"] == "waits" and one)
    done = sign(people["maria"], {"what": "configuration", "root": line["root"]})
    assert done["result"] == "done", done
    assert watch.of(Config)[-1].signatures["maria"].startswith("webauthn:")
