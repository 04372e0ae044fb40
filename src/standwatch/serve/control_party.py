"""Whom passkeys are made for: the organisation's one console, as browsers name it."""

import ipaddress

from standwatch.facts.configuration import Organisation
from standwatch.keys.passkeys import Party


def party_of(organisation: Organisation) -> Party:
    """Whom passkeys are made for: the origin of `public_url`, spelled as browsers spell it (RFC 6454 §6.2).

    A browser takes no address for an RP id: where the console is at one of loopback, its page is that at `localhost`.
    Where no `rp_id` is configured, it is the console's host.
    """
    scheme, _, authority = organisation.public_url.lower().partition("://")
    host, colon, port = authority.rpartition(":") if not authority.endswith("]") else (authority, "", "")
    if not colon:
        host, port = authority, ""
    if organisation.rp_id == "localhost" and host in ("127.0.0.1", "[::1]"):
        host = "localhost"
    rp_id = organisation.rp_id if organisation.rp_id != "localhost" else host
    ordinary = {"http": "80", "https": "443"}.get(scheme)
    return Party(
        rp_id,
        f"{scheme}://{host}" + (f":{port}" if port and port != ordinary else ""),
        organisation.name,
    )


def no_page(party: Party) -> str:
    """Why browsers give no passkeys to the page of `party`, and what would change that; "" where they do.

    They want a secure context, which plain HTTP is on loopback alone, and a name rather than an address (WebAuthn
    Level 3 §5.1.3, §13.4.9).
    """
    scheme, _, authority = party.origin.partition("://")
    host = authority.rpartition(":")[0] if authority.rpartition(":")[2].isdecimal() else authority
    if scheme != "https" and host != "localhost":
        return f"browsers give no passkeys to {party.origin}: public_url wants https"
    try:
        ipaddress.ip_address(host.strip("[]"))
    except ValueError:
        return ""
    return f"browsers give no passkeys to an address: public_url wants a name in place of {host}"
