"""Signing in at a real OpenID Connect provider (node's oidc-provider, certified), and everything that may go wrong."""

from __future__ import annotations

import asyncio
import http.client
import os
import re
from collections.abc import AsyncGenerator, Callable, Coroutine, Generator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from http.cookies import SimpleCookie
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from standwatch.facts.entries import SignedIn
from standwatch.facts.errors import Forbidden, StandwatchError
from standwatch.record.leaf import decode
from standwatch.serve.oidc import Oidc
from support.provider import provider
from support.sessions import CAME, PAGE
from support.watch import PEOPLE, Watch, standing, write_organisation

CALLBACK = f"{PAGE}/signin/oidc/callback"
ID_TOKEN_SECONDS = 90


@pytest.fixture(scope="module")
def issuer() -> Generator[str]:
    with provider(CALLBACK, ID_TOKEN_SECONDS) as found:
        yield found


@dataclass
class Person:
    """Somebody with a browser at the provider: follows redirects, fills in its forms, keeps its cookies."""

    name: str
    cookies: dict[str, str] = field(default_factory=dict[str, str])

    def ask(self, method: str, url: str, form: dict[str, str] | None = None) -> tuple[int, str, str]:
        parts = urlsplit(url)
        connection = http.client.HTTPConnection(parts.hostname or "", parts.port or 80, timeout=20)
        headers = {"Cookie": "; ".join(f"{name}={value}" for name, value in self.cookies.items())}
        if form is not None:
            headers["Content-Type"] = "application/x-www-form-urlencoded"
        path = parts.path + (f"?{parts.query}" if parts.query else "")
        connection.request(method, path, urlencode(form) if form is not None else None, headers)
        answer = connection.getresponse()
        for said in answer.headers.get_all("set-cookie") or ():
            for name, morsel in SimpleCookie(said).items():
                self.cookies[name] = morsel.value
        found = answer.status, answer.headers.get("location", ""), answer.read().decode()
        connection.close()
        return found

    def sign_in(self, url: str) -> dict[str, str]:
        """What the provider sends the browser back with, once this person has logged in and agreed."""
        base = "{0.scheme}://{0.netloc}".format(urlsplit(url))
        method, form = "GET", None
        for _ in range(20):
            status, location, page = self.ask(method, url, form)
            method, form = "GET", None
            if location.startswith(CALLBACK):
                return dict(parse_qsl(urlsplit(location).query))
            if status in (302, 303):
                url = location if "://" in location else base + location
                continue
            assert status == 200, page
            prompt = re.search(r'name="prompt" value="(\w+)"', page)
            action = re.search(r'action="([^"]+)"', page)
            assert prompt, page
            assert action, page
            url = action[1] if "://" in action[1] else base + action[1]
            method, form = "POST", {"prompt": prompt[1], "login": self.name, "password": "any"}
        raise AssertionError("the provider never sent its user back")


@asynccontextmanager
async def watching(
    folder: Path,
    issuer: str,
    *,
    secret: str = "a secret between the two",
    edit: Callable[[str], str] = lambda text: text,
) -> AsyncGenerator[Watch]:
    """The organisation, taking that issuer's word."""
    keys = {name: Ed25519PrivateKey.from_private_bytes(name.encode().ljust(32, b"!")) for name in PEOPLE}
    write_organisation(folder, keys)
    file, client = folder / "standwatch.yaml", "client_id: standwatch, secret_file: secret.txt"
    file.write_text(edit(file.read_text()) + f"sign_in:\n  oidc: {{issuer: '{issuer}', {client}}}\n")
    (folder / "secret.txt").write_text(secret + "\n")
    async with standing(folder) as watch:
        sessions = watch.control.sessions
        watch.control.oidc = Oidc(
            watch.gate,
            sessions,
            folder,
            {},
            clock=lambda: sessions._clock(),  # pyright: ignore[reportPrivateUsage]
            chance=os.urandom,
        )
        try:
            yield watch
        finally:
            await watch.control.oidc.close()


def run(work: Coroutine[Any, Any, None]) -> None:
    asyncio.run(asyncio.wait_for(work, 90))


async def refused(watch: Watch, answer: dict[str, str], browser: str) -> StandwatchError:
    before = watch.reader.size
    with pytest.raises(StandwatchError) as caught:
        await watch.control.finish_oidc(CAME, answer, browser)
    assert not [
        one
        for _, leaf in watch.reader.leaves(before, watch.reader.size)
        if isinstance(one := decode(leaf), SignedIn)
    ]
    return caught.value


def test_a_person_signs_in_at_the_issuer_and_may_read_and_stop(tmp_path: Path, issuer: str) -> None:
    async def play() -> None:
        async with watching(tmp_path / "org", issuer) as watch:
            begun = await watch.control.begin_oidc(CAME)
            asked = dict(parse_qsl(urlsplit(begun.location).query))
            assert asked["code_challenge_method"] == "S256"
            assert asked["redirect_uri"] == CALLBACK
            answer = await asyncio.to_thread(Person("sub-olga").sign_in, begun.location)
            assert answer["iss"] == issuer
            entered = await watch.control.finish_oidc(CAME, answer, begun.browser)
            who = watch.control.visitor(msgspec.structs.replace(CAME, cookie=entered.cookie))
            assert (who.ident, who.how) == ("olga", "issuer")
            (line,) = await watch.control.list_sessions(who)
            assert line.issuer == issuer
            # The same answer again: the sign-in is spent.
            assert (await refused(watch, answer, begun.browser)).code == "not_signed_in"
            # The same code in a sign-in of the thief's own: PKCE, and the provider's single use.
            mine = await watch.control.begin_oidc(CAME)
            state = dict(parse_qsl(urlsplit(mine.location).query))["state"]
            error = await refused(watch, answer | {"state": state}, mine.browser)
            assert "does not take its code back" in str(error)

    run(play())


