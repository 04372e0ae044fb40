"""Signing in by word of an OpenID Connect issuer: code flow with PKCE, `state` and `nonce` (RFC 6749, 7636, 9207).

A sign-in under way is tied to one browser by a cookie, and good once. Nothing that the issuer gives is kept but who it
says that was. Whoever it says must be a person of standwatch.yaml: by `subject`, else by a verified e-mail address.
"""

import re
from base64 import b64encode
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final, cast
from urllib.parse import quote

import msgspec

from standwatch.facts.canonical import parse
from standwatch.facts.configuration import Configuration, Person
from standwatch.facts.cookies import cookie_hash, is_cookie, new_cookie
from standwatch.facts.errors import Forbidden, Misconfigured, NotFound, StandwatchError, Unavailable
from standwatch.facts.signing_in import Issuer
from standwatch.fronts.control_client import Came
from standwatch.fronts.control_sessions import Entered, OidcBegun
from standwatch.keys.id_token import verified
from standwatch.serve.control_party import party_of
from standwatch.serve.gate import LiveGate
from standwatch.serve.sessions import Sessions
from standwatch.upstream.http import HttpClient, Timeouts, UpstreamError

CALLBACK: Final = "/signin/oidc/callback"
VALID: Final = 600 * 1_000_000  # µs that somebody may take at the issuer
FRESH: Final = 600 * 1_000_000  # µs after which the issuer's own pages are read again
MOST: Final = 8192
"""Sign-ins under way: more than `Rates` lets begin within `VALID`."""
_MOST_BYTES: Final = 256 << 10
_TIMEOUTS: Final = Timeouts(connect=5.0, first_byte=10.0, total=15.0)
_LOCAL: Final = re.compile(r"http://(localhost|127\.0\.0\.1|\[::1\])(:|/|$)")


class _Begun(msgspec.Struct, frozen=True):
    """INVARIANT: of the browser's cookie only the SHA-256 is kept."""

    browser: str
    nonce: str
    verifier: str
    issuer: str
    until: int


class _Provider(msgspec.Struct):
    """What an issuer publishes of itself (OpenID Connect Discovery 1.0 §3)."""

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    userinfo_endpoint: str = ""
    authorization_response_iss_parameter_supported: bool = False


