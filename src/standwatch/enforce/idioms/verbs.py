"""The effect of one program by the words behind it: what most tools with subcommands call what they do."""

import re
from typing import Final

from standwatch.enforce.idioms.git import discards
from standwatch.enforce.idioms.listed import listed
from standwatch.enforce.idioms.table import UNKNOWN, Program
from standwatch.facts.words import Effect

_READS: Final = re.compile(
    r"(?:list|ls|show|get|describe|status|info|logs?|diff|search|find|help|version|view|inspect|check|whoami|cat|print|tree|"
    r"stats?|history|doctor|validate|verify|lint|audit|outdated|explain|top|ps|images|head|query|read|dump|export|plan|"
    r"preview|doc|docs|env|which|tail|events?|simulate|lookup|can-i|current-context|config-view|test|freeze)(?:[-:]|$)"
)
_ENDS: Final = re.compile(
    r"(?:.+[-:])?(?:delete|destroy|remove|rm|rmi|purge|drop|terminate|revoke|wipe|erase|prune|reset|nuke|unpublish|deregister|"
    r"rb|obliterate|expire|kill|shutdown|down|uninstall|truncate|flush|flushall|flushdb|restore|reinstall|detach|disable)"
    r"(?:[-:].*)?$"
)
_SENDS: Final = re.compile(
    r"(?:publish|push|send|deploy|release|apply|upload|transfer|pay|merge|promote|invoke|submit|post)(?:[-:].*)?$"
)
_ALWAYS: Final = listed(
    "rm rmdir unlink shred dd mkfs dropdb dropuser truncate srm wipe wipefs fdisk parted sgdisk shutdown reboot halt "
    "poweroff kill pkill killall mail mailx sendmail mutt lp lpr wall"
)
_KEEPS: Final = frozenset(
    {"git", "hg", "jj", "npm", "pnpm", "yarn", "bun", "cargo", "go", "make", "systemctl", "docker"}
)
"""Where these words are everyday work that can be had back."""


_BACK: Final = listed("remove uninstall rm reset restore prune down")
_CHANGES: Final = listed("apply edit set create add update patch put new start run")
_NOT_ONLY: Final = listed("test env export dump doc docs audit")
_KEEP_OUTPUT: Final = listed("sort tree shuf xxd uniq yq xmllint history date hostname ulimit")


def effect_of(name: str, program: Program, operands: list[str], said: list[str]) -> Effect:
    """What `name said…` does at most, as far as its words tell; `operands` are those that are no options."""
    if "--dry-run" in said or "--help" in said:
        return "read"
    if name == "git":
        return _git(program, operands, said)
    if name in ("curl", "wget", "http", "https", "xh"):
        return _fetch(program, said)
    if name in (
        "psql",
        "mysql",
        "mariadb",
        "sqlite3",
        "sqlcmd",
        "duckdb",
        "clickhouse-client",
        "bq",
        "cockroach",
    ):
        return _statements(said)
    if name in _ALWAYS:
        return "irreversible"
    if name in ("sed", "gsed", "perl", "yq", "ruby"):
        in_place = any(re.match(r"--in-?place|-\w*i", one) for one in said)
        return "write" if in_place else program.effect
    if program.effect == "read":
        kept = name in _KEEP_OUTPUT and any(re.match(r"-o|--output|--in-?place|-r$|-s$", one) for one in said)
        return "write" if kept else "read"
    if program.effect == "irreversible" or not operands:
        return program.effect
    return _by_words(name, program, operands[:3])


def _by_words(name: str, program: Program, first: list[str]) -> Effect:
    """By what tools with subcommands call what they do. A program that nobody knows writes, whatever it says."""
    if any(map(_ENDS.match, first)):
        return "write" if name in _KEEPS and first[0] in _BACK else "irreversible"
    if any(map(_SENDS.match, first[:2])):
        return "irreversible"
    looks = any(map(_READS.match, first[:2])) and not any(one in _CHANGES for one in first)
    return "read" if looks and program is not UNKNOWN and first[0] not in _NOT_ONLY else "write"


def _git(program: Program, operands: list[str], said: list[str]) -> Effect:
    verb = operands[0] if operands else ""
    if verb == "push":
        forced = any(
            one in ("-f", "--force", "--mirror", "--delete", "-d", "--prune")
            or one.startswith(("--force", "+", ":"))
            for one in said
        )
        return "irreversible" if forced else "write"
    if verb in ("branch", "tag", "remote", "config", "reflog"):
        return (
            "write"
            if len(operands) > 1
            or any(re.match(r"-[dDmMcCuaefs]|--(?:delete|move|unset|add|set)", one) for one in said)
            else "read"
        )
    if verb in ("clean", "filter-branch", "filter-repo", "gc", "prune") or (
        verb == "reset" and "--hard" in said
    ):
        return "irreversible"
    if discards(verb, said[said.index(verb) + 1 :] if verb else []):
        return "irreversible"
    if verb == "stash" and operands[1:2] in (["drop"], ["clear"]):
        return "irreversible"
    return program.effect


def _fetch(program: Program, said: list[str]) -> Effect:
    for place, one in enumerate(said):
        if one in ("-X", "--request", "--method") or one.startswith(("--request=", "--method=", "-X")):
            method = (
                one.partition("=")[2]
                or (
                    said[place + 1]
                    if len(one) == 2 or (one.startswith("--") and place + 1 < len(said))
                    else one[2:]
                )
            ).upper()
            if method not in ("GET", "HEAD", "OPTIONS"):
                return "irreversible"
    if any(one.upper() in ("POST", "PUT", "DELETE", "PATCH") for one in said):
        return "irreversible"
    kept = any(
        re.match(r"-\w*[oO]|--output|--remote-name", one)
        for one in said
        if not one.startswith("--") or "output" in one or "remote" in one
    )
    return "write" if kept or program.effect == "write" else "read"


def _statements(said: list[str]) -> Effect:
    text = " ".join(said).upper()
    if re.search(r"\b(?:DROP|TRUNCATE|DELETE|ALTER|GRANT|REVOKE)\b", text):
        return "irreversible"
    if re.search(r"\b(?:INSERT|UPDATE|CREATE|REPLACE|MERGE|COPY|CALL|DO|\\I)\b", text) or not re.search(
        r"\bSELECT|SHOW|EXPLAIN|\\D|-L\b", text
    ):
        return "write"
    return "read"
