"""Minting: for each released act the narrowest credential that its upstream accepts, shown once and forgotten.

Agents never hold a secret of an upstream. We sign a token for exactly one recorded act, at most a minute long, bound to
a key that only this process has; or hand that token to the organisation's authorisation server for one of its own.
What no act needs (listing tools, opening a session) is shown a token that says so and names no act.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Any, Final
from uuid import UUID

import msgspec

from standwatch.facts.configuration import Component
from standwatch.facts.credentials import Credential, Minted, Present, Warrant
from standwatch.facts.errors import StandwatchError
from standwatch.keys import ed25519
from standwatch.keys.jose import Signer, proof, signer
from standwatch.upstream.exchange import (
    ACCESS_TOKEN,
    ASSERTION,
    GRANT,
    JWT_TYPE,
    Given,
    NotGiven,
    exchange,
    revoke,
)
from standwatch.upstream.http import HttpClient
from standwatch.upstream.stdio import resolve

Shown = tuple[tuple[str, str], ...]
_LONGEST: Final = 300
"""Seconds that a catalogue's token is used at most, however long it is good for."""
_KEPT: Final = 10
"""Seconds before its end that a catalogue's token is not used any more."""


class Minter:
    """One for each process. `issuer()` is whom tokens are from: the organisation's `public_url`."""

    def __init__(
        self,
        key: Signer,
        issuer: Callable[[], str],
        environment: Mapping[str, str],
        *,
        clock: Callable[[], int],
        chance: Callable[[int], bytes],
    ) -> None:
        self._key = key
        self._issuer = issuer
        self._environment = environment
        self._clock = clock
        self._chance = chance
        self._own = signer(ed25519.make())
        """Proofs of possession are made with it. It is nowhere but in this process's memory."""
        self._client: HttpClient | None = None

    async def mint(self, component: Component, warrant: Warrant) -> Minted:
        """A credential for one act at `component`, which declares how. Raises `NotGiven`, `UpstreamError` or
        `CannotStart` where there is none; then nothing may be sent."""
        said = component.credential
        assert said is not None
        token = self._token(component, said, warrant)
        if said.kind == "jwt":
            return _Token(self, token, bound=said.dpop)
        given = await self._exchanged(component, said, token, warrant)
        return _Exchanged(self, component, said, given.access_token)

    def catalogue(self, component: Component) -> Present | None:
        """Presents what our own requests need; None for a component without a `credential`."""
        if component.credential is None:
            return None
        return _Catalogue(self, component, component.credential).present

    def shown(self, token: str, method: str, url: str, *, bound: bool) -> Shown:
        """The headers of one request with `token`."""
        if not bound:
            return (("authorization", f"Bearer {token}"),)
        made = proof(self._own, method=method, url=url, token=token, at=self._seconds(), jti=self._fresh())
        return (("authorization", f"DPoP {token}"), ("dpop", made))

    def _token(self, component: Component, said: Credential, warrant: Warrant | None) -> str:
        now, issuer = self._seconds(), self._issuer()
        audience = said.audience or component.url
        whom = audience if said.kind == "jwt" else said.issuer or said.token_url
        claims: dict[str, Any] = {
            "iss": issuer,
            "aud": whom,
            "sub": warrant.by if warrant else "standwatch",
            "client_id": said.client_id or (warrant.system if warrant else "standwatch"),
            "iat": now,
            "nbf": now,
            "exp": now + said.seconds,
            "jti": warrant.id if warrant else self._fresh(),
            "authorization_details": _details(warrant, audience),
        }
        if said.scope:
            claims["scope"] = " ".join(said.scope)
        if warrant:
            claims["run"] = warrant.run
        if said.dpop:
            claims["cnf"] = {"jkt": self._own.thumbprint}
        return self._key.sign({"typ": "at+jwt", "kid": self._key.thumbprint}, claims)

    async def _exchanged(
        self, component: Component, said: Credential, subject: str, warrant: Warrant | None
    ) -> Given:
        audience = said.audience or component.url
        form = {
            "grant_type": GRANT,
            "audience": audience,
            "resource": audience,
            "requested_token_type": ACCESS_TOKEN,
            "subject_token": subject,
            "subject_token_type": JWT_TYPE,
            "authorization_details": msgspec.json.encode(_details(warrant, audience)).decode(),
        }
        if said.scope:
            form["scope"] = " ".join(said.scope)
        basic = await self._basic(component, said)

        def attempt(nonce: str) -> tuple[dict[str, str], str]:
            whole = {**form, **({} if basic else self._assertion(said))}
            if not said.dpop:
                return whole, ""
            return whole, proof(
                self._own,
                method="POST",
                url=said.token_url,
                token="",
                at=self._seconds(),
                jti=self._fresh(),
                nonce=nonce,
            )

        return await exchange(self.client, said.token_url, attempt, basic=basic)

    async def _basic(self, component: Component, said: Credential) -> tuple[str, str] | None:
        """Who we are, by a secret between the two; None where we sign for it."""
        if not said.client_secret:
            return None
        named = {"secret": said.client_secret}
        found = await asyncio.to_thread(resolve, component.name, named, self._environment)
        return said.client_id or self._issuer(), found["secret"]

    def _assertion(self, said: Credential) -> dict[str, str]:
        """Who we are, signed (`private_key_jwt`, RFC 7523): good once."""
        client, now = said.client_id or self._issuer(), self._seconds()
        claims = {
            "iss": client,
            "sub": client,
            "aud": said.issuer or said.token_url,
            "iat": now,
            "exp": now + said.seconds,
            "jti": self._fresh(),
        }
        assertion = self._key.sign({"kid": self._key.thumbprint}, claims)
        return {"client_id": client, "client_assertion_type": ASSERTION, "client_assertion": assertion}

    async def give_up(self, component: Component, said: Credential, token: str) -> None:
        """Revoke what was exchanged, where that can be done."""
        if said.revocation_url:
            try:
                basic = await self._basic(component, said)
            except StandwatchError:
                return
            form = {} if basic else self._assertion(said)
            await revoke(self.client, said.revocation_url, token, form, basic=basic)

    async def catalogue_token(self, component: Component, said: Credential) -> tuple[str, int]:
        """A token that names no act, and for how many seconds it is good."""
        token = self._token(component, said, None)
        if said.kind == "jwt":
            return token, said.seconds
        given = await self._exchanged(component, said, token, None)
        return given.access_token, min(given.expires_in or said.seconds, _LONGEST)

    @property
    def client(self) -> HttpClient:
        """Speaks to token endpoints, and to nobody else."""
        if self._client is None:
            self._client = HttpClient(max_per_origin=16)
        return self._client

    async def close(self) -> None:
        """Ends its connections."""
        if self._client is not None:
            await self._client.close()

    def _seconds(self) -> int:
        return self._clock() // 1_000_000

    def now(self) -> int:
        """Seconds since 1970."""
        return self._seconds()

    def _fresh(self) -> str:
        return str(UUID(bytes=self._chance(16), version=4))


