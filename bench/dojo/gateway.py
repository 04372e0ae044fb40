"""A Standwatch in production with one suite's manifest before one suite's world."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import yaml

from bench.dojo.approver import Approver
from bench.dojo.runs import Actor
from bench.dojo.upstream import HERE, Catalogue, upstream
from support import system as support
from support.system import Living

MANIFESTS: Final = HERE / "manifests"


@contextmanager
def governed(
    suite: str, folder: Path, command: Sequence[str | Path] = (), manifests: Path = MANIFESTS
) -> Iterator[tuple[Actor, Catalogue]]:
    """The gateway before `suite`, validated and running until the block ends; then its record is verified."""
    support.PATIENCE = 60.0  # s; machines that are measured are busy
    with upstream(suite, command) as world:
        text = (manifests / f"{suite}.yaml").read_text()
        # A bench has no passkeys: keys approve what is irreversible too.
        watch = Living(
            folder,
            {suite: text.replace("$URL", world.url)},
            development=False,
            more="approvals: {irreversible: any}\n",
        )
        watch.accept(suite)
        watch.start()
        try:
            watch.run("validate", suite, "--until", "30d", "--key", watch.key("chen"), "--yes")
            agent = watch.agent("assistant", suite, starts=True)
            tools = yaml.safe_load(text)["tools"]
            effects = {name.partition(".")[2]: rule["effect"] for name, rule in tools.items()}
            yield Actor(agent, Approver(watch, "olga"), world, effects), world.catalogue()
            watch.stop()
            watch.verified()
        finally:
            if watch.process.poll() is None:
                watch.kill()
