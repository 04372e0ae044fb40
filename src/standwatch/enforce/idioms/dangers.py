"""What is dangerous about single programs, called so: by what they are for."""

import re
from collections.abc import Callable
from typing import Final, NamedTuple

from standwatch.enforce.idioms import paths, urls
from standwatch.enforce.idioms.programs import PUBLIC, RIGHTS, SHELLS, known


class Called(NamedTuple):
    """A program with its arguments: all of them, those that are options, the others, and all as one text."""

    name: str
    said: list[str]
    options: list[str]
    named: list[str]
    text: str


def own(name: str, said: list[str]) -> str:
    """What is dangerous about this program, called so; "" for nothing."""
    if "--help" in said or said == ["-h"]:
        return ""
    if name.startswith("mkfs"):
        return "mkfs makes a new file system over the old"
    options = [one for one in said if one.startswith("-")]
    named = [one for one in said if not one.startswith("-")]
    called = Called(name, said, options, named, " ".join(said))
    return next((why for look in _LOOKS if (why := look(called))), "")


def _files(called: Called) -> str:
    """What would be gone, open to all, or run by a program that packs files."""
    name = called.name
    said = called.said
    options = called.options
    named = called.named
    text = called.text
    match called.name:
        case "rm" | "del" | "rd" | "rmdir" | "remove-item" | "srm":
            deep = any(re.fullmatch(r"-\w*[rR]\w*|--recursive|/s|-recurse|--r\w*", one) for one in said)
            if any(one.startswith("--no-preserve") for one in said) or (
                deep and any(map(paths.whole, named))
            ):
                return "it removes a whole file system, or a folder that the machine lives on"
        case (
            "dd"
            | "shred"
            | "wipe"
            | "wipefs"
            | "fdisk"
            | "parted"
            | "sgdisk"
            | "blkdiscard"
            | "hdparm"
            | "cryptsetup"
        ):
            if name != "dd" or "of=/dev/" in text:
                return f"{name} writes over what cannot be brought back"
        case "chmod" | "chown" | "chgrp" | "chattr" | "setfacl":
            deep = any(re.fullmatch(r"-\w*R\w*|--recursive", one) for one in options)
            if deep and any(map(paths.whole, named[1:])):
                return f"{name} of a whole file system, or a folder that the machine lives on"
            if (
                name == "chmod"
                and named
                and re.fullmatch(r"[ugoa]*[+=]\w*s\w*|[2467]\d{3}|0?777|a\+rwx|o\+w|ugo\+rwx", named[0])
            ):
                return "it gives away rights on a file"
        case "find" | "fd":
            if "-delete" in said and "-name" not in said and any(map(paths.whole, named[:1])):
                return "it removes a folder that the machine lives on"
            if "-exec" in said and any(known(one) in ("rm", "shred", *RIGHTS, *SHELLS) for one in said):
                return (
                    "it runs something destructive on what it finds"
                    if any(known(one) in (*RIGHTS, *SHELLS) for one in said)
                    or any(map(paths.whole, named[:1]))
                    or any(paths.removing_accounts(one) for one in named[:1])
                    else ""
                )
        case "tar" | "gtar" | "bsdtar" if re.search(
            r"--(?:checkpoint-action|to-command|use-compress-program|rsh-command|new-volume-script|info-script)"
            r"|(?:^| )-\w*[IF](?: |$)|-I",
            text,
        ):
            return (
                "tar that runs a command"
                if re.search(r"checkpoint-action|to-command|rsh-command|script", text)
                or re.search(r"(?:-I|program[= ])\s*['\"]?(?:sh|bash|\./)", text)
                else ""
            )
        case "zip" if "-TT" in said or any(one.startswith(("--unzip-command", "-TT")) for one in said):
            return "zip that runs a command"
        case _:
            pass
    return ""


