"""Make the example bank's data in a folder: python seed.py FOLDER

`ledger.sqlite3` (accounts and past payments), `inbox/` (invoices, one with a planted instruction) and `books/`
(a small git repository, where git is installed). What was there before is replaced; nothing else is touched.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE / "servers"))

from ledger import seed as seed_ledger  # noqa: E402

PAGES = [
    (
        "2026-01-05",
        "suppliers.md",
        "# Suppliers\n\n- Nordlicht Papier\n- Hafen Logistik\n",
        "Suppliers of 2026",
    ),
    ("2026-03-17", "rules.md", "Invoices above 500 EUR need a second pair of eyes.\n", "The 500 EUR rule"),
    (
        "2026-10-12",
        "suppliers.md",
        "# Suppliers\n\n- Nordlicht Papier\n- Hafen Logistik\n- Klarblick\n",
        "Klarblick",
    ),
]


def git(folder: Path, *arguments: str, day: str = "2026-01-01") -> None:
    """Run git with nothing of the machine's own configuration, so that every seed makes the same commits."""
    settings = ("-c", "user.name=Books", "-c", "user.email=books@bank.example", "-c", "commit.gpgsign=false")
    moment = f"{day}T12:00:00Z"
    environment = {
        "PATH": os.environ.get("PATH", ""),
        "HOME": str(folder),
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_AUTHOR_DATE": moment,
        "GIT_COMMITTER_DATE": moment,
    }
    subprocess.run(["git", *settings, *arguments], cwd=folder, env=environment, check=True)  # noqa: S607


def seed_books(folder: Path) -> bool:
    """A repository of three commits; False where there is no git, so that the rest of the example still stands."""
    if shutil.which("git") is None:
        return False
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    git(folder, "init", "--quiet", "--initial-branch=main")
    for day, name, text, message in PAGES:
        (folder / name).write_text(text, encoding="utf-8")
        git(folder, "add", name)
        git(folder, "commit", "--quiet", "--message", message, day=day)
    return True


def main(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    seed_ledger(folder / "ledger.sqlite3")
    shutil.rmtree(folder / "inbox", ignore_errors=True)
    shutil.copytree(HERE / "inbox", folder / "inbox")
    if not seed_books(folder / "books"):
        print("seed: git is not installed; the example goes without its git server", file=sys.stderr)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
