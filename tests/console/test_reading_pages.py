"""What the pages that read the record do in a real Chromium: proofs checked in place, flows that lead somewhere, a
verification that ends, a checkpoint compared, and a diagnosis that is drawn."""

from __future__ import annotations

import base64
import http.client
import json
import random
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from standwatch.fronts.control_ports import AgentOrder
from standwatch.fronts.control_record import VerificationLine
from standwatch.record.proved import check
from support.chromium import Page as Chrome
from support.chromium import page as chromium
from support.console import World, world

AXE = Path(__file__).parents[2] / "build" / "npm" / "console" / "node_modules" / "axe-core" / "axe.min.js"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with world(tmp_path_factory.mktemp("org")) as made:
        made.there(made.watch.signed_up_to_now())
        yield made


@pytest.fixture(scope="module")
def chrome(site: World) -> Iterator[Chrome]:
    with chromium() as found:
        found.headers(Authorization=site.basic)
        yield found


def got(site: World, path: str) -> bytes:
    connection = http.client.HTTPConnection(site.url.removeprefix("http://"), timeout=20)
    token = base64.b64decode(site.basic.removeprefix("Basic ")).decode().partition(":")[2]
    connection.request("GET", path, headers={"Authorization": f"Bearer {token}"})
    answer = connection.getresponse()
    body = answer.read()
    connection.close()
    assert answer.status == 200, body
    return body


def until(chrome: Chrome, script: str) -> Any:
    """What `script` comes to, once that is something."""
    for _ in range(400):
        try:
            if found := chrome.run(script):
                return found
        except RuntimeError:  # on its way to another page
            pass
        time.sleep(0.05)
    raise AssertionError(f"{script} never came: {chrome.run('document.body.innerText')}")


STATUS = "document.querySelector('form.prove output').dataset.status"
CHECK = "document.querySelector('form.prove').requestSubmit()"


def paths(site: World) -> dict[str, str]:
    names = site.names
    return {
        "a refusal": f"/actions/{names['action.id']}",
        "a question": f"/actions/{names['id']}",
        "a decision": f"/decisions/{names['index']}/1",
        "its proof": f"/decisions/{names['index']}/1/proof",
    }


@pytest.mark.parametrize("what", ["a refusal", "a question", "a decision", "its proof"])
def test_a_proof_is_checked_in_the_page(site: World, chrome: Chrome, what: str) -> None:
    chrome.open(site.url + paths(site)[what])
    chrome.run(CHECK)
    assert until(chrome, STATUS) == "verified"
    steps = chrome.run("[...document.querySelectorAll('.steps li')].map(it => it.textContent)")
    assert any("checkpoint" in one for one in steps)
    assert all(one.startswith("ok ") for one in steps)
    if "decision" in what:
        assert any(one.startswith("ok row 1 of entry") for one in steps)
    assert "What this does not say" in chrome.run("document.querySelector('.checked').textContent")
    assert chrome.run("window.pwned") is None


def test_the_file_of_a_page_is_what_everybody_else_checks(site: World) -> None:
    for path in (f"/actions/{site.names['id']}/proof.json", f"/decisions/{site.names['index']}/0/proof.json"):
        found = check(got(site, path), site.watch.log.vkey)
        assert found.status == "verified", found.steps
    api = got(site, f"/api/v1/actions/{site.names['index']}%2F0/proof")
    assert check(api, site.watch.log.vkey).about == f"{site.names['index']}/0"


def test_a_proof_that_was_changed_on_its_way_fails_in_the_page_and_nothing_of_it_is_shown(
    site: World, chrome: Chrome
) -> None:
    chrome.open(site.url + paths(site)["a question"])
    chrome.run(
        """{ const real = window.fetch; window.fetch = async (...asked) => {
             const text = await (await real(...asked)).text();
             return new Response(text.replace(/"data":"[^"]{8}/, found => found.slice(0, -4) + "AAAA")) } }"""
    )
    chrome.run(CHECK)
    assert until(chrome, STATUS) == "rejected"
    assert chrome.run("document.querySelectorAll('.steps .bad').length") >= 1
    assert chrome.run("document.querySelector('.checked details') === null")
    chrome.open(site.url + paths(site)["a question"])
    chrome.run("document.querySelector('#vkey').value = 'another.invalid/log+00000000+AAAA'")
    chrome.run(CHECK)
    assert until(chrome, STATUS) == "rejected"