def test_what_does_not_fit_opens_nothing(tmp_path: Path, issuer: str) -> None:
    async def play() -> None:
        async with watching(tmp_path / "org", issuer) as watch:
            control = watch.control

            async def answered(change: dict[str, str] | None = None) -> tuple[dict[str, str], str]:
                begun = await control.begin_oidc(CAME)
                where, _, query = begun.location.partition("?")
                asked = dict(parse_qsl(query)) | (change or {})
                answer = await asyncio.to_thread(Person("sub-olga").sign_in, f"{where}?{urlencode(asked)}")
                return answer, begun.browser

            answer, browser = await answered()
            await refused(watch, answer | {"state": "x" * 43}, browser)  # forged
            assert await control.finish_oidc(CAME, answer, browser), "nobody else's attempt spends it"

            answer, _ = await answered()
            other = await control.begin_oidc(CAME)
            assert "not begun in this browser" in str(
                await refused(watch, answer, other.browser)
            )  # another's browser

            answer, browser = await answered()
            assert "another issuer" in str(
                await refused(watch, answer | {"iss": "http://127.0.0.1:1"}, browser)
            )

            answer, browser = await answered()
            del answer["iss"]  # the provider says that it always names itself
            assert "another issuer" in str(await refused(watch, answer, browser))

            answer, browser = await answered({"nonce": "of another sign-in"})
            assert "nonce" in str(await refused(watch, answer, browser))

            answer, browser = await answered({"client_id": "another"})  # a code for somebody else's service
            assert "does not take its code back" in str(await refused(watch, answer, browser))

            answer, browser = await answered({"code_challenge": "x" * 43})
            assert "does not take its code back" in str(await refused(watch, answer, browser))

            answer, browser = await answered()
            real = control.sessions._clock  # pyright: ignore[reportPrivateUsage]
            control.sessions._clock = lambda: real() + (ID_TOKEN_SECONDS + 61) * 1_000_000  # pyright: ignore[reportPrivateUsage]
            error = await refused(watch, answer, browser)
            assert (error.code, "expired" in str(error).lower()) == ("bad_id_token", True)
            control.sessions._clock = real  # pyright: ignore[reportPrivateUsage]

            begun = await control.begin_oidc(CAME)
            state = dict(parse_qsl(urlsplit(begun.location).query))["state"]
            denied = {"state": state, "error": "access_denied", "iss": issuer}
            assert "did not let you in" in str(await refused(watch, denied, begun.browser))

    run(play())


def test_only_a_person_of_ours_with_a_verified_address_or_a_subject_is_anybody(
    tmp_path: Path, issuer: str
) -> None:
    async def play() -> None:
        async with watching(tmp_path / "org", issuer) as watch:
            for stranger in ("sub-eve", "unverified-olga"):
                begun = await watch.control.begin_oidc(CAME)
                answer = await asyncio.to_thread(Person(stranger).sign_in, begun.location)
                assert "nobody of standwatch.yaml" in str(await refused(watch, answer, begun.browser))

    run(play())


def test_a_subject_counts_whatever_the_address_says(tmp_path: Path, issuer: str) -> None:
    def named(text: str) -> str:
        return text.replace("name: Nina,", "name: Nina, subject: unverified-olga,")

    async def play() -> None:
        async with watching(tmp_path / "org", issuer, edit=named) as watch:
            begun = await watch.control.begin_oidc(CAME)
            answer = await asyncio.to_thread(Person("unverified-olga").sign_in, begun.location)
            entered = await watch.control.finish_oidc(CAME, answer, begun.browser)
            assert entered.opened.person == "nina"

    run(play())


def test_a_wrong_secret_and_a_silent_issuer_open_nothing(tmp_path: Path, issuer: str) -> None:
    async def play() -> None:
        async with watching(tmp_path / "org", issuer, secret="another secret") as watch:
            begun = await watch.control.begin_oidc(CAME)
            answer = await asyncio.to_thread(Person("sub-olga").sign_in, begun.location)
            assert "does not take its code back" in str(await refused(watch, answer, begun.browser))
        async with watching(tmp_path / "silent", "http://127.0.0.1:9") as watch:
            with pytest.raises(StandwatchError) as caught:
                await watch.control.begin_oidc(CAME)
            assert caught.value.code == "issuer_unavailable"

    run(play())


def test_a_session_by_its_word_ends_when_the_issuer_is_dropped(tmp_path: Path, issuer: str) -> None:
    async def play() -> None:
        async with watching(tmp_path / "org", issuer) as watch:
            begun = await watch.control.begin_oidc(CAME)
            answer = await asyncio.to_thread(Person("sub-olga").sign_in, begun.location)
            entered = await watch.control.finish_oidc(CAME, answer, begun.browser)
            came = msgspec.structs.replace(CAME, cookie=entered.cookie)
            assert watch.control.visitor(came).ident == "olga"
            configuration = watch.gate.configuration
            organisation = msgspec.structs.replace(
                configuration.organisation,
                sign_in=msgspec.structs.replace(configuration.organisation.sign_in, oidc=None),
            )
            dropped = msgspec.structs.replace(configuration, organisation=organisation)
            watch.gate.world = msgspec.structs.replace(watch.gate.world, configuration=dropped)
            with pytest.raises(Forbidden):
                watch.control.visitor(came)

    run(play())
