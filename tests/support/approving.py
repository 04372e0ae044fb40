"""People with passkeys in browsers of their own, before the console of a running Standwatch."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from support.chromium import Page, page
from support.system import Living, waited

NOTED = """
window.noted = [];
addEventListener("securitypolicyviolation", (one) => noted.push(`${one.violatedDirective} ${one.sample}`));
addEventListener("error", (one) => noted.push(String(one.message)));
addEventListener("unhandledrejection", (one) => noted.push(String(one.reason)));
for (const name of ["alert", "confirm", "prompt", "open", "print"]) window[name] = () => noted.push(name);
"""
"""Run before anything of a page: whatever a page would do that it should not is in `noted`."""


class Person:
    """Somebody who has signed in, with a passkey, in a browser of their own."""

    def __init__(self, watch: Living, chrome: Page, name: str) -> None:
        self.watch, self.chrome, self.name = watch, chrome, name

    def at(self, path: str) -> str:
        return f"http://localhost:{self.watch.operators}{path}"

    def enrol(self) -> None:
        """By a link; their own key vouches for what the browser made."""
        link = self.watch.api.post("/passkeys/invitations", {"person": self.name})["link"]
        self.chrome.open(link)
        waited(lambda: self.text("[data-step=ready] button"))
        self.chrome.run("document.querySelector('[data-step=ready] button').click()")
        waited(lambda: self.chrome.run("document.querySelector('[data-words]').textContent"))
        (made,) = [
            one
            for one in self.watch.api.get("/passkeys")["passkeys"]
            if one["person"] == self.name and one["state"] == "waits"
        ]
        self.watch.run("passkey", "sign", made["fingerprint"], "--yes", "--key", self.watch.key(self.name))

    def sign_in(self) -> None:
        self.chrome.open(self.at("/signin?next=/approvals"))
        self.chrome.run("document.querySelector('[data-passkey-challenge]').click()")
        waited(lambda: self.chrome.run("location.pathname") == "/approvals")

    def open(self, path: str) -> None:
        self.chrome.open(self.at(path))

    def text(self, selector: str = "main") -> str:
        """What is shown in it; "" while one page goes and the next has not come."""
        return str(self.chrome.run(f"document.querySelector({json.dumps(selector)})?.innerText ?? ''"))

    def read(self) -> None:
        """Brings the end of the sheet, and of every long text in it, into view, as a reader would."""
        ends = "[...document.querySelectorAll('[data-end]')]"
        for place in range(int(self.chrome.run(f"{ends}.length"))):
            self.chrome.run(f"{ends}[{place}].scrollIntoView({{block: 'center'}})")
            self.chrome.run("new Promise(it => requestAnimationFrame(() => requestAnimationFrame(it)))")
        waited(
            lambda: self.chrome.run("approve.disabled || approve.getAttribute('aria-disabled') === 'false'")
        )

    def answer(self, ident: str, decision: str) -> str:
        """Opens the question, reads it, answers; what the page says then."""
        self.open(f"/approvals/{ident}")
        waited(lambda: not self.chrome.run("refuse.disabled"))
        if decision == "approve":
            self.read()
        self.chrome.run(f"document.getElementById('{decision}').click()")
        return waited(lambda: (said := self.text("#said")) and "Confirm" not in said and said)

    def fetched(self, path: str, body: Any) -> tuple[int, dict[str, Any]]:
        """What a script of the page gets from the API, with the session's token."""
        token = "document.querySelector('meta[name=csrf]').content"
        found = self.chrome.run(
            f"""fetch('/api/v1{path}', {{method: 'POST', body: {json.dumps(json.dumps(body))},
              headers: {{'content-type': 'application/json', 'x-csrf-token': {token}}}
            }}).then(async it => [it.status, await it.json()])"""
        )
        return found[0], found[1]


@contextmanager
def person(watch: Living, name: str) -> Iterator[Person]:
    """`name` in a fresh browser: enrolled and signed in."""
    with page() as chrome:
        chrome.authenticator()
        chrome("Page.addScriptToEvaluateOnNewDocument", source=NOTED)
        found = Person(watch, chrome, name)
        found.enrol()
        found.sign_in()
        yield found