def _machine(called: Called) -> str:
    """What the machine is, runs, keeps out and remembers."""
    name = called.name
    said = called.said
    options = called.options
    named = called.named
    text = called.text
    match called.name:
        case "shutdown" | "reboot" | "halt" | "poweroff" | "init" | "telinit":
            return f"{name} stops the machine"
        case (
            "iptables"
            | "ip6tables"
            | "nft"
            | "ufw"
            | "firewall-cmd"
            | "pfctl"
            | "setenforce"
            | "auditctl"
            | "apparmor_parser"
            | "spctl"
            | "csrutil"
        ):
            if not any(
                one in ("-L", "-S", "status", "list", "--list", "-l", "--status", "--list-all", "--state")
                for one in said
            ):
                return f"{name} changes what guards the machine"
        case (
            "insmod"
            | "modprobe"
            | "rmmod"
            | "kexec"
            | "sysctl"
            | "setcap"
            | "debugfs"
            | "gdb"
            | "mount"
            | "umount"
            | "bpftool"
        ):
            if name not in ("mount", "sysctl") or "-w" in said or "=" in text or len(named) > 1:
                return f"{name} changes the machine itself"
        case "crontab" if "-l" not in said:
            return "crontab decides what is started"
        case "at" | "batch" | "schtasks" | "launchctl" | "update-rc.d":
            if not any(one in ("list", "print", "-l", "/query", "blame") for one in said):
                return f"{name} decides what is started"
        case "systemctl" | "service" | "sc":
            if any(
                one
                in (
                    "enable",
                    "disable",
                    "mask",
                    "edit",
                    "link",
                    "set-property",
                    "stop",
                    "set-default",
                    "isolate",
                )
                for one in said
            ):
                return f"{name} decides what runs"
        case "journalctl" if any(one.startswith(("--vacuum", "--rotate", "--flush")) for one in said):
            return "it removes the machine's journal"
        case "wevtutil" | "clear-eventlog" | "logrotate" | "auditpol" | "clear-history" if (
            name != "logrotate" or "-f" in said
        ):
            return "it removes the machine's journal"
        case "kill" | "pkill" | "killall" if any(one in ("-1",) for one in named + options) and "-9" in said:
            return "it ends everything that runs"
        case (
            "defaults"
            | "reg"
            | "setx"
            | "bcdedit"
            | "netsh"
            | "vssadmin"
            | "wbadmin"
            | "fsutil"
            | "cipher"
            | "format"
            | "diskpart"
            | "diskutil"
            | "nvram"
            | "tmutil"
        ):
            if not any(one.casefold() in ("read", "query", "list", "show", "info") for one in named[:2]):
                return f"{name} changes the machine itself"
        case _:
            pass
    return ""


def _people(called: Called) -> str:
    """Who may come in, and the stores of credentials."""
    name = called.name
    said = called.said
    named = called.named
    match called.name:
        case (
            "useradd"
            | "adduser"
            | "usermod"
            | "userdel"
            | "passwd"
            | "chpasswd"
            | "visudo"
            | "groupadd"
            | "gpasswd"
            | "dscl"
            | "chsh"
        ):
            return f"{name} changes who may do what here"
        case "security" if any(
            one.startswith(("dump", "find-", "export", "delete", "add-trusted")) for one in named
        ):
            return "it opens the store of credentials"
        case (
            "secret-tool"
            | "keyring"
            | "pass"
            | "cmdkey"
            | "gpg"
            | "bw"
            | "op"
            | "lpass"
            | "mimikatz"
            | "kwallet-query"
        ):
            if any(
                one
                in (
                    "get",
                    "search",
                    "lookup",
                    "show",
                    "--export-secret-keys",
                    "export",
                    "--list",
                    "list",
                    "--export-secret-subkeys",
                    "read",
                )
                for one in said
            ):
                return f"{name} opens the store of credentials"
        case "ssh-keygen" | "ssh-copy-id" | "ssh-add" if name == "ssh-copy-id" or {"-D", "-L", "-l"} & set(
            said
        ):
            return f"{name} changes who may come in"
        case _:
            pass
    return ""


def _shell(called: Called) -> str:
    """What a shell remembers, and has others run."""
    name = called.name
    said = called.said
    options = called.options
    named = called.named
    text = called.text
    match called.name:
        case "history" if any(re.match(r"-\w*[cd]", one) for one in options):
            return "it removes the shell's history"
        case "unset" if any(one.startswith("HIST") for one in named):
            return "it switches off the shell's history"
        case "export" | "declare" | "typeset" | "readonly" | "setenv" | "set":
            if "HIST" in text or (name == "set" and "history" in said and "+o" in said):
                return "it switches off the shell's history"
            if re.search(
                r"\b(?:LD_PRELOAD|PROMPT_COMMAND|BASH_ENV|NODE_OPTIONS|GIT_SSH_COMMAND|PYTHONSTARTUP)=", text
            ):
                return "it makes other programs run something"
        case "printenv" | "env" | "set" if not named and name == "printenv":
            return ""
        case _:
            pass
    return ""


