"""Statements of SQL that destroy, open up, or reach out of the database."""

from functools import lru_cache
from typing import Final, NamedTuple

from standwatch.enforce.idioms.listed import listed
from standwatch.enforce.idioms.reading import Doubt, Kind, Reading
from standwatch.enforce.idioms.sql_reading import MOST_TEXT, read
from standwatch.enforce.idioms.sql_words import OpenError, readings, words
from standwatch.facts.words import Effect

_CALLS: Final = listed(
    "XP_CMDSHELL XP_REGWRITE XP_DIRTREE SP_OACREATE SP_OAMETHOD SP_CONFIGURE SP_ADDLOGIN SP_ADDSRVROLEMEMBER "
    "OPENROWSET OPENDATASOURCE PG_READ_FILE PG_READ_BINARY_FILE PG_LS_DIR PG_STAT_FILE PG_WRITE_FILE LO_IMPORT "
    "LO_EXPORT LOAD_FILE LOAD_EXTENSION DBLINK DBLINK_EXEC DBLINK_CONNECT WRITEFILE READFILE FTS3_TOKENIZER SYS_EVAL "
    "SYS_EXEC UTL_HTTP UTL_FILE DBMS_SCHEDULER DBMS_JAVA PG_TERMINATE_BACKEND PG_RELOAD_CONF PG_EXECUTE_SERVER_PROGRAM "
    "QUERY_TO_XML_FILE SYS_FILEIO"
)
_PEOPLE: Final = frozenset({"USER", "ROLE", "LOGIN", "GROUP", "CREDENTIAL", "POLICY", "SERVER"})
_REACHES: Final = frozenset({"EXTENSION", "LANGUAGE", "SUBSCRIPTION", "EVENT"})
_UNCONFINED: Final = frozenset(
    {"C", "INTERNAL", "PLPYTHONU", "PLPYTHON3U", "PLPERLU", "PLTCLU", "DEFINER", "EXTERNAL"}
)
_HOLDERS: Final = listed(
    "TABLE DATABASE SCHEMA VIEW MATERIALIZED INDEX SEQUENCE COLUMN CONSTRAINT USER ROLE LOGIN FUNCTION PROCEDURE "
    "TRIGGER TYPE DOMAIN EXTENSION OWNED KEYSPACE TABLESPACE POLICY SERVER PARTITION"
)


LONGEST: Final = 4_000
"""Words of a DELETE or an UPDATE in which its condition is looked for: one that comes later is none."""
HEAD: Final = 64
"""Words by which a statement shows what it is."""


class Told(NamedTuple):
    """What a text would do where it is carried out, for a call whose effect is its statement's."""

    effect: Effect
    danger: str
    """Why a person should look; "" for no reason."""
    doubt: str
    """What was not understood; "" where all was."""
    unknown: str
    """Functions it calls that may do anything, in words; "" for none."""


def told(text: str) -> Told:
    """The effect of `text`, read as PostgreSQL does, or as another database where that cannot.

    INVARIANT: what holds a danger in any way of quoting is irreversible, and so is what was not understood.
    """
    found = read(text)
    if len(text) > MOST_TEXT:
        return Told("irreversible", "", found.why_doubted, "")
    if found.why_doubted:
        from standwatch.enforce.idioms.sql_parsing import elsewhere  # as in `sql_reading`

        found = elsewhere(text) or found
    why = danger(text) or found.danger
    return Told("irreversible" if why else found.effect, why, found.why_doubted, found.unknown)


@lru_cache(maxsize=256)
def reading(text: str) -> Reading:
    """`text` as the passage reads a call whose effect is its statement's (`effect_by`).

    What it would destroy, what was not understood and what it calls that may do anything are each asked about.
    """
    found = told(text)
    doubts: tuple[tuple[Kind, str], ...] = (
        ("harm", found.danger),
        ("unread", found.doubt),
        ("runs", found.unknown),
    )
    return Reading(
        found.effect,
        understood=not (found.doubt or found.unknown),
        doubts=tuple(Doubt(kind, why) for kind, why in doubts if why),
    )


def asked(text: str) -> str:
    """Why a person should look at it, whatever its effect is declared to be; "" for no reason."""
    found = told(text)
    return found.danger or found.doubt


def danger(text: str) -> str:
    """What in it destroys, opens up, or reaches out of the database, in any way of quoting; "" for nothing."""
    read = 0
    for way in readings(text):
        try:
            found = list(words(text, way))
        except OpenError:
            continue
        read += 1
        for statement in _statements(found):
            if why := _statement(statement):
                return why
    return "" if read else "no database could read this"


def _statements(found: list[str]) -> list[list[str]]:
    made: list[list[str]] = [[]]
    for word in found:
        if word == ";":
            made.append([])
        else:
            made[-1].append(word)
    return [one for one in made if one]


