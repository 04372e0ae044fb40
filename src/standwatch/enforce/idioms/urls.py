"""Addresses of the network as clients take them (WHATWG URL), and whether they lead inside."""

import ipaddress
import re
import unicodedata
from typing import Final

_SPLIT: Final = re.compile(r"^([a-z][a-z0-9+.-]*):/*([^/?#]*)", re.IGNORECASE)
_INSIDE: Final = (
    ".localhost", ".local", ".internal", ".intranet", ".corp", ".lan", ".home", ".private", ".home.arpa",
    ".svc", ".cluster.local", ".consul", ".localdomain", ".default", ".nip.io", ".sslip.io", ".xip.io",
)  # fmt: skip
_METADATA: Final = frozenset(
    {"169.254.169.254", "169.254.170.2", "169.254.170.23", "fd00:ec2::254", "fd00:ec2::23", "100.100.100.200",
     "168.63.129.16"}
)  # fmt: skip
_INERT: Final = frozenset({"about:blank", "about:srcdoc"})


def host(url: str) -> tuple[str, str]:
    """Scheme and host as a client would use them; ("", "") where there is none."""
    text = "".join(unicodedata.normalize("NFKC", url).split()).replace("\\", "/")
    while (
        found := re.match(r"(?:view-source|jar|feed|cache|blob|filesystem):", text, re.IGNORECASE)
    ) is not None:
        text = text[found.end() :]
    split = _SPLIT.match(text)
    if split is None:
        return "", ""
    authority = split[2].rpartition("@")[2]
    name = authority[1:].partition("]")[0] if authority.startswith("[") else authority.partition(":")[0]
    return split[1].casefold(), _percent(name).casefold().rstrip(".")


def _percent(text: str) -> str:
    return re.sub(r"%([0-9A-Fa-f]{2})", lambda found: chr(int(found[1], 16)), text)


def address(name: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """The address that `name` spells, in any of the ways inet_aton(3) takes; None for a name."""
    if ":" in name:
        try:
            found = ipaddress.IPv6Address(name.partition("%")[0])
        except ValueError:
            return None
        inner = found.ipv4_mapped or found.sixtofour
        if inner is None and found in ipaddress.IPv6Network("64:ff9b::/96"):
            inner = ipaddress.IPv4Address(int(found) & 0xFFFFFFFF)
        if inner is None and int(found) >> 32 == 0 and int(found) > 1:
            inner = ipaddress.IPv4Address(int(found))
        return inner or found
    numbers = [_number(part) for part in name.split(".")]
    if not 1 <= len(numbers) <= 4 or any(number is None for number in numbers):
        return None
    *heads, last = [number for number in numbers if number is not None]
    value = sum(number << 8 * (3 - place) for place, number in enumerate(heads)) + last
    return ipaddress.IPv4Address(value) if value < 1 << 32 and all(one < 256 for one in heads) else None


def _number(text: str) -> int | None:
    try:
        if text.startswith("0x"):
            return int(text[2:] or "0", 16)
        return int(text, 8 if len(text) > 1 and text[0] == "0" else 10) if text.isascii() else None
    except ValueError:
        return None


def metadata(url: str) -> bool:
    """Whether `url` names a cloud's metadata service."""
    _, name = host(url)
    found = address(name)
    return (found is not None and str(found) in _METADATA) or name in (
        "metadata", "metadata.google.internal", "metadata.goog", "instance-data", "metadata.azure.com",
        "metadata.azure.internal", "instance-data.ec2.internal", "metadata.packet.net", "metadata.tencentyun.com",
    )  # fmt: skip


def loopback(name: str) -> bool:
    """Whether the host `name` is this machine."""
    found = address(name)
    own = found is not None and (found.is_loopback or found.is_unspecified)
    return own or name == "localhost" or name.endswith(".localhost")


def inside(url: str) -> str:
    """Why `url` is not an address out in the world."""
    if url.strip().casefold() in _INERT:
        return ""
    if "\\" in url and "@" in url:
        return f"{url[:120]!r} leads elsewhere by the client that reads it"
    scheme, name = host(url)
    if scheme not in ("http", "https", "ws", "wss"):
        return f"{url[:120]!r} is no address of the web"
    if metadata(url):
        return f"{name} is a cloud's metadata service"
    found = address(name)
    if found is not None:
        return "" if found.is_global else f"{name} is an address of an inner network"
    if not name or "." not in name or name.endswith(_INSIDE) or name == "localhost" or ".svc." in name:
        return f"{name or url[:120]!r} is a name of an inner network"
    return ""


def among(url: str, hosts: tuple[str, ...]) -> bool:
    """Whether `url` goes by TLS to one of `hosts`; `*.example.com` is every name below it."""
    scheme, name = host(url)
    return scheme in ("https", "wss") and any(
        name == one or (one.startswith("*.") and name.endswith(one[1:])) for one in hosts
    )
