"""Programs inside a command line, in whatever language: what they run, remove, read, write, or ask of the network."""

import re
from collections.abc import Iterator
from typing import Final

from standwatch.enforce.idioms import places, urls
from standwatch.enforce.idioms.listed import linear

LONGEST: Final = 20_000
"""Characters of a program that are looked at; a longer one is not understood."""
_LITERAL: Final = re.compile(r"""(?:"((?:[^"\\]|\\.)*)"|'((?:[^'\\]|\\.)*)'|`([^`]*)`)""", re.DOTALL)
_RUNS: Final = linear(
    r"\b(?:system|exec\w*|popen\w*|spawn\w*|subprocess|check_output|shell_exec|passthru|qx|Open3|run)\b|\|\s*getline"
)
_LOUD: Final = linear(
    r"\b(?:rmtree|removedirs|unlinkSync|rmSync|rmdirSync|rm_rf|socket\.socket|pty\.spawn|fsockopen|TCPSocket|/dev/tcp)\b"
)
_CALLS: Final = linear(
    r"(?i)\b(?:system|exec[lv]?[pe]*|pcntl_exec|popen\d?|proc_open|shell_exec|passthru|spawn\w*|posix_spawn\w*|createprocess|"
    r"shell-command|call-process|start-process|os\.execute|io\.popen|processbuilder|getruntime|child_process|subprocess|"
    r"check_output|esyscmd|syscmd|shellexecute|start-process|invoke-expression|iex|run-shell-command|command-execute|"
    r"unixsystem|os\.cmd|system\.cmd|kernel\.exec|execfile|runhaskell|shell_command|unix\.fork|dyn\.load|dlopen|"
    r"loadlibrary|interact|set_trace|breakpoint|embed|ctypes|importlib|ffi|__import__)\s*[\(\"'{ ./]|%\{lua|\\write18|"
    r"directlua|\\openout|\\input\{?/|\bterm(?:inal)?\b|"
    r"run\(\s*[`\"']|run\(pipeline|`[^`\n]+`\s*$|\bqx\b|%x[\[({]|\|\s*getline|\bexec\s+[\"'/]|\bsystem\s+[\"'/]|\bpty\b|\brun-command\b"
)
_TALKS: Final = linear(
    r"(?i)\b(?:socket|urlopen|urlretrieve|urllib|requests|httplib|http\.(?:client|server|get|request)|simplehttp\w*|ftplib|"
    r"smtplib|telnetlib|paramiko|net/http|open-uri|uri\.open|tcpsocket|tcpserver|udpsocket|lwp|io::socket|fsockopen|"
    r"curl_exec|curl_init|file_get_contents\(\s*[\"']http|download|fetch\(|xmlhttprequest|net\.(?:socket|connect|"
    r"createserver|createconnection)|https?\.(?:get|request|createserver)|webclient|invoke-webrequest|iwr|"
    r"invoke-restmethod|downloadstring|downloadfile|start-bitstransfer|new-object\s+net|ztcp|sockets|serversocket|"
    r"createserver|listen\(|/inet/|java\.net|httpbuilder|gen_tcp|make-network-process|url-retrieve)"
)
_WRITES: Final = linear(
    r"(?i)\b(?:write\w*|unlink\w*|remove\w*|rename\w*|mkdir\w*|rmdir|chmod|truncate|file_put_contents|open\([^)]*[\"'][wax]|"
    r"out-file|set-content|append\w*|save\w*|copy\w*|move\w*|delete\w*|to_csv|dump\()|>"
)
_REMOVES: Final = linear(
    r"(?i)\b(?:os\.remove|unlink\w*|rmtree|rmdir|removedirs|rm_r|rmSync|remove_(?:file|dir)|delete_file|drop\s+table)\b"
)
_BARE: Final = re.compile(r"(?:^|[\s\"'=(<>|:,@\[{`])((?:~|\.\.)?/[\w.@+-]+(?:/[\w.@+-]+)*/?|~/[\w./@+-]*)")
_SHELL: Final = re.compile(
    r"(?<!#!)(?<!#! )(?<![\w.-])(?:/(?:usr/)?(?:local/)?bin/)(?:(?:ba|z|da|k|c|tc|a|fi|pw|ya|ra)?sh)\b(?!-)"
)


def literals(text: str) -> Iterator[str]:
    """What stands between quotes in it."""
    for found in _LITERAL.finditer(text[:LONGEST]):
        yield next(part for part in found.groups() if part is not None)


def runs(text: str) -> bool:
    """Whether words of it run others, in one of the common languages."""
    return _RUNS(text) or "`" in text


def loud(text: str) -> bool:
    """Whether it removes whole folders or opens sockets."""
    return _LOUD(text)


def calls(text: str) -> bool:
    """Whether it runs something, called as languages do, or loads what is no code of theirs."""
    return _CALLS(text)


def talks(text: str) -> bool:
    """Whether it asks something of the network, or listens there."""
    return _TALKS(text)


def removes(text: str) -> bool:
    """Whether it removes something."""
    return _REMOVES(text)


def writes(text: str) -> bool:
    """Whether it may change something."""
    return _WRITES(text)


def shells(text: str) -> bool:
    """Whether a shell's own path stands in it, other than as what a script starts with."""
    return "sh" in text and _SHELL.search(text) is not None


def paths(text: str) -> Iterator[str]:
    """The paths in it that do not start where the line does, in quotes or bare."""
    for one in literals(text):
        if places.is_path(one) and len(one) < 4_096 and "\n" not in one:
            yield one
    for found in _BARE.finditer(text[:LONGEST]):
        if places.is_path(found[1]):
            yield found[1]


def metadata(text: str) -> bool:
    """Whether a cloud's metadata service is named in it."""
    return "://" in text and any(
        urls.metadata(one) for one in re.findall(r"https?://[^\s'\"<>)]+", text[:LONGEST])
    )