class Oidc:
    """Every error is a `StandwatchError`; its browser hears a sentence, its operator finds the reason in it."""

    def __init__(
        self,
        gate: LiveGate,
        sessions: Sessions,
        folder: Path,
        environment: Mapping[str, str],
        *,
        clock: Callable[[], int],
        chance: Callable[[int], bytes],
    ) -> None:
        self._gate, self._sessions = gate, sessions
        self._folder, self._environment = folder, environment
        self._clock, self._chance = clock, chance
        self._client = HttpClient(max_per_origin=8)
        self._begun: dict[str, _Begun] = {}
        self._provider: tuple[str, int, _Provider] | None = None
        self._keys: tuple[str, int, dict[str, Any]] | None = None

    @property
    def _configuration(self) -> Configuration:
        return self._gate.configuration

    async def close(self) -> None:
        """End what is under way."""
        await self._client.close()

    # --- there -----------------------------------------------------------------------------------------------

    async def begin(self, came: Came) -> OidcBegun:
        """Where the browser goes, and the cookie that ties what comes back to it."""
        from authlib.oauth2.rfc6749.parameters import prepare_grant_uri
        from authlib.oauth2.rfc7636 import create_s256_code_challenge

        self._sessions.rates.take(came.network)
        issuer = self._issuer()
        provider = await self._published(issuer)
        now = self._clock()
        self._begun = {name: one for name, one in self._begun.items() if now < one.until}
        while len(self._begun) >= MOST:
            del self._begun[next(iter(self._begun))]
        state, nonce, verifier, browser = (new_cookie(self._chance) for _ in range(4))
        self._begun[state] = _Begun(cookie_hash(browser), nonce, verifier, issuer.issuer, now + VALID)
        location = prepare_grant_uri(
            provider.authorization_endpoint,
            issuer.client_id,
            "code",
            redirect_uri=self._callback(),
            scope="openid email",
            state=state,
            nonce=nonce,
            code_challenge=create_s256_code_challenge(verifier),
            code_challenge_method="S256",
        )
        return OidcBegun(location, browser, VALID // 1_000_000)

    def _callback(self) -> str:
        return party_of(self._configuration.organisation).origin + CALLBACK

    def _issuer(self) -> Issuer:
        found = self._configuration.organisation.sign_in.oidc
        if found is None:
            raise NotFound("no issuer is configured", cure="docs/manifest.md, sign_in")
        return found

    # --- and back --------------------------------------------------------------------------------------------

    async def finish(self, came: Came, answer: Mapping[str, str], browser: str) -> Entered:
        """Open the session of whoever the issuer says came back."""
        self._sessions.rates.take(came.network)
        issuer = self._issuer()
        begun = self._begun.pop(answer.get("state", ""), None)  # once, whatever comes of it
        if (
            begun is None
            or self._clock() >= begun.until
            or begun.issuer != issuer.issuer
            or not is_cookie(browser)
            or cookie_hash(browser) != begun.browser
        ):
            raise _refused("this sign-in was not begun in this browser, or took too long: begin again")
        provider = await self._published(issuer)
        _from_issuer(answer, provider)
        said = await self._redeem(issuer, provider, answer.get("code", ""), begun.verifier)
        access = said.get("access_token")
        access = access if isinstance(access, str) else ""
        claims = await self._claims(issuer, provider, said.get("id_token"), begun.nonce, access)
        person = await self._person(provider, claims, access)
        return await self._sessions.by_issuer(came, person, issuer.issuer)

    async def _redeem(self, issuer: Issuer, provider: _Provider, code: str, verifier: str) -> dict[str, Any]:
        from authlib.oauth2.rfc6749.parameters import prepare_token_request

        secret = self._secret(issuer)
        headers: list[tuple[str, str]] = [
            ("content-type", "application/x-www-form-urlencoded"),
            ("accept", "application/json"),
        ]
        named = {"client_id": issuer.client_id}
        if secret:  # client_secret_basic (RFC 6749 §2.3.1)
            pair = f"{quote(issuer.client_id, safe='')}:{quote(secret, safe='')}"
            headers.append(("authorization", "Basic " + b64encode(pair.encode()).decode()))
            named = {}
        body = prepare_token_request(
            "authorization_code", redirect_uri=self._callback(), code=code, code_verifier=verifier, **named
        )
        return await self._json("POST", provider.token_endpoint, tuple(headers), body.encode())

    async def _claims(
        self, issuer: Issuer, provider: _Provider, token: object, nonce: str, access: str
    ) -> dict[str, Any]:
        """The claims of the ID token. A key that we do not know yet may be new: the set is read once more."""
        for again in (False, True):
            keys = await self._key_set(provider, anew=again)
            try:
                return verified(
                    token,
                    keys,
                    issuer=issuer.issuer,
                    client=issuer.client_id,
                    nonce=nonce,
                    access_token=access,
                    now=self._clock() // 1_000_000,
                )
            except Forbidden as error:
                if again or error.code != "unknown_id_key":
                    raise
        raise AssertionError("the loop returns or raises")

    async def _person(self, provider: _Provider, claims: dict[str, Any], access: str) -> Person:
        people = self._configuration.organisation.people
        subject = claims["sub"]
        known = next((one for one in people if one.subject == subject), None)
        if known is not None:
            return known
        if "email" not in claims and provider.userinfo_endpoint and access:
            headers = (("authorization", f"Bearer {access}"), ("accept", "application/json"))
            said = await self._json("GET", provider.userinfo_endpoint, headers)
            if said.get("sub") != subject:  # (Core §5.3.2: MUST be the same, or nothing of it counts)
                raise _refused("the issuer speaks of somebody else than it did before")
            claims = said
        address = claims.get("email")
        # INVARIANT: an address that its issuer did not verify is what its owner wrote there.
        if isinstance(address, str) and claims.get("email_verified") is True:
            mine = [one for one in people if one.address.lower() == address.lower() and not one.subject]
            if len(mine) == 1:
                return mine[0]
        raise _refused("the issuer names nobody of standwatch.yaml")

    # --- what the issuer publishes ---------------------------------------------------------------------------

    async def _published(self, issuer: Issuer) -> _Provider:
        now, known = self._clock(), self._provider
        if known is not None and known[0] == issuer.issuer and now - known[1] < FRESH:
            return known[2]
        said = await self._json("GET", issuer.issuer.rstrip("/") + "/.well-known/openid-configuration")
        try:
            found = msgspec.convert(said, _Provider)
        except msgspec.ValidationError as error:
            raise _unavailable(f"its configuration lacks something: {error}") from None
        if found.issuer != issuer.issuer:  # (Discovery §4.3: MUST be identical)
            raise _unavailable("its configuration is that of another issuer")
        ends = (found.authorization_endpoint, found.token_endpoint, found.jwks_uri, found.userinfo_endpoint)
        if not all(_protected(end, issuer.issuer) for end in ends if end):
            raise _unavailable("an address of it is not protected")
        self._provider = (issuer.issuer, now, found)
        return found

    async def _key_set(self, provider: _Provider, *, anew: bool) -> dict[str, Any]:
        now, known = self._clock(), self._keys
        if known is not None and known[0] == provider.jwks_uri and now - known[1] < FRESH and not anew:
            return known[2]
        found = await self._json("GET", provider.jwks_uri)
        self._keys = (provider.jwks_uri, now, found)
        return found

    async def _json(
        self, method: str, url: str, headers: tuple[tuple[str, str], ...] = (), body: bytes = b""
    ) -> dict[str, Any]:
        try:
            answer = await self._client.request(
                method, url, headers=headers, body=body, timeouts=_TIMEOUTS, max_bytes=_MOST_BYTES
            )
        except UpstreamError as error:
            raise _unavailable(str(error)) from None
        if answer.status >= 400 and method == "POST":
            raise _refused("the issuer does not take its code back: begin again")
        if answer.status != 200:
            raise _unavailable(f"it answered {answer.status}")
        try:
            found = parse(answer.body)
        except StandwatchError:
            raise _unavailable("it does not speak JSON") from None
        if not isinstance(found, dict):
            raise _unavailable("it does not speak JSON")
        return cast("dict[str, Any]", found)

    def _secret(self, issuer: Issuer) -> str:
        """Our secret there, from the environment or a file; "" for a public client."""
        if issuer.secret_env:
            found = self._environment.get(issuer.secret_env, "")
            if not found:
                raise Misconfigured((f"sign_in: ${issuer.secret_env} is not set, expected our secret",))
            return found
        if not issuer.secret_file:
            return ""
        try:
            return (self._folder / issuer.secret_file).read_text(encoding="utf-8").strip()
        except (OSError, ValueError) as error:
            raise Misconfigured((f"sign_in: {issuer.secret_file} cannot be read: {error}",)) from None


def _from_issuer(answer: Mapping[str, str], provider: _Provider) -> None:
    """Raise unless the answer is a code, and from that issuer (RFC 9207 §2.4: against mix-up)."""
    named = answer.get("iss")
    wanted = provider.authorization_response_iss_parameter_supported
    if named != provider.issuer and (named is not None or wanted):
        raise _refused("another issuer answered")
    if "error" in answer:
        raise _refused("the issuer did not let you in")
    if not answer.get("code"):
        raise _refused("the issuer gave no code")


def _protected(url: str, issuer: str) -> bool:
    return url.startswith("https://") or bool(_LOCAL.match(url) and _LOCAL.match(issuer))


def _refused(message: str) -> Forbidden:
    return Forbidden(message, code="not_signed_in", cure="/signin")


def _unavailable(why: str) -> Unavailable:
    return Unavailable(f"the issuer cannot be asked now: {why}", code="issuer_unavailable", cure="/signin")
