"""What a started server may reach: `sandbox:` of an `mcp_server`."""

import re
from typing import Final, Literal, cast

from standwatch.declare.schema import Fields, Reader, choice, listing, shaped
from standwatch.declare.text import Node, Problems, Scalar
from standwatch.facts.sandbox import LAYERS, Layer, Sandbox

Said = Sandbox | Literal["", "none"]

MOST_HOSTS: Final = 100
"""Each has an address of its own on the server's loopback."""

_ADDRESS: Final = re.compile(r"(?!127\.)[0-9.]+:[0-9]+")
_path = shaped(r"[^\x00-\x1f\x7f]{1,1000}", "a file or folder")
_host = shaped(r"([a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?):[1-9][0-9]{0,4}", "host:port in lower case")
_layer: Reader[Layer] = choice("namespaces", "landlock", "seccomp")
_none: Reader[Literal["none"]] = choice("none")


def read_sandbox(node: Node, problems: Problems) -> Said | None:
    """`none`, or what the server may reach."""
    if isinstance(node, Scalar):
        return _none(node, problems)
    fields = Fields(node, problems, "sandbox")
    layers = fields.take("layers", listing(_layer, "layers", least=1), LAYERS)
    sandbox = Sandbox(
        reads=fields.take("reads", listing(_path, "paths"), ()),
        writes=fields.take("writes", listing(_path, "paths"), ()),
        hosts=fields.take("hosts", listing(_host, "hosts"), ()),
        layers=cast("tuple[Layer, ...]", tuple(one for one in LAYERS if one in layers)),
    )
    fields.close()
    if len(sandbox.hosts) > MOST_HOSTS:
        problems.add(fields.place("hosts"), f"{len(sandbox.hosts)} hosts, expected at most {MOST_HOSTS}")
    if any(int(one.rpartition(":")[2]) > 65535 for one in sandbox.hosts):
        problems.add(fields.place("hosts"), "a port beyond 65535, expected a TCP port")
    if any(_ADDRESS.fullmatch(one) for one in sandbox.hosts):
        problems.add(
            fields.place("hosts"), "a bare address, expected a name: the server finds it under that alone"
        )
    if sandbox.hosts and "namespaces" not in sandbox.layers:
        problems.add(
            fields.place("hosts"), "hosts without namespaces, expected that layer: it keeps all others out"
        )
    return sandbox
