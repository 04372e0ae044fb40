"""An organisation's folder → bytes by relative path. Reads; decides nothing."""

from pathlib import Path
from typing import Final

from standwatch.facts.errors import StandwatchError

MAX_BYTES: Final = (1 << 20) + 1
"""One byte more than `declare` takes: enough for it to see that a file is too long."""
MAX_FILES: Final = 20_000
FOLDERS: Final = ("systems", "policies")


class Unreadable(StandwatchError):
    """The organisation's folder cannot be read."""

    code = "unreadable"


def read_folder(path: Path) -> dict[str, bytes]:
    """`standwatch.yaml` and all that lies in `systems/` and `policies/`, by path with `/`.

    Hidden files and editors' backups (`~`) are passed over. Raises `Unreadable` where the folder or a file cannot be
    read: a configuration is read whole or not at all.
    """
    try:
        found = [path / "standwatch.yaml"] if (path / "standwatch.yaml").is_file() else []
        for folder in FOLDERS:
            found += sorted(file for file in (path / folder).glob("**/*") if _counts(file, path))
        if len(found) > MAX_FILES:
            raise Unreadable(f"{path}: {len(found)} files, expected at most {MAX_FILES}")
        if not path.is_dir():
            raise Unreadable(f"{path} is not a folder", cure="standwatch init")
        return {file.relative_to(path).as_posix(): _read(file) for file in found}
    except OSError as error:
        raise Unreadable(f"{error.filename or path}: {error.strerror or error}") from None


def _counts(file: Path, root: Path) -> bool:
    parts = file.relative_to(root).parts
    return file.is_file() and not any(part.startswith(".") for part in parts) and not file.name.endswith("~")


def _read(file: Path) -> bytes:
    with file.open("rb") as opened:
        return opened.read(MAX_BYTES)