def _statement(said: list[str]) -> str:
    for place, word in enumerate(said):
        before = said[place - 1] if place else ""
        after = said[place + 1] if place + 1 < len(said) else ""
        if word in _CALLS and (
            after == "(" or before in ("EXEC", "EXECUTE", "CALL", "") or after.startswith("'")
        ):
            return f"{word} reaches out of the database"
        if word in ("OUTFILE", "DUMPFILE") and before == "INTO":
            return "it writes a file on the database's host"
        if word == "PROGRAM" and before in ("TO", "FROM"):
            return "it runs a program on the database's host"
        # Wherever it stands: another dialect may see a comment or a literal end before it.
        if (word == "DROP" and after in _HOLDERS) or (
            word == "TRUNCATE" and after and after[0] not in "(,'="
        ):
            return f"{word} {after} takes away more than a row"
        begins = _begins(said, place) or (word == "DELETE" and after == "FROM")
        if word in ("DELETE", "UPDATE") and begins and (why := _everything(said[place : place + LONGEST])):
            return why
        if _begins(said, place) and (why := _head(said[place : place + HEAD])):
            return why
    return ""


def _begins(said: list[str], place: int) -> bool:
    """Whether a statement may begin here: at the start, in a CTE, after EXPLAIN, BEGIN, THEN, AS or DO."""
    return not place or said[place - 1] in (
        "(",
        ")",
        "ANALYZE",
        "EXPLAIN",
        "BEGIN",
        "THEN",
        "DO",
        "ELSE",
        "AS",
        "LOOP",
    )


def _head(said: list[str]) -> str:
    head, rest = said[0], said[1:]
    second = rest[0] if rest else ""
    match head:
        case "DROP" if second not in _HOLDERS:
            return ""
        case "DROP" | "TRUNCATE" | "GRANT" | "REVOKE" | "SHUTDOWN" | "KILL" if rest or head == "SHUTDOWN":
            return f"{head} takes away, or gives away, more than a row"
        case "ALTER" if (
            "DROP" in rest or second in _PEOPLE or second in ("SYSTEM", "DATABASE") or "OWNER" in rest
        ):
            return "it alters what holds the data, or who may use it"
        case "ALTER" if "DISABLE" in rest or ("SET" in rest and "PASSWORD" in rest) or "RENAME" in rest:
            return "it alters what guards the data"
        case "CREATE" if any(one in _PEOPLE | _REACHES for one in rest[:4]):
            return "it makes somebody, or something that runs"
        case "CREATE" if ("FUNCTION" in rest or "PROCEDURE" in rest) and _UNCONFINED & set(rest):
            return "it makes something that runs outside the database's rules"
        case "COPY" | "LOAD" | "ATTACH" if any(one.startswith("'") for one in rest):
            return "it reaches files of the database's host"
        case "EXEC" | "EXECUTE" if second.startswith(("XP_", "SP_")) or second in ("(", "IMMEDIATE"):
            return "it runs what the database cannot be asked to show"
        case "SET" if (
            second in ("GLOBAL", "PASSWORD", "ROLE") or "AUTHORIZATION" in rest or "REPLICATION_ROLE" in rest
        ):
            return "it changes who one is there, or what holds for everybody"
        case "PRAGMA" if second in ("WRITABLE_SCHEMA", "KEY", "REKEY", "TRUSTED_SCHEMA"):
            return "it unlocks what the database guards"
        case "RENAME" if second == "TABLE":
            return "it renames what others rely on"
        case _:
            return ""


_SIGNS: Final = ("=", "<", ">", "!")


def _everything(said: list[str]) -> str:
    """Whether a DELETE or an UPDATE reaches every row."""
    if said[0] == "UPDATE" and "SET" not in said:
        return ""
    if said[0] == "DELETE" and "FROM" not in said and len(said) < 2:
        return ""
    if "WHERE" not in said:
        return f"{said[0]} without WHERE reaches every row"
    condition = said[said.index("WHERE") + 1 :]
    for end in ("RETURNING", "LIMIT", "ORDER"):
        if end in condition:
            condition = condition[: condition.index(end)]
    named = [
        one
        for place, one in enumerate(condition)
        if (one[0].isalpha() or one[0] in '_"')
        and one not in ("TRUE", "NOT", "AND", "OR", "NULL", "IS", "LIKE", "BETWEEN", "IN", "FALSE")
        and condition[place + 1 : place + 2] != ["("]
    ]
    if not named or _same(condition):
        return f"{said[0]} with a condition that is always true reaches every row"
    return ""


def _same(condition: list[str]) -> bool:
    """Whether one alternative of the condition holds always: `x = x`, `1 = 1`, `TRUE`."""
    alternatives: list[list[str]] = [[]]
    for one in condition:
        if one == "OR":
            alternatives.append([])
        else:
            alternatives[-1].append(one)
    for one in alternatives:
        bare = [word for word in one if word not in "()"]
        if bare in (["TRUE"], ["1"]) or (len(bare) == 3 and bare[1] == "=" and bare[0] == bare[2]):
            return True
        if (
            len(bare) == 3
            and bare[1] == "="
            and all(word[0].isdigit() or word[0] == "'" for word in (bare[0], bare[2]))
        ):
            return bare[0].lstrip("'") == bare[2].lstrip("'")
    return False