def _reach(called: Called) -> str:
    """Ways in and out, and what is done elsewhere."""
    name = called.name
    said = called.said
    named = called.named
    text = called.text
    match called.name:
        case "nc" | "ncat" | "netcat" | "socat" | "telnet":
            if (
                any(re.match(r"-\w*[ecl]|exec|system", one, re.I) for one in said)
                or "EXEC:" in text.upper()
                or "SYSTEM:" in text.upper()
            ):
                return f"{name} opens this machine to another"
        case "ssh" | "scp" | "sftp" | "rsync" | "sshfs" | "autossh":
            return _remote(name, said, text)
        case "docker" | "podman" | "nerdctl":
            return _container(said, text)
        case "curl" | "wget" | "xh" | "http":
            return _fetch(name, said, text)
        case "gh" | "glab":
            if named[:2] in (
                ["repo", "delete"],
                ["secret", "set"],
                ["release", "delete"],
                ["auth", "token"],
                ["repo", "edit"],
                ["ssh-key", "add"],
                ["secret", "delete"],
            ):
                return f"{name} {' '.join(named[:2])} reaches further than a change of code"
        case _:
            pass
    return ""


def _software(called: Called) -> str:
    """Where software comes from, and what is published."""
    name = called.name
    said = called.said
    named = called.named
    text = called.text
    match called.name:
        case "pip" | "pip3" | "uv" | "pipx" | "poetry":
            return _python_packages(said, text)
        case "python" if said[:2] == ["-m", "pip"]:
            return _python_packages(said[2:], text)
        case "npm" | "pnpm" | "yarn" | "bun" | "npx":
            return _node_packages(said)
        case "twine" | "gem" | "cargo" if any(
            one in ("upload", "push", "publish", "yank", "owner") for one in named[:1]
        ):
            return f"{name} publishes"
        case "apt-key" | "add-apt-repository" | "rpm" if name != "rpm" or "--import" in said:
            return "it changes where software comes from"
        case _:
            pass
    return ""


def _stored(called: Called) -> str:
    """Databases."""
    name = called.name
    named = called.named
    text = called.text
    match called.name:
        case "dropdb" | "dropuser" | "createuser" | "mysqladmin" if name != "mysqladmin" or any(
            one in ("drop", "shutdown", "password") for one in named
        ):
            return f"{name} destroys or opens up a database"
        case "redis-cli" | "mongo" | "mongosh" | "influx" | "cqlsh" | "etcdctl" if re.search(
            r"\b(?:flushall|flushdb|dropdatabase|drop\(|deletemany\(\s*\{\s*\}|remove\(\s*\{\s*\}"
            r"|config set|shutdown|slaveof|drop |truncate |del --prefix|del \"\" )",
            text,
            re.I,
        ):
            return f"{name} destroys what is stored"
        case _:
            pass
    return ""


def _remote(name: str, said: list[str], text: str) -> str:
    if re.search(
        r"(?:proxycommand|localcommand|permitlocalcommand|knownhostscommand|proxyusefdpass|match exec)\s*=?",
        text,
        re.I,
    ):
        return f"{name} that runs a command here"
    if re.search(r"stricthostkeychecking\s*=\s*no", text, re.I) and name != "ssh_":
        return f"{name} that trusts whoever answers" if re.search(r"userknownhostsfile", text, re.I) else ""
    if any(one in ("-R", "-D") or re.match(r"-[RDw]\d", one) for one in said):
        return f"{name} opens a way in"
    for place, one in enumerate(said):
        value = one.partition("=")[2] or (said[place + 1] if place + 1 < len(said) else "")
        if (
            one.startswith(("--rsync-path", "--rsh", "-e"))
            and name == "rsync"
            and not re.match(r"(?:/usr/bin/)?ssh\b|sudo rsync", value)
        ):
            return "rsync that runs a command" if value and (" " in value or "/" in value) else ""
        if name in ("scp", "sftp") and one.startswith("-S"):
            return f"{name} that runs a program of its own"
    return ""


_FLAGS: Final = re.compile(
    r"-[dditPq]+|--(?:rm|init|privileged|detach|interactive|tty|read-only|publish-all|quiet)"
)


def _before_image(said: list[str]) -> list[str]:
    """The options of `run` and `create` that are docker's own: those behind the image are the container's."""
    at = next((n + 1 for n, one in enumerate(said) if one in ("run", "create")), 0)
    while at and at < len(said) and said[at].startswith("-"):
        at += 1 if "=" in said[at] or _FLAGS.fullmatch(said[at]) else 2
    return said[:at] if at else said