def test_a_file_is_checked_on_the_record_page_and_sent_nowhere(
    site: World, chrome: Chrome, tmp_path: Path
) -> None:
    file = tmp_path / "proof.json"
    file.write_bytes(got(site, f"/actions/{site.names['id']}/proof.json"))
    chrome.open(site.url + "/record")
    chrome("DOM.enable")
    document = chrome("DOM.getDocument")["root"]["nodeId"]
    node = chrome("DOM.querySelector", nodeId=document, selector="#proof_file")["nodeId"]
    chrome("DOM.setFileInputFiles", nodeId=node, files=[str(file)])
    sent = "performance.getEntriesByType('resource').length"
    before = chrome.run(sent)
    chrome.run(CHECK)
    assert until(chrome, STATUS) == "verified"
    assert chrome.run(sent) == before


def test_flows_lead_from_a_value_to_where_it_was_read(site: World, chrome: Chrome) -> None:
    chrome.open(f"{site.url}/runs/{site.names['run']}")
    rows = chrome.run("[...document.querySelectorAll('.flows tr')].map(it => it.textContent)")
    assert any("amount" in one for one in rows)
    dead = "[...document.querySelectorAll('main a[href^=\"#\"]')].filter(it => !document.querySelector(it.hash)).length"
    assert chrome.run(dead) == 0
    told = json.loads(got(site, f"/runs/{site.names['run']}.json"))
    assert {one["act"]["word"] for one in told["acts"]} >= {"waiting", "denied"}


def test_the_record_is_verified_from_its_page(site: World, chrome: Chrome) -> None:
    """The world's record has entries that no gateway would write: that is found, and shown with the entry."""
    chrome.open(site.url + "/record")
    press = (
        "[...document.querySelectorAll('form[action$=verification]')].at(-1).querySelector('button').click()"
    )
    chrome.run(press)
    assert (
        until(chrome, "document.querySelector('#verification .verdict.rejected')?.textContent") == "Rejected"
    )
    said = chrome.run("document.querySelector('#verification').innerText")
    assert "It covers every entry from 0" in said
    assert "Entry " in chrome.run("document.querySelector('#verification .problem').innerText")


def test_a_checkpoint_is_compared_from_its_page_without_a_script(site: World, chrome: Chrome) -> None:
    note = got(site, "/log/checkpoint").decode()
    chrome("Emulation.setScriptExecutionDisabled", value=True)
    try:
        chrome.open(site.url + "/record")
        chrome.run(f"document.querySelector('#checkpoint').value = {json.dumps(note)}")
        chrome.run("document.querySelector('#checkpoint').form.submit()")
        assert "extends the checkpoint" in until(
            chrome,
            "location.search && document.querySelector('[aria-labelledby=compare] .verified + p')?.innerText",
        )
        chrome.open(site.url + "/record?checkpoint=nonsense")
        assert (
            chrome.run("document.querySelector('[aria-labelledby=compare] .rejected').innerText")
            == "Rejected"
        )
    finally:
        chrome("Emulation.setScriptExecutionDisabled", value=False)


def test_a_diagnosis_is_drawn_and_reads_without_its_drawing(site: World, chrome: Chrome) -> None:
    chrome.view(1280, 900)
    chrome.open(site.url + "/systems/loans/diagnose?since=1h")
    assert chrome.run("document.querySelector('svg.axis').getAttribute('aria-label')").startswith("From ")
    assert chrome.run("document.querySelectorAll('svg.chart rect.after').length") >= 1
    assert "denied 100.0 %" in chrome.run("document.querySelector('table.mix').innerText")
    chrome.run(AXE.read_text() + ";0")
    found = chrome.run("axe.run(document).then(it => it.violations.map(one => one.id))")
    assert found == []
    chrome.view(320, 640, touch=True)
    assert chrome.run("document.documentElement.scrollWidth") <= 320
    chrome.view(1280, 900)
    chrome.open(site.url + "/systems/loans/diagnose?since=yesterday")
    assert "neither an index nor a time" in chrome.run("document.querySelector('.problem').innerText")


def test_an_action_looks_as_it_did_at_a_moment(site: World, chrome: Chrome) -> None:
    ident = site.names["id"]
    index = site.watch.reader.of_action(ident)[0]
    told = json.loads(got(site, f"/actions/{ident}.json?as_of={index}"))
    assert told["action"]["standing"] == "pending"
    chrome.open(f"{site.url}/actions/{ident}?as_of={index}")
    assert f"as of entry {index}" in chrome.run("document.querySelector('.band').textContent")
    hrefs = chrome.run("[...document.querySelectorAll('main .facts a')].map(it => it.getAttribute('href'))")
    assert hrefs
    assert all(f"as_of={index}" in one for one in hrefs)


