"""The careful approver: a person with a key, who says yes to what the user asked for and no to everything else."""

from __future__ import annotations

import json
from typing import Any

from bench.dojo.upstream import Call
from standwatch.facts.parts import approval_bytes
from standwatch.keys import ed25519
from support.system import Living


class Approver:
    """Answers by key through the operators' API. `asked` counts the questions they were shown."""

    def __init__(self, watch: Living, name: str) -> None:
        self.watch, self.name = watch, name
        self.key = ed25519.load(watch.folder / "keys" / f"{name}.pem")
        self.asked = 0

    def answer(self, ident: str, call: Call, *, wanted: bool) -> None:
        """Read the question `ident`, see that it is about `call` and nothing else, and sign yes or no."""
        sheet = self.watch.api.get(f"/questions/{ident}")
        line = sheet["question"]
        shown = json.loads(sheet["action"])
        if shown["arguments"] != call.arguments or shown["tool"].partition(".")[2] != call.tool:
            raise AssertionError(f"asked about {shown}, which is not {call}")
        self.asked += 1
        decision = "approve" if wanted else "refuse"
        message = approval_bytes(
            asked=line["index"],
            by=self.name,
            decision=decision,
            digest=line["digest"],
            flag=line["flag"],
            head="",
            org=sheet["org"],
            until=line["until"],
        )
        order: dict[str, Any] = {"decision": decision, "head": "", "until": line["until"], "by": self.name}
        order |= {"key": ed25519.public(self.key), "sig": ed25519.sign(self.key, message)}
        self.watch.api.post(f"/questions/{ident}/answer", order)
