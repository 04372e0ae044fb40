"""What a started server may reach (`sandbox:` in a manifest)."""

from typing import Final, Literal

import msgspec

Layer = Literal["namespaces", "landlock", "seccomp"]
LAYERS: Final[tuple[Layer, ...]] = ("namespaces", "landlock", "seccomp")
"""What confines a server, each on its own: what it can see, what it may touch, what it may ask of the kernel."""


class Sandbox(msgspec.Struct, frozen=True):
    """Beside the system's own programs and libraries, the command's installation and its `cwd`: nothing, but this.

    Paths are relative to the organisation's folder. INVARIANT: a layer that is promised and cannot be had refuses to
    start the server.
    """

    reads: tuple[str, ...] = ()
    """Files and folders it may read and execute."""
    writes: tuple[str, ...] = ()
    """Files and folders that it may also change."""
    hosts: tuple[str, ...] = ()
    """`host:port` that it may connect to; no other network is there."""
    layers: tuple[Layer, ...] = LAYERS


def confinement(said: Sandbox | Literal["", "none"], *, development: bool) -> Sandbox | None:
    """What confines a server whose manifest says `said`: outside development everything, unless it says `none`."""
    if isinstance(said, Sandbox):
        return said
    return None if said == "none" or development else Sandbox()
