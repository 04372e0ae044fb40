"""`sign_in`, and `tls` and `proxy` of a listener: how people come in, and over which connection."""

import ipaddress
import re
from typing import Final

from standwatch.declare.schema import Fields, Reader, choice, duration, listing, shaped, short
from standwatch.declare.text import Node, Problems
from standwatch.facts.signing_in import LONGEST, Binding, Issuer, SignIn, Tls

LONGEST_IDLE: Final = 12 * 3600
"""Seconds. Whoever has the watch for longer signs in again."""

_binding: Reader[Binding] = choice("agent", "network")
_file = shaped(r"[^\x00-\x1f]{1,500}", "a file")
_variable = shaped(r"[A-Z][A-Z0-9_]{0,63}", "an environment variable such as OIDC_SECRET")
_issuer = shaped(
    r"https?://[A-Za-z0-9.\[\]:-]{1,253}(/[A-Za-z0-9._~/-]{0,200})?",
    "an issuer such as https://login.bank.example",
)
_client = shaped(r"[\x21-\x7e]{1,200}", "the client id that the issuer gave us")
_no_issuer: Issuer | None = None


def read_sign_in(node: Node, problems: Problems) -> SignIn | None:
    """How long sessions last, what they are bound to, and an issuer."""
    fields = Fields(node, problems, "sign_in")
    usual = SignIn()
    found = SignIn(
        idle=fields.take("idle", duration, usual.idle),
        longest=fields.take("longest", duration, usual.longest),
        bound=fields.take("bound", listing(_binding, "agent or network"), usual.bound),
        oidc=fields.take("oidc", _oidc, _no_issuer),
    )
    fields.close()
    for name, span, most in (("idle", found.idle, LONGEST_IDLE), ("longest", found.longest, LONGEST)):
        if span > most:
            problems.add(fields.place(name), f"{span} s, expected at most {most // 3600}h")
    return found


def _oidc(node: Node, problems: Problems) -> Issuer | None:
    fields = Fields(node, problems, "oidc")
    found = Issuer(
        issuer=fields.need("issuer", _issuer, ""),
        client_id=fields.need("client_id", _client, ""),
        secret_env=fields.take("secret_env", _variable, ""),
        secret_file=fields.take("secret_file", _file, ""),
    )
    fields.close()
    if found.secret_env and found.secret_file:
        problems.add(fields.place("secret_file"), "secret_env and secret_file, expected one of them")
    if found.issuer.startswith("http://") and not re.match(
        r"http://(localhost|127\.0\.0\.1|\[::1\])(:|/|$)", found.issuer
    ):
        problems.add(fields.place("issuer"), f"{short(found.issuer)} is not protected, expected https://…")
    return found


def read_tls(node: Node, problems: Problems) -> Tls | None:
    """`{certificate: FILE, key: FILE}`."""
    fields = Fields(node, problems, "tls")
    found = Tls(fields.need("certificate", _file, ""), fields.need("key", _file, ""))
    fields.close()
    return found


def address(node: Node, problems: Problems) -> str | None:
    """An IP address of a reverse proxy, in its shortest spelling."""
    found = shaped(r"[0-9a-fA-F.:]{2,45}", "the IP address of a reverse proxy")(node, problems)
    if found is None:
        return None
    try:
        return str(ipaddress.ip_address(found))
    except ValueError:
        problems.add(node.mark, f"{short(found)}, expected the IP address of a reverse proxy")
        return None


addresses = listing(address, "addresses of reverse proxies")