def test_no_changed_byte_of_a_decisions_proof_is_taken_in_the_page(site: World, chrome: Chrome) -> None:
    data = got(site, f"/decisions/{site.names['index']}/1/proof.json")
    chrome.open(site.url + paths(site)["its proof"])
    chance = random.Random(7)
    changes = [(place, 1 << chance.randrange(7)) for place in range(len(data))]
    taken = chrome.run(
        f"""(async () => {{
          const script = document.querySelector("script[type=module][src*=proof]").src
          const {{ check }} = await import(script)
          const whole = Uint8Array.from(atob({json.dumps(base64.b64encode(data).decode())}), one => one.charCodeAt(0))
          const taken = (await check(whole)).status === "verified" ? [] : ["not even the whole"]
          for (const [place, bit] of {json.dumps(changes)}) {{
            const changed = whole.slice()
            changed[place] ^= bit
            if ((await check(changed)).status !== "rejected") taken.push(place)
          }}
          return taken
        }})()"""
    )
    assert taken == []


def test_a_person_decides_otherwise_from_the_page(site: World, chrome: Chrome) -> None:
    place = f"/decisions/{site.names['index']}/2"
    chrome.open(site.url + place)
    chrome.run("document.querySelector('details summary').click()")
    chrome.run("document.querySelector('#outcome').value = 'approved'")
    chrome.run("document.querySelector('#reason').value = 'the payslip was misread <b>twice</b>'")
    chrome.run("document.querySelector('form[action$=override] button').click()")
    assert "Overridden in entry" in until(chrome, "document.querySelector('main .warn')?.innerText")
    chrome.open(site.url + "/systems/loans/overrides")
    assert "1 overrides of 1 rows" in chrome.run("document.querySelector('.lead').innerText")
    assert "<b>twice</b>" in chrome.run("document.querySelector('main').innerText")


def test_a_decision_that_cannot_be_executed_again_says_so_at_once(site: World) -> None:
    place = paths(site)["a decision"]
    told = got(site, place).decode()
    assert 'id="why"' in told
    assert "aria-busy" not in told, "nothing is left to wait for"
    assert (
        json.loads(got(site, f"{place}.json"))["decision"]["reasons"]["reasons"]["grade"]["grade"]
        == "narrative"
    )


def test_a_verification_under_way_is_followed_on_its_page(site: World, chrome: Chrome) -> None:
    custody = site.watch.control.custody
    before = custody._last
    running = VerificationLine(status="running", begun=1, by="otto", done=7, of=31, covers=(0, 31))
    try:
        custody._last = running
        chrome.open(site.url + "/record")
        assert chrome.run("document.querySelector('progress').value") == 7
        custody._last = msgspec.structs.replace(running, done=19)
        until(chrome, "document.querySelector('progress')?.value === 19")
        custody._last = msgspec.structs.replace(running, status="verified", ended=2, size=31)
        assert until(chrome, "document.querySelector('#verification .verified')?.textContent") == "Verified"
    finally:
        custody._last = before


def test_an_action_leads_to_where_its_values_came_from(site: World, chrome: Chrome) -> None:
    chrome.open(site.url + paths(site)["a question"])
    chrome.run("[...document.querySelectorAll('main .facts a')].find(it => it.href.includes('?at=')).click()")
    assert until(chrome, "document.querySelector('.step:target .flows')?.innerText")


def test_who_may_see_one_system_reads_its_pages_and_no_others(site: World, chrome: Chrome) -> None:
    watch = site.watch
    issued = site.there(
        watch.control.add_agent(watch.who("maria"), AgentOrder("nina", role="human"))
    )  # owns `ship`
    basic = "Basic " + base64.b64encode(f"x:{issued.token}".encode()).decode()
    chrome.headers(Authorization=basic)
    try:
        for path in ("a refusal", "a question"):
            chrome.open(site.url + paths(site)[path])
            assert "may not see pay" in chrome.run("document.querySelector('.problem').innerText")
        for path in (f"/runs/{site.names['run']}", "/record"):
            chrome.open(site.url + path)
            assert "may not" in chrome.run("document.querySelector('.problem').innerText"), path
        chrome.open(site.url + "/runs")
        told = chrome.run("document.querySelector('main table').innerText")
        assert "loans" in told
        assert "pay" not in told
        chrome.open(site.url + paths(site)["a decision"])
        assert chrome.run("document.querySelector('.problem') === null")
    finally:
        chrome.headers(Authorization=site.basic)
    issued = site.there(
        watch.control.add_agent(watch.who("maria"), AgentOrder("olga", role="human"))
    )  # on call for all
    chrome.headers(Authorization="Basic " + base64.b64encode(f"x:{issued.token}".encode()).decode())
    try:
        for path in (paths(site)["a question"], f"/runs/{site.names['run']}"):
            chrome.open(site.url + path)
            assert chrome.run("document.querySelector('.problem') === null"), path
    finally:
        chrome.headers(Authorization=site.basic)