def _details(warrant: Warrant | None, audience: str) -> list[dict[str, Any]]:
    if warrant is not None:
        return warrant.details(audience)
    return [{"type": "standwatch_catalogue", "locations": [audience]}]


class _Token:
    """A token of our own."""

    def __init__(self, minter: Minter, token: str, *, bound: bool) -> None:
        self._minter, self._token, self._bound = minter, token, bound

    async def present(self, method: str, url: str) -> Shown:
        if not self._token:
            raise NotGiven("the act that the credential was for has ended")
        return self._minter.shown(self._token, method, url, bound=self._bound)

    async def drop(self) -> None:
        self._token = ""


class _Exchanged(_Token):
    """One that the authorisation server gave."""

    def __init__(self, minter: Minter, component: Component, said: Credential, token: str) -> None:
        super().__init__(minter, token, bound=said.dpop)
        self._of = component, said

    async def drop(self) -> None:
        token, self._token = self._token, ""
        if token:
            await self._minter.give_up(*self._of, token)


class _Catalogue:
    """Renewed as it runs out."""

    def __init__(self, minter: Minter, component: Component, said: Credential) -> None:
        self._minter, self._component, self._said = minter, component, said
        self._token, self._until = "", 0

    async def present(self, method: str, url: str) -> Shown:
        now = self._minter.now()
        if now >= self._until:
            self._token, seconds = await self._minter.catalogue_token(self._component, self._said)
            self._until = now + max(seconds - _KEPT, 1)
        return self._minter.shown(self._token, method, url, bound=self._said.dpop)
