-- The record in SQLite: every statement that touches it, by name.
-- A section begins at its name; `schema` runs whenever a journal is opened.

-- name: schema
CREATE TABLE IF NOT EXISTS meta (key TEXT PRIMARY KEY, value ANY NOT NULL) STRICT, WITHOUT ROWID;

-- What is hashed, and nothing beside it.
CREATE TABLE IF NOT EXISTS entry (idx INTEGER PRIMARY KEY, leaf BLOB NOT NULL) STRICT;

-- Full tiles; above level 0 the unfinished ones too, so that nobody hashes a whole level again.
CREATE TABLE IF NOT EXISTS tile (
    level INTEGER NOT NULL, idx INTEGER NOT NULL, data BLOB NOT NULL, PRIMARY KEY (level, idx)
) STRICT, WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS checkpoint (size INTEGER PRIMARY KEY, note BLOB NOT NULL) STRICT;

-- Indices, written every FLUSH entries: one row for each key and flush, holding a MessagePack array of indexes.
CREATE TABLE IF NOT EXISTS action (
    id TEXT NOT NULL, first INTEGER NOT NULL, indexes BLOB NOT NULL, PRIMARY KEY (id, first)
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS run (
    id TEXT NOT NULL, first INTEGER NOT NULL, indexes BLOB NOT NULL, PRIMARY KEY (id, first)
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS tick (at INTEGER NOT NULL, idx INTEGER PRIMARY KEY) STRICT;
CREATE INDEX IF NOT EXISTS tick_at ON tick (at);
CREATE TABLE IF NOT EXISTS control (idx INTEGER PRIMARY KEY, key TEXT NOT NULL) STRICT;
CREATE INDEX IF NOT EXISTS control_key ON control (key, idx);
CREATE TABLE IF NOT EXISTS open_intent (idx INTEGER PRIMARY KEY) STRICT;
CREATE TABLE IF NOT EXISTS ledger (key TEXT PRIMARY KEY, data BLOB NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS snapshot (idx INTEGER PRIMARY KEY, state BLOB NOT NULL) STRICT;

-- Which live question a retry repeats: what it is matched by stands in no leaf.
CREATE TABLE IF NOT EXISTS question (
    run TEXT NOT NULL, match BLOB NOT NULL, id TEXT NOT NULL, PRIMARY KEY (run, match)
) STRICT, WITHOUT ROWID;

-- Keys, each wrapped under the one above (AES-KW, RFC 3394).
CREATE TABLE IF NOT EXISTS subject_key (
    subject TEXT PRIMARY KEY, epoch INTEGER NOT NULL, wrapped BLOB NOT NULL
) STRICT, WITHOUT ROWID;
-- Keys of our own, about nobody, wrapped as those of subjects.
CREATE TABLE IF NOT EXISTS own_key (
    name TEXT PRIMARY KEY, epoch INTEGER NOT NULL, wrapped BLOB NOT NULL
) STRICT, WITHOUT ROWID;
-- AUTOINCREMENT: the number of a key that was erased is never given to another.
CREATE TABLE IF NOT EXISTS run_key (
    id INTEGER PRIMARY KEY AUTOINCREMENT, run TEXT NOT NULL, subjects TEXT NOT NULL, wrapped BLOB NOT NULL
) STRICT;
CREATE INDEX IF NOT EXISTS run_key_of ON run_key (run, subjects);
CREATE TABLE IF NOT EXISTS run_key_about (
    subject TEXT NOT NULL, id INTEGER NOT NULL, PRIMARY KEY (subject, id)
) STRICT, WITHOUT ROWID;

-- How many people each system touched, by day since 1970: a sketch (watch/exposure.py).
CREATE TABLE IF NOT EXISTS exposure (
    system TEXT NOT NULL, day INTEGER NOT NULL, people BLOB NOT NULL, PRIMARY KEY (system, day)
) STRICT, WITHOUT ROWID;

-- name: sealed_schema
CREATE TABLE IF NOT EXISTS sealed_{day} (slot INTEGER PRIMARY KEY, blob BLOB NOT NULL) STRICT;

-- name: sealed_days
SELECT substr(name, 8) FROM sqlite_schema WHERE type = 'table' AND name GLOB 'sealed_[0-9]*' ORDER BY name;

-- name: insert_sealed
INSERT INTO sealed_{day} (slot, blob) VALUES (?, ?);

-- name: sealed
SELECT blob FROM sealed_{day} WHERE slot = ?;

-- name: drop_sealed
DROP TABLE sealed_{day};

-- Rows of decisions, each sealed under its subjects' keys; row -1 is a whole batch about nobody, row -2 the plain hashes
-- of a batch whose rows can be erased one by one: the proofs of the others need them.
-- name: rows_schema
CREATE TABLE IF NOT EXISTS rows_{day} (
    idx INTEGER NOT NULL, row INTEGER NOT NULL, blob BLOB NOT NULL, PRIMARY KEY (idx, row)
) STRICT, WITHOUT ROWID;

-- name: insert_rows
INSERT INTO rows_{day} (idx, row, blob) VALUES (?, ?, ?);

-- name: sealed_rows
SELECT row, blob FROM rows_{day} WHERE idx = ? ORDER BY row;

-- name: sealed_row
SELECT row, blob FROM rows_{day} WHERE idx = ? AND row IN (?, -1, -2) ORDER BY row;

-- The run key of a sealed blob is its bytes 2 to 9 (store/sealing.py); row -2 is not sealed.
-- name: sealed_keys
SELECT DISTINCT substr(blob, 2, 8) FROM sealed_{day} WHERE slot BETWEEN ? AND ?;

-- name: row_keys
SELECT DISTINCT substr(blob, 2, 8) FROM rows_{day} WHERE idx = ? AND row >= -1;

-- name: exposures
SELECT system, people FROM exposure ORDER BY day;

-- name: set_exposure
INSERT INTO exposure (system, day, people) VALUES (?, ?, ?)
ON CONFLICT (system, day) DO UPDATE SET people = excluded.people;

-- name: delete_exposure
DELETE FROM exposure WHERE system = ? AND day <= ?;

-- name: drop_rows
DROP TABLE IF EXISTS rows_{day};

-- name: meta
SELECT value FROM meta WHERE key = ?;

-- name: set_meta
INSERT INTO meta (key, value) VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value;

-- name: insert_entry
INSERT INTO entry (idx, leaf) VALUES (?, ?);

-- name: size
SELECT coalesce(max(idx), -1) + 1 FROM entry;

-- name: leaf
SELECT leaf FROM entry WHERE idx = ?;

-- name: leaves
SELECT leaf FROM entry WHERE idx >= ? AND idx < ? ORDER BY idx;

-- name: set_tile
INSERT INTO tile (level, idx, data) VALUES (?, ?, ?)
ON CONFLICT (level, idx) DO UPDATE SET data = excluded.data;

-- name: tile
SELECT data FROM tile WHERE level = ? AND idx = ?;

-- name: insert_checkpoint
INSERT INTO checkpoint (size, note) VALUES (?, ?) ON CONFLICT (size) DO NOTHING;

-- name: checkpoint
SELECT size, note FROM checkpoint WHERE size <= ? ORDER BY size DESC LIMIT 1;

-- name: checkpoints
SELECT count(*) FROM (SELECT 1 FROM checkpoint LIMIT 2);

-- name: insert_action
INSERT INTO action (id, first, indexes) VALUES (?, ?, ?);

-- name: action
SELECT indexes FROM action WHERE id = ? ORDER BY first;

-- name: insert_run
INSERT INTO run (id, first, indexes) VALUES (?, ?, ?);

-- name: run
SELECT indexes FROM run WHERE id = ? ORDER BY first;

-- name: insert_tick
INSERT INTO tick (at, idx) VALUES (?, ?);

-- name: tick
SELECT idx FROM tick WHERE at <= ? ORDER BY at DESC, idx DESC LIMIT 1;

-- name: tick_after
SELECT idx FROM tick WHERE at > ? ORDER BY at, idx LIMIT 1;

-- name: insert_control
INSERT INTO control (idx, key) VALUES (?, ?);

-- name: control
-- CROSS: the few rows of control lead, not all of entry; SQLite keeps the order it is given (its manual, "CROSS JOIN").
SELECT control.idx, leaf FROM control CROSS JOIN entry ON entry.idx = control.idx
WHERE control.idx >= ? AND control.idx < ? ORDER BY control.idx;

-- name: open_intents
SELECT open_intent.idx, leaf FROM open_intent CROSS JOIN entry ON entry.idx = open_intent.idx ORDER BY open_intent.idx;

-- name: insert_open
INSERT INTO open_intent (idx) VALUES (?);

-- name: delete_open
DELETE FROM open_intent WHERE idx = ?;

-- name: ledgers
SELECT key, data FROM ledger;

-- name: set_ledger
INSERT INTO ledger (key, data) VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET data = excluded.data;

-- name: delete_ledger
DELETE FROM ledger WHERE key = ?;

-- name: insert_snapshot
INSERT INTO snapshot (idx, state) VALUES (?, ?) ON CONFLICT (idx) DO UPDATE SET state = excluded.state;

-- name: snapshot
SELECT idx, state FROM snapshot WHERE idx <= ? ORDER BY idx DESC LIMIT 1;

-- name: controls_after
SELECT count(*) FROM control WHERE idx > ?;

-- name: set_question
INSERT INTO question (run, match, id) VALUES (?, ?, ?)
ON CONFLICT (run, match) DO UPDATE SET id = excluded.id;

-- name: questions
SELECT run, match, id FROM question;

-- name: delete_question
DELETE FROM question WHERE run = ? AND match = ?;

-- name: subject_key
SELECT epoch, wrapped FROM subject_key WHERE subject = ?;

-- name: subject_keys
SELECT subject, epoch, wrapped FROM subject_key;

-- name: set_subject_key
INSERT INTO subject_key (subject, epoch, wrapped) VALUES (?, ?, ?)
ON CONFLICT (subject) DO UPDATE SET epoch = excluded.epoch, wrapped = excluded.wrapped;

-- name: own_key
SELECT epoch, wrapped FROM own_key WHERE name = ?;

-- name: own_keys
SELECT name, epoch, wrapped FROM own_key;

-- name: set_own_key
INSERT INTO own_key (name, epoch, wrapped) VALUES (?, ?, ?)
ON CONFLICT (name) DO UPDATE SET epoch = excluded.epoch, wrapped = excluded.wrapped;

-- name: delete_subject_key
DELETE FROM subject_key WHERE subject = ?;

-- name: insert_run_key
INSERT INTO run_key (run, subjects, wrapped) VALUES (?, ?, ?) RETURNING id;

-- name: run_key
SELECT subjects, wrapped FROM run_key WHERE id = ?;

-- name: run_key_of
SELECT id, wrapped FROM run_key WHERE run = ? AND subjects = ?;

-- name: insert_run_key_about
INSERT INTO run_key_about (subject, id) VALUES (?, ?);

-- name: delete_run_keys
DELETE FROM run_key WHERE id IN (SELECT id FROM run_key_about WHERE subject = ?);

-- name: delete_run_keys_about
DELETE FROM run_key_about WHERE subject = ?;
