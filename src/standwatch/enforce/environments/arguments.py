"""The arguments of any tool: command lines, whole URLs and connection strings, and arguments by their names."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final, cast

from standwatch.enforce.environments import places
from standwatch.enforce.environments.claims import Claims
from standwatch.enforce.environments.commands import read
from standwatch.enforce.idioms.listed import listed
from standwatch.facts.environments import Kind
from standwatch.facts.rules import ArgumentRule

MOST: Final = 1_000
"""Texts of one call that are looked at; with more it cannot be told where it reaches."""

_COMMANDS: Final = listed("command cmd commands command_line commandline shell_command bash shell")
_CODE: Final = listed("code script javascript python source_code program expression snippet")
_BY_NAME: Final[dict[str, Kind]] = {
    name: cast("Kind", kind)
    for kind, names in {
        "hosts": "host hostname server_host db_host dbhost server_name fqdn target_host remote_host ip ip_address",
        "urls": "url uri endpoint base_url baseurl server_url api_url dsn connection_string connectionstring"
        " database_url db_url connection_uri repository_url repo_url remote_url",
        "branches": "branch branch_name target_branch base_branch ref git_ref destination_branch",
        "namespaces": "namespace ns kube_namespace k8s_namespace",
        "contexts": "context kube_context kubecontext k8s_context cluster cluster_name docker_context cluster_id",
        "workspaces": "workspace stack stack_name workspace_name tf_workspace terraform_workspace",
        "accounts": "account account_id project project_id profile aws_profile subscription subscription_id app"
        " app_name app_id application tenant gcp_project project_ref service_name resource_group",
        "databases": "database db database_name db_name dbname catalog instance db_instance",
        "paths": "path paths file file_path filepath filename directory dir folder cwd workdir working_directory"
        " repo_path notebook_path source destination target_path absolute_path root",
        "names": "environment env stage tier deployment_environment target_env environment_name deploy_env",
    }.items()
    for name in names.split()
}
_AROUND: Final[dict[str, Kind]] = {
    "branch": "branches",
    "context": "contexts",
    "namespace": "namespaces",
    "workspace": "workspaces",
    "account": "accounts",
    "host": "hosts",
}
"""Members of `around`, by which a hook says what decides where a command line goes that does not say it itself."""


def claims_of(arguments: Mapping[str, Any], rules: Mapping[str, ArgumentRule], *, hooked: bool) -> Claims:
    """What the arguments of one call say. `hooked`: a hook asks for a tool of its own host, so that `cwd` and `around`
    are the hook's words and not the agent's."""
    claims = Claims(_around(arguments) if hooked else {})
    for count, (name, key, text) in enumerate(_texts("", "", arguments)):
        if count >= MOST:
            claims.doubt((), f"more than {MOST} values")
            break
        if not (hooked and name in ("cwd", "workspace", "around")):
            _text(claims, rules.get(name), key, text)
    return claims


def _around(arguments: Mapping[str, Any]) -> dict[Kind, str]:
    found: dict[Kind, str] = {}
    cwd, said = arguments.get("cwd"), arguments.get("around")
    if isinstance(cwd, str) and cwd:
        found["paths"] = cwd
    for name, value in cast("dict[str, Any]", said).items() if isinstance(said, dict) else ():
        if isinstance(value, str) and value and name in _AROUND:
            found[_AROUND[name]] = value
    return found


def _text(claims: Claims, rule: ArgumentRule | None, key: str, text: str) -> None:
    """One text: by what it is declared to be, by its name, and by what it looks like."""
    reads = rule.reads_as if rule is not None else ""
    if reads == "shell" or (not reads and key in _COMMANDS):
        read(claims, text)
        return
    kind = _BY_NAME.get(key)
    if key in ("workspace", "stack") and "/" in text:
        kind = "paths"
    if kind is not None and len(text) <= 4_096:
        _claim(claims, kind, text, f"{key} {text}")
    elif reads == "path" and len(text) <= 4_096:
        places.path(claims, text)
    elif key in _CODE:
        places.mentioned(claims, text)
    elif len(text) <= 4_096 and not re.search(r"\s", text.strip()):
        places.url(claims, text)
    elif (
        len(text) <= 1_000
        and "\n" not in text
        and re.match(r"\s*(?:host|hostaddr|server|data source)\s*=", text, re.I)
    ):
        places.connection(claims, text)


def _claim(claims: Claims, kind: Kind, text: str, said: str) -> None:
    if kind in ("hosts", "urls", "databases"):
        if places.url(claims, text, said) or (kind != "hosts" and places.connection(claims, text)):
            return
        if kind == "databases":
            claims.say("databases", text, said)
        else:
            places.host(claims, text, said)
    elif kind == "paths":
        places.path(claims, text, said)
    else:
        claims.say(kind, text.removeprefix("refs/heads/"), said)


def _texts(name: str, key: str, value: Any) -> Iterator[tuple[str, str, str]]:
    """(argument, nearest key in lower case, text) of every text; without recursion into more than a value's depth."""
    waiting: list[tuple[str, str, Any]] = [(name, key, value)]
    while waiting:
        name, key, value = waiting.pop()
        if isinstance(value, str):
            yield name, key, value
        elif isinstance(value, list):
            items = cast("list[Any]", value)
            if key in _COMMANDS and items and all(isinstance(one, str) for one in items):
                yield name, key, " ".join(_quoted(str(one)) for one in items)
            else:
                waiting += [(name, key, one) for one in reversed(items)]
        elif isinstance(value, Mapping):
            members = cast("Mapping[str, Any]", value)
            waiting += [(name or inner, _plain(inner), one) for inner, one in reversed(list(members.items()))]


def _plain(key: str) -> str:
    """`namespaceName`, `Namespace-Name` and `namespace_name` are one name."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", key).replace("-", "_").casefold()


def _quoted(word: str) -> str:
    return word if re.fullmatch(r"[A-Za-z0-9_@%+=:,./-]+", word) else "'" + word.replace("'", "'\\''") + "'"