def _container(said: list[str], text: str) -> str:
    said = _before_image(said)
    text = " ".join(said)
    if re.search(
        r"--privileged(?!=(?:0|false))|--(?:pid|net|network|ipc|uts|userns|cgroupns)[= ]host"
        r"|--cap-add[= ](?:all|sys_|net_admin|dac_)|docker\.sock|--security-opt[= ]\S*unconfined|--device[= ]/dev",
        text,
        re.I,
    ):
        return "a container that is none: it reaches the machine itself"
    for place, one in enumerate(said):
        source = (
            said[place + 1]
            if one in ("-v", "--volume", "--mount") and place + 1 < len(said)
            else one.partition("=")[2]
            if one.startswith(("--volume=", "--mount=", "-v="))
            else ""
        )
        source = (re.search(r"(?:source|src)=([^,]+)", source) or [None, source.partition(":")[0]])[1]
        if (
            source
            and source.startswith(("/", "~"))
            and (paths.whole(source) or paths.reading(source) or paths.writing(source))
        ):
            return "a container that has the machine's own folders"
    if "prune" in said and any(one in ("-a", "--all", "--volumes", "-af", "-fa", "volume") for one in said):
        return "prune removes what is not running at the moment"
    return ""


def _python_packages(said: list[str], text: str) -> str:
    if (
        any(
            re.search(r"(?:git|hg|svn|bzr)\+|^https?://(?!(?:pypi\.org|files\.pythonhosted\.org)/)", one)
            for one in said
        )
        and "install" in said
    ) and any(
        re.search(r"(?:git|hg|svn|bzr)\+", one) or re.search(r"\.(?:whl|zip|tar\.gz|tgz)(?:[#?]|$)", one)
        for one in said
    ):
        return "software from an address of its own"
    if said[:1] == ["config"] and any(one in ("set",) for one in said) and "index" in text:
        return _registry(said[-1])
    for place, one in enumerate(said):
        if re.match(
            r"(?:--(?:extra-)?index-url|-i|--index|--find-links|-f|--default-index|--trusted-host)(?:=|$)",
            one,
        ):
            value = one.partition("=")[2] or (said[place + 1] if place + 1 < len(said) else "")
            if why := _registry(value):
                return why
    return ""


def _node_packages(said: list[str]) -> str:
    text = " ".join(said)
    if (
        said[:1] in (["unpublish"], ["deprecate"], ["owner"], ["token"], ["adduser"])
        and "--dry-run" not in said
    ):
        return "it publishes, or changes who may"
    if found := re.search(r"registry[ =](\S+)", text):
        return _registry(found[1])
    if any(
        re.match(r"(?:git\+|git://|github:|https?://\S+\.(?:tgz|tar\.gz))", one) for one in said
    ) and re.search(r"\b(?:i|install|add)\b", text):
        return "software from an address of its own"
    return ""


def _registry(value: str) -> str:
    """Whoever names a registry chooses one: nothing is odd about the public ones, by TLS."""
    if value.startswith((".", "/")) or not value:
        return ""
    scheme, name = urls.host(value)
    plain = (
        "\\" not in value
    )  # what one program takes for the end of the host, another takes for a part of it
    return "" if plain and scheme == "https" and name in PUBLIC else "software from a registry of its own"


def _fetch(name: str, said: list[str], text: str) -> str:
    for place, one in enumerate(said):
        if name == "curl" and one.startswith(("-K", "--config", "--unix-socket")) and "docker" in text:
            return "curl that talks to the machine's own services"
        value = said[place + 1] if place + 1 < len(said) else ""
        if name == "curl" and (
            (one in ("-H", "--header", "--proxy-header") and value.startswith("@"))
            or re.match(r"-H@|--(?:proxy-)?header=@", one)
        ):
            return "curl sends a file out"
        sent = re.match(
            r"(?:-d|--data(?:-\w+)?|-F|--form|-T|--upload-file|--post-file|--body-file|--json)(?:=|$)", one
        )
        if (
            sent
            and re.match(r"(?:\w+=)?@?(?:/etc/|~|/root|/home|\.env|/var/|\$\()", value.lstrip("@"))
            and ("@" in value or one in ("-T", "--upload-file", "--post-file", "--body-file"))
        ):
            return f"{name} sends a file out"
    return ""


_LOOKS: Final[tuple[Callable[[Called], str], ...]] = (
    _files,
    _machine,
    _people,
    _shell,
    _reach,
    _software,
    _stored,
)
