"""In a real Chromium: a link, a passkey, the same words at both ends, signing in, acting, and signing out."""

from __future__ import annotations

import http.client
import json
import subprocess
import sys
import threading
from collections.abc import Generator

import pytest

from standwatch.facts.entries import PasskeyDoubted, SignedIn, SignedOut
from support.certificates import issue
from support.chromium import Page, page
from support.provider import provider
from support.system import ROOT, Living, serving, waited

AUTHENTICATORS: list[str] = []


@pytest.fixture(scope="module")
def chrome() -> Generator[Page]:
    with page() as found:
        AUTHENTICATORS.append(found.authenticator())
        yield found


@pytest.fixture(scope="module")
def living(tmp_path_factory: pytest.TempPathFactory) -> Generator[Living]:
    with serving(tmp_path_factory.mktemp("sign in") / "org", {}, accept=False) as found:
        yield found


def added(living: Living, *more: str) -> tuple[str, subprocess.Popen[str]]:
    """`standwatch passkey add` in a terminal of its own: its link, and the command, which waits."""
    command = [sys.executable, "-m", "standwatch.cli.main", "--org", str(living.folder), "passkey", "add"]
    process = subprocess.Popen(
        [*command, "--key", living.key("maria"), "--yes", *more],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        env={**living.home},
    )
    assert process.stderr is not None
    for line in process.stderr:
        if "/enrol#" in line:
            threading.Thread(target=process.stderr.read, daemon=True).start()
            return line.strip(), process
    raise AssertionError("no link came")


def shown(chrome: Page, selector: str) -> str:
    """The text of what is visible there; "" for nothing."""
    return chrome.run(
        f"(() => {{ const it = document.querySelector({json.dumps(selector)});"
        " return it && it.checkVisibility() ? it.textContent : ''; })()"
    )


def click(chrome: Page, selector: str) -> None:
    chrome.run(f"document.querySelector({json.dumps(selector)}).click()")


def at(living: Living, path: str) -> str:
    return f"http://localhost:{living.operators}{path}"


def signed_in(chrome: Page, living: Living) -> str:
    """Signs in as Maria through the page; the session's cookie."""
    chrome.open(at(living, "/signin?next=/you"))
    click(chrome, "[data-passkey-challenge]")
    waited(lambda: chrome.run("location.pathname") == "/you")
    chrome("Network.enable")
    cookies = chrome("Network.getCookies", urls=[at(living, "/")])["cookies"]
    (ours,) = [one for one in cookies if one["name"] == "standwatch"]
    assert ours["httpOnly"]
    assert ours["sameSite"] == "Strict"
    return ours["value"]


def enrolled(chrome: Page, living: Living) -> None:
    if any(one["state"] == "live" for one in living.api.get("/passkeys")["passkeys"]):
        return
    link, process = added(living)
    chrome.open(link)
    waited(lambda: shown(chrome, "[data-step=ready] button"))
    click(chrome, "[data-step=ready] button")
    words = waited(lambda: shown(chrome, "[data-words]"))
    assert process.stdout is not None
    told = process.stdout.read()
    assert process.wait(60) == 0, told
    assert words in told, "both ends show the same words"
    waited(lambda: shown(chrome, "[data-step=live]"))


def test_a_link_a_passkey_a_signature_a_session(chrome: Page, living: Living) -> None:
    assert "/enrol#" in living.heard("/enrol#"), "the first start says how"
    enrolled(chrome, living)
    signed_in(chrome, living)
    assert chrome.run("document.querySelector('h1').textContent").strip() == "maria@bank.example"
    entry = living.of(SignedIn)[-1]
    assert (entry.person, entry.issuer) == ("maria", "")
    # A page of ours acts with the cookie: a script with the token in its header, a form with it in a field.
    acted = """fetch('/api/v1/holds', {method: 'POST', headers: {'x-csrf-token': TOKEN},
        body: JSON.stringify({scope: 'system:nothing', reason: 'a test'})}).then(it => it.status)"""
    token = "document.querySelector('meta[name=csrf]').content"
    assert chrome.run(acted.replace("TOKEN", "'0'.repeat(64)")) == 403
    assert chrome.run(acted.replace("TOKEN", token)) == 201
    click(chrome, "form[action$='/end'] button")
    waited(lambda: chrome.run("location.pathname") == "/signin")
    assert living.of(SignedOut)[-1].code == "left"
    status = "fetch('/api/v1/sessions').then(it => it.status)"
    assert chrome.run(status) == 401
    living.verified()


