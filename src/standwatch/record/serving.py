"""Which versions of a model answer, as a fold of its deployments. Pure; `versions --at T` is this fold up to T."""

import hashlib
from collections.abc import Mapping
from typing import Final

import msgspec

from standwatch.facts.entries import Decided, Deployed

KEPT: Final = 64
"""Former versions that a rollback may go back to."""


class Serving(msgspec.Struct, frozen=True):
    """The route of one model: `index` of the entry that last changed it, and who answers.

    `former` are the versions that served everything before, newest last, each with its digest; `canary` answers
    `share` requests in ten thousand; `shadow` sees the same rows and is not heard.
    """

    index: int
    at: int
    version: str = ""
    digest: str = ""
    former: tuple[tuple[str, str], ...] = ()
    canary: str = ""
    canary_digest: str = ""
    share: int = 0
    shadow: str = ""
    shadow_digest: str = ""
    taken_back: tuple[str, ...] = ()
    """Former versions that a rollback took off: nobody goes back to them unasked until they are deployed again."""

    @property
    def previous(self) -> str:
        """The version that served everything before this one, and was not taken back; "" for none."""
        return next((name for name, _ in reversed(self.former) if name not in self.taken_back), "")

    def digest_of(self, version: str) -> str | None:
        """The digest under which `version` is, or was, on the route; None where it never was."""
        found = self.answering(version)
        return dict(self.former).get(version) if found is None else found

    def answering(self, version: str) -> str | None:
        """The digest of `version` where it answers requests, in front or as the canary; None where it does not."""
        for name, digest in ((self.version, self.digest), (self.canary, self.canary_digest)):
            if version and name == version:
                return digest
        return None


def misplaced(route: Serving | None, entry: Decided) -> str:
    """Why the version that `entry` names cannot have answered on `route`; "" where it can, or none is named."""
    if not entry.version:
        return "an artifact is named, and no version" if entry.served else ""
    digest = route.answering(entry.version) if route is not None else None
    if digest is None:
        return f"version {entry.version} decided, and is neither in front nor the canary"
    if digest != entry.served:
        return f"version {entry.version} is on the route as {digest[:16]}, not {entry.served[:16]}"
    return ""


def serve(before: Serving | None, index: int, entry: Deployed) -> Serving:
    """The route after `entry`. A full deployment or a rollback ends canary and shadow of the version it puts in
    front, and a rollback ends every canary: what made somebody go back does not go on with a part of the traffic."""
    old = before or Serving(index, entry.at)
    old = msgspec.structs.replace(old, index=index, at=entry.at)
    match entry.mode:
        case "canary":
            return msgspec.structs.replace(
                _without(old, entry.version),
                canary=entry.version,
                canary_digest=entry.digest,
                share=entry.share,
            )
        case "shadow":
            return msgspec.structs.replace(
                _without(old, entry.version), shadow=entry.version, shadow_digest=entry.digest
            )
        case "end":
            return _without(old, entry.version)
        case _:
            return _full(old, entry)


def _full(old: Serving, entry: Deployed) -> Serving:
    cleared = _without(old, old.canary if entry.mode == "rollback" else entry.version)
    cleared = _without(cleared, entry.version)
    former = tuple(pair for pair in old.former if pair[0] != entry.version)
    if old.version and old.version != entry.version:
        former = (*(pair for pair in former if pair[0] != old.version), (old.version, old.digest))
    back = [name for name in old.taken_back if name != entry.version]
    if entry.mode == "rollback" and old.version != entry.version:
        back.append(old.version)
    return msgspec.structs.replace(
        cleared,
        version=entry.version,
        digest=entry.digest,
        former=former[-KEPT:],
        taken_back=tuple(dict.fromkeys(back))[-KEPT:],
    )


def _without(old: Serving, version: str) -> Serving:
    if version and old.canary == version:
        old = msgspec.structs.replace(old, canary="", canary_digest="", share=0)
    if version and old.shadow == version:
        old = msgspec.structs.replace(old, shadow="", shadow_digest="")
    return old


def running(components: str, served: Mapping[str, tuple[str, str]]) -> str:
    """The digest that evidence about a system is gathered on: `components`, and each model's deployed version.

    `served` maps models to (version, digest of its artifact). Without models it is `components` itself. A rollback so
    restores the evidence of the version it goes back to, and a new version has none until somebody validates it.
    """
    if not served:
        return components
    spelled = msgspec.json.encode([components, sorted((m, v, d) for m, (v, d) in served.items())])
    return hashlib.sha256(b"standwatch/running/1\n" + spelled).hexdigest()
