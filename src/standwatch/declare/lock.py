"""`systems/NAME.lock` → `Lock`: the digests of what was accepted. And back: the text that `accept` writes."""

from standwatch.declare.digest import component_digest
from standwatch.declare.schema import Fields, mapping, shaped, words
from standwatch.declare.text import Mark, Node, Problems
from standwatch.facts.configuration import Lock, Manifest

_digest = shaped(r"[0-9a-f]{64}", "a SHA-256 digest in lower-case hexadecimal")
_name = shaped(r"[^\x00-\x20\x7f]{1,256}", "a name")


def read_lock(node: Node, problems: Problems) -> Lock:
    """The lock that `node` writes down."""
    fields = Fields(node, problems, "the lock")
    lock = Lock(
        tools=fields.take("tools", mapping(_name, words(_digest), "tools"), {}),
        components=fields.take("components", mapping(_name, words(_digest), "components"), {}),
    )
    fields.close()
    return lock


def lock_text(lock: Lock) -> str:
    """A lock file that reads back as `lock`."""
    lines = ["# Digests of what was accepted. Written by `standwatch init` and `standwatch accept`."]
    for name, digests in (("tools", lock.tools), ("components", lock.components)):
        lines.append(f"{name}:" if digests else f"{name}: {{}}")
        lines += [f"  {quoted(key)}: {quoted(digests[key])}" for key in sorted(digests)]
    return "\n".join(lines) + "\n"


def quoted(text: str) -> str:
    """`text` as a YAML scalar that means exactly this text."""
    return "'" + text.replace("'", "''") + "'" if text.isprintable() else _escaped(text)


def _escaped(text: str) -> str:
    pieces = (
        f"\\{letter}" if letter in '"\\' else letter if letter.isprintable() else f"\\U{ord(letter):08x}"
        for letter in text
    )
    return '"' + "".join(pieces) + '"'


def version_key(component: str, version: str) -> str:
    """How a lock names the artifact of one version of a model."""
    return f"{component}@{version}"


def artifacts(manifest: Manifest) -> dict[str, str]:
    """Every file of a model that the manifest names, relative to the organisation's folder, by its key in the lock."""
    return {
        version_key(model.component, version.name): version.artifact
        for model in manifest.models.values()
        for version in model.versions.values()
        if version.artifact
    }


def doubts(manifest: Manifest, lock: Lock, mark: Mark, problems: Problems) -> None:
    """Warn of what the lock does not (or no longer) cover: it is denied until somebody accepts it."""
    files = artifacts(manifest)
    open_tools = sorted((manifest.described - lock.tools.keys()) | (files.keys() - lock.components.keys()))
    changed = sorted(
        one.name for one in manifest.components if lock.components.get(one.name, "") != component_digest(one)
    )
    stale = sorted(
        (lock.tools.keys() - manifest.tools.keys())
        | (lock.components.keys() - {one.name for one in manifest.components} - files.keys())
    )
    cure = f"expected `standwatch accept {manifest.system}`"
    for what, found in (
        ("not locked", open_tools),
        ("not as locked", changed),
        ("locked but not declared", stale),
    ):
        if found:
            more = f" and {len(found) - 5} more" if len(found) > 5 else ""
            problems.warn(mark, f"{', '.join(found[:5])}{more}: {what}, {cure}")