def test_by_another_name_the_page_says_where_to_sign_in(chrome: Page, living: Living) -> None:
    chrome.open(f"http://127.0.0.1:{living.operators}/signin")
    assert at(living, "") in shown(chrome, "[data-passkey-home]")
    click(chrome, "[data-passkey-challenge]")
    assert "at its own address" in waited(
        lambda: (text := shown(chrome, "#said")) and "Confirm" not in text and text
    )
    chrome.open(at(living, "/signin"))
    assert shown(chrome, "[data-passkey-home]") == ""


def test_a_link_is_good_once_and_says_so(chrome: Page, living: Living) -> None:
    enrolled(chrome, living)
    made = living.api.post("/passkeys/invitations", {"person": "olga"})
    link = made["link"]
    body = json.dumps(json.dumps({"link": link.partition("#")[2]}))
    first = f"fetch('/api/v1/enrolments/challenge', {{method: 'POST', body: {body}}}).then(it => it.status)"
    chrome.open(at(living, "/signin"))
    assert chrome.run(first) == 200, "somebody was faster"
    chrome.open(link)
    assert chrome.run("location.hash") == "", "the link is not left in the address"
    click(chrome, "[data-step=ready] button")
    assert "was used" in waited(lambda: (said := shown(chrome, "#said")) and "Confirm" not in said and said)


def test_a_cookie_in_another_browser_is_refused_ended_recorded_and_shown(
    chrome: Page, living: Living
) -> None:
    enrolled(chrome, living)
    cookie = signed_in(chrome, living)
    thief = http.client.HTTPConnection("127.0.0.1", living.operators, timeout=30)
    headers = {
        "Host": f"localhost:{living.operators}",
        "Cookie": f"standwatch={cookie}",
        "User-Agent": "thief",
    }
    thief.request("GET", "/api/v1/whoami", headers=headers)
    answer = thief.getresponse()
    assert (answer.status, json.loads(answer.read())["code"]) == (401, "unauthenticated")
    thief.close()
    assert chrome.run("fetch('/api/v1/whoami').then(it => it.status)") == 401, "for its owner too"
    ended = waited(lambda: [one for one in living.of(SignedOut) if one.code == "elsewhere"])
    assert [one.person for one in ended] == ["maria"]
    assert living.run("session", "list") == []
    told = [line["text"] for line in living.api.get("/entries?from=-20")]
    assert any("ended: elsewhere" in text for text in told)


def test_a_session_that_an_admin_ends_is_over_at_once(chrome: Page, living: Living) -> None:
    enrolled(chrome, living)
    signed_in(chrome, living)
    (one,) = living.run("session", "list")
    living.run("session", "end", one["session"][:10])
    assert chrome.run("fetch('/api/v1/whoami').then(it => it.status)") == 401


def test_a_link_from_elsewhere_finds_the_session_that_is_open(chrome: Page, living: Living) -> None:
    """A strict cookie does not come along with it; nobody signs in twice for that."""
    enrolled(chrome, living)
    signed_in(chrome, living)
    before = len(living.of(SignedIn))
    chrome.open(f"http://127.0.0.1:{living.operators}/enrol")  # another site, as browsers see it
    chrome.run(f"location.href = {json.dumps(at(living, '/you'))}")
    waited(lambda: chrome.run("location.href") == at(living, "/you"))
    assert waited(lambda: shown(chrome, "form[action$='/end'] button"))
    assert len(living.of(SignedIn)) == before


