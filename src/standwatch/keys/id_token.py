"""What an OpenID Connect issuer says of somebody: an ID token, verified (OpenID Connect Core 1.0 §3.1.3.7).

The plan, numbered as in the body of `verified`:
 1. signed with a key of the issuer's own set, by an asymmetric algorithm: neither `none` nor a shared secret
 2. from that issuer, to us and to nobody else, still good, and not from the future
 3. for exactly this sign-in (`nonce`), and beside exactly this access token (`at_hash`, where it is said)

Authlib is imported at a sign-in only.
"""

from typing import Any, Final, cast

from standwatch.facts.errors import Forbidden

ALGORITHMS: Final = ("RS256", "PS256", "ES256", "EdDSA", "Ed25519")
"""JOSE names (RFC 7518, RFC 8037) of what is taken."""
LEEWAY: Final = 60  # seconds that two clocks may differ
OLDEST: Final = 600  # seconds between the issuer's word and our reading it
_MOST: Final = 16_384  # characters of a token


def verified(
    token: object,
    keys: dict[str, Any],
    *,
    issuer: str,
    client: str,
    nonce: str,
    access_token: str,
    now: int,
) -> dict[str, Any]:
    """The claims of an ID token. `now` in seconds. Raises `Forbidden` (`bad_id_token`, `unknown_id_key`)."""
    from authlib.oidc.core import CodeIDToken
    from joserfc import jwt
    from joserfc.errors import BadSignatureError, InvalidKeyIdError, JoseError
    from joserfc.jwk import KeySet

    if not isinstance(token, str) or len(token) > _MOST:
        raise _refused("there is none")
    try:
        opened = jwt.decode(
            token, KeySet.import_key_set({"keys": _signing(keys)}), algorithms=list(ALGORITHMS)
        )  # (1)
        claims = CodeIDToken(
            opened.claims,
            opened.header,
            {"iss": {"essential": True, "value": issuer}, "aud": {"essential": True, "value": client}},  # (2)
            {"nonce": nonce, "client_id": client, "access_token": access_token},  # (3)
        )
        claims.validate(now=now, leeway=LEEWAY)
    except (InvalidKeyIdError, BadSignatureError):
        raise Forbidden(
            "the ID token is not signed with a key of the issuer's", code="unknown_id_key"
        ) from None
    except (JoseError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise _refused(f"{type(error).__name__} {error}"[:200]) from None
    audience: object = claims.get("aud")
    if audience not in (client, [client]):
        raise _refused("it is for others too")
    issued: object = claims.get("iat")
    if not isinstance(issued, int) or not -LEEWAY <= now - issued <= OLDEST:
        raise _refused("it was not issued just now")
    if not isinstance(claims.get("sub"), str) or not claims["sub"]:
        raise _refused("it names nobody")
    return dict(claims)


def _signing(keys: dict[str, Any]) -> list[dict[str, Any]]:
    """The public keys of a set that may sign; a shared one, or a private half, is not the issuer's to show."""
    found = keys.get("keys")
    given = cast("list[Any]", found) if isinstance(found, list) else []
    return [one for one in given if isinstance(one, dict) and _signs(cast("dict[str, Any]", one))]


def _signs(key: dict[str, Any]) -> bool:
    return key.get("kty") in ("RSA", "EC", "OKP") and key.get("use", "sig") == "sig" and "d" not in key


def _refused(why: str) -> Forbidden:
    return Forbidden(f"the issuer's ID token is refused: {why}", code="bad_id_token")
