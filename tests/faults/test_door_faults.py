"""A database that dies, a COMMIT that nobody answers: nothing is done twice, and nothing is guessed.

The passage is a recorder here (its own faults are tested elsewhere); the database is real, and so is what cuts it off.
"""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pg8000.dbapi
import pytest

from standwatch.client.acts import Go
from standwatch.doors import dbapi
from support.postgres import SHOP, Cluster, cluster


class Passage:
    """Allows everything and keeps what it is told."""

    def __init__(self, meanwhile: Callable[[], None] = lambda: None) -> None:
        self.asked: list[str] = []
        self.told: list[str] = []
        self.meanwhile = meanwhile

    def act(
        self, system: str, tool: str, arguments: Mapping[str, Any], *, key: str = "", wait: float = 0.0
    ) -> Go:
        self.asked.append(str(arguments["statement"]))
        self.meanwhile()
        return Go(key, system, dict(arguments))

    def outcome(self, go: Go, status: str = "ok", result: Any = None) -> bool:
        self.told.append(status)
        return True


class Relay:
    """A TCP relay before PostgreSQL that can be told to let the next COMMIT through and to swallow its answer."""

    def __init__(self, port: int) -> None:
        self._to = port
        self.swallow = self.before = False
        self.commits = 0
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                near, _ = self._listener.accept()
            except OSError:
                return
            far = socket.create_connection(("127.0.0.1", self._to))
            cut = threading.Event()
            threading.Thread(target=self._carry, args=(near, far, cut, True), daemon=True).start()
            threading.Thread(target=self._carry, args=(far, near, cut, False), daemon=True).start()

    def _carry(
        self, source: socket.socket, target: socket.socket, cut: threading.Event, towards: bool
    ) -> None:
        committing = False
        with contextlib.suppress(OSError):
            while data := source.recv(65_536):
                if towards and b"commit" in data:
                    self.commits, committing = self.commits + 1, True
                    if self.before:
                        break
                # pg8000 has the server parse "commit" first, and says in another message that it is to be done.
                if towards and committing and self.swallow and b"E\0\0\0\t" in data:
                    cut.set()
                if not towards and cut.is_set():
                    break
                target.sendall(data)
        for each in (source, target):
            # Both directions end: either side sees the connection closed, as after a crash on the way.
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()

    def close(self) -> None:
        self._listener.close()


@pytest.fixture(scope="module")
def database() -> tuple[Cluster, str]:
    return cluster(), cluster().fresh(*SHOP)


@pytest.fixture
def relay(database: tuple[Cluster, str]) -> Iterator[Relay]:
    made = Relay(database[0].port)
    yield made
    made.close()


def through(relay: Relay, name: str, passage: Passage, **more: Any) -> dbapi.Connection:
    raw = pg8000.dbapi.connect(user="boss", host="127.0.0.1", port=relay.port, database=name)
    return dbapi.connect(raw, passage, system="shop", name="db", **more)


def direct(database: tuple[Cluster, str], passage: Passage, **more: Any) -> dbapi.Connection:
    return dbapi.connect(database[0].connect(database[1]), passage, system="shop", name="db", **more)


def test_a_commit_whose_answer_is_lost_is_unknown_and_never_sent_again(
    database: tuple[Cluster, str], relay: Relay
) -> None:
    passage = Passage()
    connection = through(relay, database[1], passage)
    connection.cursor().execute("UPDATE orders SET total = -1 WHERE id = 1")
    relay.swallow = True
    with pytest.raises(dbapi.Unknown):
        connection.commit()
    assert passage.told == ["unknown"]
    assert relay.commits == 1
    assert connection.lost
    assert len(passage.asked) == 1
    assert database[0].ask(database[1], "SELECT total FROM orders WHERE id = 1") == -1  # it did stand


def test_where_postgresql_can_be_asked_it_says_what_became_of_a_lost_commit(
    database: tuple[Cluster, str], relay: Relay
) -> None:
    cluster, name = database
    passage = Passage()
    connection = through(relay, name, passage, again=lambda: cluster.connect(name))
    connection.cursor().execute("UPDATE orders SET total = -2 WHERE id = 2")
    relay.swallow = True
    connection.commit()
    assert (passage.told, relay.commits) == (["ok"], 1)
    relay.swallow, relay.before = False, True
    connection = through(relay, name, passage, again=lambda: cluster.connect(name))
    connection.cursor().execute("UPDATE orders SET total = -3 WHERE id = 3")
    with pytest.raises(pg8000.dbapi.Error):
        connection.commit()
    assert passage.told == ["ok", "error"]
    assert cluster.ask(name, "SELECT total FROM orders WHERE id = 3") == 3


