"""Variables of the environment that make other programs run something, or hide what was run."""

import re
from collections.abc import Iterator
from typing import Final

from standwatch.enforce.idioms import places
from standwatch.enforce.idioms.listed import listed
from standwatch.enforce.idioms.reading import Kind

_RUNNING: Final = listed(
    "ld_preload ld_library_path ld_audit git_ssh git_ssh_command git_pager pager editor visual git_external_diff "
    "git_askpass git_editor git_sequence_editor git_proxy_command prompt_command bash_env env pythonstartup "
    "node_options perl5opt rubyopt lessopen lessclose dyld_insert_libraries manpager systemd_pager systemd_editor "
    "browser ssh_askpass sudo_askpass sudo_editor aws_pager gh_pager gh_editor bat_pager psql_pager java_tool_options "
    "_java_options jdk_java_options rustc_wrapper rustc_workspace_wrapper "
)
_HARMLESS: Final = listed("cat true false vi vim nano less more : most bat delta code emacs micro hx")
_HISTORY: Final = listed("HISTFILE HISTSIZE HISTFILESIZE HISTCONTROL HISTIGNORE")
_TOLD: Final = re.compile(
    r"git_config_(?:count|key_|value_|parameters|global|system)|git_(?:template_dir|exec_path)$"
    r"|npm_config_(?:registry|script_shell|node_options)$|(?:pip|uv)_(?:extra_)?index_url$|pip_(?:config_file|find_links)$"
)
"""Settings of programs that install or run others, spelt as variables."""
_HIDDEN: Final = re.compile(r"(?:pager|editor|askpass|opener|wrapper)$", re.IGNORECASE)


def assigned(name: str, value: str) -> Iterator[tuple[Kind, str]]:
    """Why a person should look at `name=value`."""
    plain = name.casefold()
    words = value.split()
    harmless = bool(words) and words[0] in _HARMLESS and not re.search(r"[;&|`$(!]", value)
    if value and not harmless and plain in _RUNNING:
        yield (
            "harm" if plain not in ("env", "browser", "visual", "java_tool_options") else "runs",
            (f"{name} makes other programs run something"),
        )
    elif value and not harmless and _HIDDEN.search(plain):
        yield "runs", f"{name} makes other programs run something"
    elif value and _TOLD.match(plain):
        yield "runs", f"{name} decides what other programs run, or where what they run comes from"
    if name in _HISTORY:
        yield "harm", "it switches off the shell's history"
    if name == "PATH" and any(map(_odd, value.split(":"))):
        yield "runs", "PATH decides which program runs, and leads into a folder that is not the system's"


def _odd(part: str) -> bool:
    """Whether programs are looked for where none are installed: here, in the scratch, or nowhere in particular."""
    above = places.is_path(part) and part.startswith("..")
    return part in (".", "", "~") or part.startswith("./.") or above or places.scratch(part)