def test_a_second_passkey_from_the_page_and_an_end_to_it(chrome: Page, living: Living) -> None:
    enrolled(chrome, living)
    signed_in(chrome, living)
    other = chrome.authenticator(transport="usb")
    try:
        click(chrome, "form[action='/you/passkey'] button")
        waited(lambda: shown(chrome, "[data-step=ready] button"))
        click(chrome, "[data-step=ready] button")
        command = waited(lambda: shown(chrome, "[data-command]"))
        fingerprint = command.split()[-1]
        living.run("passkey", "sign", fingerprint, "--key", living.key("maria"), "--yes")
        waited(lambda: shown(chrome, "[data-step=live]"))
        chrome.open(at(living, "/you"))
        click(chrome, f"button[aria-label='End passkey {fingerprint}']")
        waited(
            lambda: (
                {"ended"}
                == {
                    one["state"]
                    for one in living.api.get("/passkeys")["passkeys"]
                    if one["fingerprint"] == fingerprint
                }
            )
        )
    finally:
        chrome("WebAuthn.removeVirtualAuthenticator", authenticatorId=other)


def test_a_copied_passkey_signs_nobody_in(chrome: Page, living: Living) -> None:
    """The counter goes back, as that of a copy would: refused, doubted, and said on the page."""
    enrolled(chrome, living)
    signed_in(chrome, living)
    ident = AUTHENTICATORS[-1]
    (kept,) = [
        one
        for one in chrome("WebAuthn.getCredentials", authenticatorId=ident)["credentials"]
        if one["rpId"] == "localhost"
    ]
    chrome("WebAuthn.removeCredential", authenticatorId=ident, credentialId=kept["credentialId"])
    before = kept["signCount"]
    chrome("WebAuthn.addCredential", authenticatorId=ident, credential=kept | {"signCount": 1})
    try:
        chrome.open(at(living, "/signin"))
        click(chrome, "[data-passkey-challenge]")
        said = waited(lambda: (text := shown(chrome, "#said")) and "Confirm" not in text and text)
        assert "copy" in said
        assert living.of(PasskeyDoubted)[-1].of == -1
    finally:
        chrome("WebAuthn.removeCredential", authenticatorId=ident, credentialId=kept["credentialId"])
        chrome("WebAuthn.addCredential", authenticatorId=ident, credential=kept | {"signCount": before + 10})


@pytest.mark.parametrize("path", ["/signin", "/enrol", "/you"])
def test_these_pages_run_no_script_but_ours(chrome: Page, living: Living, path: str) -> None:
    chrome.open(at(living, path))
    assert chrome.run("[...document.scripts].every(it => it.src.startsWith(location.origin + '/static/'))")
    with pytest.raises(RuntimeError, match=r"(?i)trusted"):
        chrome.run("document.body.innerHTML = '<b>x</b>'")


@pytest.fixture(scope="module")
def protected(tmp_path_factory: pytest.TempPathFactory) -> Generator[Living]:
    """The same over TLS, with certificate files in the organisation's folder."""
    found = Living(tmp_path_factory.mktemp("tls") / "org", {})
    issue(found.folder)
    file = found.folder / "standwatch.yaml"
    address = f"127.0.0.1:{found.operators}"
    listener = {"listen": address, "tls": {"certificate": "chain.pem", "key": "key.pem"}}
    text = file.read_text().replace(f'"operators": "{address}"', f'"operators": {json.dumps(listener)}')
    file.write_text(text.replace(f"http://{address}", f"https://localhost:{found.operators}"))
    found.start()
    try:
        yield found
    finally:
        found.stop()


