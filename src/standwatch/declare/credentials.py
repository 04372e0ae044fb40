"""How an upstream is shown that one act was released: `credential:` of a component with a `url`."""

from typing import Final, Literal

from standwatch.declare.schema import Fields, Reader, boolean, choice, duration, listing, shaped, text
from standwatch.declare.text import Mapping, Node, Problems
from standwatch.facts.credentials import LONGEST, Credential

_kind: Reader[Literal["jwt", "exchange"]] = choice("jwt", "exchange")
_scope = shaped(r"[\x21\x23-\x5b\x5d-\x7e]{1,200}", "a scope")
_endpoint = shaped(r"https?://[^\s/?#@]{1,253}(/[^\s#@]*)?", "an address http(s)://… without credentials")
_secret = shaped(r"\$\{[^}]{1,500}\}", "a reference such as ${sealed:NAME}: a secret never stands here")
_OF_EXCHANGES: Final = ("token_url", "revocation_url", "issuer", "client_id", "client_secret")
_LOCAL: Final = ("http://127.", "http://localhost", "http://[::1]")


def read_credential(node: Node, problems: Problems) -> Credential | None:
    """A token of ours for each act, or what an authorisation server gives for it."""
    fields = Fields(node, problems, "credential")
    said = Credential(
        kind=fields.need("kind", _kind, "jwt"),
        audience=fields.take("audience", text("an audience", 1000), ""),
        scope=fields.take("scope", listing(_scope, "scopes"), ()),
        seconds=fields.take("expires", duration, LONGEST),
        dpop=fields.take("dpop", boolean, True),
        token_url=fields.take("token_url", _endpoint, ""),
        revocation_url=fields.take("revocation_url", _endpoint, ""),
        issuer=fields.take("issuer", text("an issuer", 1000), ""),
        client_id=fields.take("client_id", text("a client's name", 1000), ""),
        client_secret=fields.take("client_secret", _secret, ""),
    )
    fields.close()
    if isinstance(node, Mapping):
        _contradictions(fields, said, problems)
    return said


def _contradictions(fields: Fields, said: Credential, problems: Problems) -> None:
    if not 5 <= said.seconds <= LONGEST:
        problems.add(fields.place("expires"), f"{said.seconds} s, expected between 5s and {LONGEST}s")
    if said.kind == "exchange" and not said.token_url:
        problems.add(fields.mark, "an exchange without token_url, expected the token endpoint's address")
    for name in _OF_EXCHANGES:
        if said.kind == "jwt" and fields.has(name):
            problems.add(
                fields.place(name), f"{name} on a credential of kind jwt, expected it on an exchange only"
            )
    for name in ("token_url", "revocation_url"):
        where: str = getattr(said, name)
        if where.startswith("http://") and not where.startswith(_LOCAL):
            problems.add(fields.place(name), f"{name} without TLS, expected https (or loopback)")