def test_a_database_that_is_killed_in_the_middle_leaves_nothing_and_says_so(
    database: tuple[Cluster, str],
) -> None:
    cluster, name = database
    passage = Passage()
    connection = direct(database, passage)
    connection.cursor().execute("UPDATE orders SET total = 0 WHERE id = 4")
    cluster.crash()
    try:
        with pytest.raises(pg8000.dbapi.Error):
            connection.cursor().execute("UPDATE orders SET total = 0 WHERE id = 5")
    finally:
        cluster.start()
    assert connection.lost
    assert passage.told == ["error"]
    assert len(passage.asked) == 1
    assert cluster.ask(name, "SELECT total FROM orders WHERE id = 4") == 4


def test_a_session_that_is_ended_by_an_administrator_while_a_statement_runs(
    database: tuple[Cluster, str],
) -> None:
    cluster, name = database
    passage = Passage()
    connection = direct(database, passage)
    running = "query LIKE 'UPDATE orders%pg_sleep%' AND state = 'active'"

    def end() -> None:
        while not cluster.ask(
            name, f"SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE {running}"
        ):
            pass

    killer = threading.Thread(target=end)
    killer.start()
    with pytest.raises(pg8000.dbapi.Error):
        connection.cursor().execute("UPDATE orders SET total = 0 WHERE id = 6 AND pg_sleep(60) IS NULL")
    killer.join(30)
    assert connection.lost
    assert passage.told == ["error"]


def test_a_lock_that_is_not_had_in_time_and_a_conflict_are_told_and_can_be_tried_again(
    database: tuple[Cluster, str],
) -> None:
    cluster, name = database
    passage = Passage()
    holder = cluster.connect(name)
    holder.cursor().execute("UPDATE orders SET total = 7 WHERE id = 7")
    raw = cluster.connect(name)
    raw.cursor().execute("SET lock_timeout = '200ms'")
    raw.cursor().execute("SET default_transaction_isolation = 'serializable'")
    raw.commit()
    connection = dbapi.connect(raw, passage, system="shop", name="db")
    cursor = connection.cursor()
    with pytest.raises(pg8000.dbapi.DatabaseError, match="55P03"):
        cursor.execute("UPDATE orders SET total = 0 WHERE id = 7")
    holder.commit()
    connection.rollback()
    cursor.execute("SELECT total FROM orders WHERE id = 7")
    cluster.do(name, "UPDATE orders SET total = 77 WHERE id = 7")
    with pytest.raises(pg8000.dbapi.DatabaseError, match="40001"):
        cursor.execute("UPDATE orders SET total = 0 WHERE id = 7")
    connection.rollback()
    cursor.execute("UPDATE orders SET total = 0 WHERE id = 7")
    connection.commit()
    assert passage.told == ["error", "ok", "error", "ok"]
    holder.close()
    connection.close()


def test_a_table_that_became_another_while_a_person_was_asked_is_not_touched(
    database: tuple[Cluster, str],
) -> None:
    cluster, name = database
    cluster.do(name, "CREATE VIEW shown AS SELECT id FROM orders")
    passage = Passage(lambda: cluster.do(name, "CREATE OR REPLACE VIEW shown AS SELECT id FROM customers"))
    connection = direct(database, passage)
    with pytest.raises(dbapi.TooMuch, match=r"public\.customers"):
        connection.cursor().execute("SELECT * FROM shown")
    assert passage.told == ["error"]
    connection.close()


def test_what_is_deferred_to_the_end_is_counted_before_it(database: tuple[Cluster, str]) -> None:
    cluster, name = database
    cluster.do(
        name,
        "CREATE FUNCTION late() RETURNS trigger LANGUAGE plpgsql AS "
        "$$ BEGIN INSERT INTO audit VALUES ('late'); RETURN NULL; END $$",
        "CREATE CONSTRAINT TRIGGER later AFTER UPDATE ON orders DEFERRABLE INITIALLY DEFERRED "
        "FOR EACH ROW EXECUTE FUNCTION late()",
    )
    passage = Passage()
    connection = direct(database, passage)
    connection.cursor().execute("UPDATE orders SET total = 8 WHERE id = 8")
    with pytest.raises(dbapi.TooMuch, match=r"public\.audit"):
        connection.commit()
    assert passage.told == ["error"]
    assert cluster.ask(name, "SELECT count(*) FROM audit") == 0
    connection.close()
    cluster.do(name, "DROP TRIGGER later ON orders")