def test_over_tls_the_cookie_is_the_host_s_and_the_certificate_is_renewed(
    chrome: Page, protected: Living
) -> None:
    chrome("Security.setIgnoreCertificateErrors", ignore=True)
    base = f"https://localhost:{protected.operators}"
    assert protected.heard("operators at https://")
    link, process = added(protected)
    assert link.startswith(f"{base}/enrol#")
    chrome.open(link)
    waited(lambda: shown(chrome, "[data-step=ready] button"))
    click(chrome, "[data-step=ready] button")
    assert process.wait(60) == 0
    chrome.open(f"{base}/signin?next=/you")
    click(chrome, "[data-passkey-challenge]")
    waited(lambda: chrome.run("location.pathname") == "/you")
    chrome("Network.enable")
    cookies = chrome("Network.getCookies", urls=[base])["cookies"]
    (ours,) = [one for one in cookies if one["name"] == "__Host-standwatch"]
    assert ours["secure"]
    assert ours["httpOnly"]
    hsts = "fetch('/you').then(it => it.headers.get('strict-transport-security'))"
    assert chrome.run(hsts) is None, "it would hold for every other server on localhost"
    issue(protected.folder, "localhost", key_of_another=True)
    protected.heard("the certificate that serves stays")
    issue(protected.folder)
    protected.heard("was read again")
    assert chrome.run("fetch('/api/v1/whoami').then(it => it.status)") == 200


@pytest.fixture(scope="module")
def elsewhere(tmp_path_factory: pytest.TempPathFactory) -> Generator[Living]:
    """An organisation that takes the word of an issuer."""
    found = Living(tmp_path_factory.mktemp("oidc") / "org", {})
    with provider(at(found, "/signin/oidc/callback")) as issuer:
        said = {"issuer": issuer, "client_id": "standwatch", "secret_env": "OIDC_SECRET"}
        file = found.folder / "standwatch.yaml"
        maria = '"id": "maria", '
        text = file.read_text()
        assert maria in text
        text = text.replace(maria, maria + '"subject": "sub-maria", ')
        file.write_text(text + f"sign_in: {json.dumps({'oidc': said})}\n")
        found.start(OIDC_SECRET="a secret between the two")
        try:
            yield found
        finally:
            found.stop()


def test_at_an_issuer_and_back_to_read_and_to_stop(chrome: Page, elsewhere: Living) -> None:
    chrome.open(at(elsewhere, "/signin"))
    click(chrome, "a[href='/signin/oidc']")
    waited(lambda: chrome.run("document.querySelector('input[name=login]') !== null"))
    chrome.run("document.querySelector('input[name=login]').value = 'sub-maria'")
    chrome.run("document.querySelector('input[name=password]').value = 'any'")
    click(chrome, "button[type=submit]")
    waited(lambda: chrome.run("(document.querySelector('input[name=prompt]') || {}).value") == "consent")
    click(chrome, "button[type=submit]")
    waited(lambda: chrome.run("location.origin + location.pathname") == at(elsewhere, "/"))
    who = json.loads(chrome.run("fetch('/api/v1/whoami').then(it => it.text())"))
    assert (who["ident"], who["how"]) == ("maria", "issuer")
    post = """fetch('/api/v1/PATH', {method: 'POST', body: JSON.stringify(BODY),
        headers: {'x-csrf-token': document.querySelector('meta[name=csrf]').content}})
        .then(it => it.json()).then(it => it.code || it.text || it.release)"""
    hold = post.replace("PATH", "holds").replace("BODY", "{scope: 'system:nothing', reason: 'a test'}")
    assert "standwatch release" in chrome.run(hold)
    agent = post.replace("PATH", "agents").replace("BODY", "{name: 'bot', systems: []}")
    assert chrome.run(agent) == "passkey_needed"
    entry = elsewhere.of(SignedIn)[-1]
    assert (entry.person, entry.credential, entry.sig) == ("maria", "", "")
    chrome("Network.enable")
    names = {one["name"] for one in chrome("Network.getCookies", urls=[at(elsewhere, "/")])["cookies"]}
    assert "standwatch-oidc" not in names, "the sign-in's own cookie is gone"
    chrome.open(at(elsewhere, "/signin/oidc/callback?state=forged&code=x"))
    assert "not begun in this browser" in chrome.run("document.body.textContent")
