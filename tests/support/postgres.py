"""A real PostgreSQL: a scratch cluster of this machine's own binaries, on loopback and a Unix socket, once a session.

`initdb` refuses to run as root, so there the cluster belongs to an account without rights.
"""

from __future__ import annotations

import atexit
import contextlib
import ctypes
import functools
import itertools
import os
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import pg8000.dbapi

from support.system import free_port

_SEARCHED = ("/usr/lib/postgresql/*/bin", "/usr/local/bin", "/usr/local/pgsql/bin", "/opt/homebrew/bin")
_NUMBERS = itertools.count(1)


class Cluster:
    """Started by `cluster()`. Its superuser is `boss`; everybody on this host is trusted."""

    def __init__(self) -> None:
        self._binaries = _binaries()
        # Beside the usual temporary folders: their paths may be longer than a Unix socket's name can be.
        self.folder = Path(tempfile.mkdtemp(prefix="swpg-", dir="/tmp"))
        self.port = free_port()
        self._as: dict[str, Any] = {}
        if os.geteuid() == 0:
            account = pwd.getpwnam("nobody")
            os.chown(self.folder, account.pw_uid, account.pw_gid)
            self._as = {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []}
        self.data = self.folder / "data"
        self._run(
            "initdb", "-D", self.data, "-U", "boss", "-A", "trust", "--no-sync", "-E", "UTF8", "--locale=C"
        )
        self.process: subprocess.Popen[bytes] | None = None
        self.start()

    def _run(self, program: str, *words: Any) -> None:
        subprocess.run(
            [self._binaries / program, *map(str, words)],
            check=True,
            stdout=subprocess.DEVNULL,
            cwd=self.folder,
            **self._as,
        )

    def start(self) -> None:
        """Start, or start again, and wait until it answers."""
        with (self.folder / "log").open("ab") as log:
            where = ("-k", self.folder, "-h", "127.0.0.1", "-p", str(self.port))
            self.process = subprocess.Popen(
                [self._binaries / "postgres", "-D", self.data, *where],
                stdout=log,
                stderr=log,
                cwd=self.folder,
                start_new_session=True,
                preexec_fn=_end_with_us,
                **self._as,
            )
        deadline = time.monotonic() + 60
        while True:
            try:
                self.connect("postgres").close()
            except (pg8000.dbapi.Error, OSError):
                assert self.process.poll() is None, (self.folder / "log").read_text()
                assert time.monotonic() < deadline, (self.folder / "log").read_text()
                time.sleep(0.05)
            else:
                return

    def crash(self) -> None:
        """`pg_ctl stop -m immediate`: no shutdown checkpoint, every connection cut."""
        assert self.process is not None
        self._run("pg_ctl", "stop", "-D", self.data, "-m", "immediate", "-s")
        self.process.wait(30)

    def stop(self) -> None:
        """End it and take it away."""
        if self.process is not None and self.process.poll() is None:
            with contextlib.suppress(subprocess.CalledProcessError):
                self.crash()
        shutil.rmtree(self.folder, ignore_errors=True)

    def connect(self, database: str, user: str = "boss") -> Any:
        """A raw connection of pg8000."""
        return pg8000.dbapi.connect(user=user, host="127.0.0.1", port=self.port, database=database)

    def dsn(self, database: str, user: str) -> str:
        return f"postgresql://{user}@127.0.0.1:{self.port}/{database}"

    def fresh(self, *statements: str) -> str:
        """The name of a new database in which these statements were carried out."""
        name = f"test{next(_NUMBERS)}"
        raw = self.connect("postgres")
        raw.autocommit = True
        raw.cursor().execute(f"CREATE DATABASE {name}")
        raw.close()
        self.do(name, *statements)
        return name

    def do(self, database: str, *statements: str) -> None:
        """Carry out statements as the superuser."""
        raw = self.connect(database)
        for statement in statements:
            raw.cursor().execute(statement)
        raw.commit()
        raw.close()

    def ask(self, database: str, question: str) -> Any:
        """The first value of an answer, as the superuser reads it."""
        raw = self.connect(database)
        cursor = raw.cursor()
        cursor.execute(question)
        found = cursor.fetchone()[0]
        raw.close()
        return found


def _end_with_us() -> None:
    """However we end, PostgreSQL shuts down at once: on Linux the kernel tells it (prctl(2), PR_SET_PDEATHSIG)."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(1, signal.SIGQUIT)


def _binaries() -> Path:
    for pattern in _SEARCHED:
        for found in sorted(Path("/").glob(pattern.lstrip("/")), reverse=True):
            if (found / "initdb").exists() and (found / "pg_ctl").exists():
                return found
    raise AssertionError("PostgreSQL is not installed: apt-get install postgresql")


@functools.cache
def cluster() -> Cluster:
    """The session's cluster."""
    made = Cluster()
    atexit.register(made.stop)
    return made


SHOP = (
    "CREATE TABLE customers (id int PRIMARY KEY, name text NOT NULL)",
    "CREATE TABLE orders (id int PRIMARY KEY, customer int NOT NULL REFERENCES customers ON DELETE CASCADE, total int)",
    "CREATE TABLE lines (id serial PRIMARY KEY, of_order int NOT NULL REFERENCES orders ON DELETE CASCADE)",
    "CREATE TABLE audit (what text)",
    "INSERT INTO customers SELECT g, 'customer ' || g FROM generate_series(1, 100) g",
    "INSERT INTO orders SELECT g, (g - 1) % 100 + 1, g FROM generate_series(1, 500) g",
    "INSERT INTO lines (of_order) SELECT g FROM generate_series(1, 500) g",
    "ANALYZE",
)
"""A small shop: a hundred customers with five orders each, a line in each order."""
