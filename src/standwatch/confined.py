"""Becomes a server that may do little: `python -I -S confined.py PLAN COMMAND…`, inside the namespaces of bubblewrap.

One file that imports the standard library only, since it runs where nothing of Standwatch can be seen. In order: the
relay to declared hosts (if any), Landlock, the last capabilities, seccomp, the command. PLAN is JSON:

    {"reads": [path, …], "writes": [path, …], "landlock": true, "seccomp": true, "network": true,
     "relay": {"socket": path, "hosts": [[address, port], …]} | null}

`network` false refuses internet sockets as well: where there is no namespace that does. INVARIANT: what was promised
and cannot be had ends the start with exit code 126 and one sentence; nothing runs with less.
"""

from __future__ import annotations

import ctypes
import errno
import json
import os
import platform
import resource
import struct
import sys
from functools import partial
from typing import Any, Final, NoReturn

FAILED: Final = 126
RELAYED: Final = 64
"""Connections that the relay holds at once."""

_libc: Final = ctypes.CDLL(None, use_errno=True)
_PR_SET_DUMPABLE: Final = 4
_PR_SET_SECCOMP: Final = 22
_PR_SET_NO_NEW_PRIVS: Final = 38

# --- Landlock: linux/landlock.h; the numbers of its calls are the same on every architecture ------------------

_CREATE_RULESET: Final = 444
_ADD_RULE: Final = 445
_RESTRICT_SELF: Final = 446
_READ: Final = 0b1101
"""Execute, read a file, list a folder."""
_FILE_BITS: Final = 0b1 | 0b10 | 0b100 | 1 << 14 | 1 << 15
"""What can be allowed on a file that is no folder."""


def landlock_version() -> int:
    """The version of Landlock that this kernel speaks; 0 for none."""
    return max(int(_libc.syscall(_CREATE_RULESET, None, ctypes.c_size_t(0), 1)), 0)


def _landlock(reads: list[str], writes: list[str], *, network: bool) -> None:
    version = landlock_version()
    if not version:
        _end("this kernel has no Landlock")
    files = (1 << 13) - 1
    for since, bit in ((2, 13), (3, 14), (5, 15)):
        files |= (version >= since) << bit
    tcp = 0 if network or version < 4 else 0b11
    scoped = 0b11 if version >= 6 else 0
    size = 8 if version < 4 else 16 if version < 6 else 24
    attributes = struct.pack("<QQQ", files, tcp, scoped)[:size]
    ruleset = _libc.syscall(_CREATE_RULESET, attributes, ctypes.c_size_t(size), 0)
    if ruleset < 0:
        _end(f"Landlock refuses its rules: {os.strerror(ctypes.get_errno())}")
    for path, allowed in [(one, _READ) for one in reads] + [(one, files) for one in writes]:
        _beneath(ruleset, path, allowed & files)
    if _libc.syscall(_RESTRICT_SELF, ruleset, 0):
        _end(f"Landlock does not restrict: {os.strerror(ctypes.get_errno())}")
    os.close(ruleset)


def _beneath(ruleset: int, path: str, allowed: int) -> None:
    try:
        place = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except FileNotFoundError:
        return  # nothing is allowed about what is not there
    if not os.path.isdir(path):
        allowed &= _FILE_BITS
    if _libc.syscall(_ADD_RULE, ruleset, 1, struct.pack("<Qi", allowed, place), 0):
        _end(f"Landlock refuses {path}: {os.strerror(ctypes.get_errno())}")
    os.close(place)


# --- seccomp: a filter in classic BPF, seccomp(2) -------------------------------------------------------------

_ARCHITECTURES: Final = {"x86_64": (0xC000003E, 0), "aarch64": (0xC00000B7, 1)}
_REFUSED: Final[dict[str, tuple[int, int]]] = {
    # other processes, and what they remember
    "ptrace": (101, 117), "process_vm_readv": (310, 270), "process_vm_writev": (311, 271), "kcmp": (312, 272),
    "pidfd_getfd": (438, 438), "add_key": (248, 217), "request_key": (249, 218), "keyctl": (250, 219),
    # another view of the files
    "mount": (165, 40), "umount2": (166, 39), "pivot_root": (155, 41), "chroot": (161, 51), "open_tree": (428, 428),
    "move_mount": (429, 429), "fsopen": (430, 430), "fsconfig": (431, 431), "fsmount": (432, 432),
    "fspick": (433, 433), "mount_setattr": (442, 442), "open_tree_attr": (467, 467), "unshare": (272, 97),
    "setns": (308, 268), "open_by_handle_at": (304, 265), "name_to_handle_at": (303, 264), "quotactl": (179, 60),
    "quotactl_fd": (443, 443), "fanotify_init": (300, 262),
    # the kernel itself
    "bpf": (321, 280), "perf_event_open": (298, 241), "userfaultfd": (323, 282), "kexec_load": (246, 104),
    "kexec_file_load": (320, 294), "init_module": (175, 105), "finit_module": (313, 273), "delete_module": (176, 106),
    "reboot": (169, 142), "swapon": (167, 224), "swapoff": (168, 225), "acct": (163, 89), "syslog": (103, 116),
    "settimeofday": (164, 170), "clock_settime": (227, 112), "clock_adjtime": (305, 266), "adjtimex": (159, 171),
    "sethostname": (170, 161), "setdomainname": (171, 162), "vhangup": (153, 58), "lookup_dcookie": (212, 18),
    "nfsservctl": (180, 42),
}  # fmt: skip
"""Calls that a server has no business with → their numbers on x86_64 and aarch64. They fail with EPERM."""
_ONLY_X86: Final = (154, 172, 173, 134)
"""modify_ldt, iopl, ioperm, uselib."""
_ABSENT: Final = (425, 426, 427, 435)
"""io_uring_* and clone3, whose arguments no filter can read: ENOSYS, so that libraries take the older way."""
_SOCKET: Final = (41, 198)
_CLONE: Final = (56, 220)
_IOCTL: Final = (16, 29)
_INTERNET: Final = (2, 10, 16)
"""AF_INET, AF_INET6, AF_NETLINK. INVARIANT: never AF_UNIX: who can name a socket of the host would leave by it."""
_NEW_SPACES: Final = 0x7E020000 | 0x80
"""CLONE_NEWUSER, NEWPID, NEWNET, NEWIPC, NEWUTS, NEWCGROUP, NEWNS, NEWTIME."""
_TTY: Final = (0x5412, 0x541C)
"""TIOCSTI and TIOCLINUX: typing into somebody's terminal."""

_ALLOW: Final = 0x7FFF0000
_KILL: Final = 0x80000000
_LOAD, _EQUAL, _ABOVE, _BITS, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06


def seccomp_program(machine: str, *, network: bool) -> bytes:
    """The filter for `machine` (as `uname -m` says), in the kernel's form; b"" where there is none."""
    if machine not in _ARCHITECTURES:
        return b""
    audit, column = _ARCHITECTURES[machine]
    program = [(_LOAD, 0, 0, 4), (_EQUAL, 1, 0, audit), (_RETURN, 0, 0, _KILL), (_LOAD, 0, 0, 0)]
    if machine == "x86_64":  # the x32 calls have numbers of their own
        program += [(_ABOVE, 0, 1, 0x40000000), (_RETURN, 0, 0, _KILL)]
    refused = [numbers[column] for numbers in _REFUSED.values()]
    refused += _ONLY_X86 if machine == "x86_64" else ()
    for number in refused:
        program += [(_EQUAL, 0, 1, number), (_RETURN, 0, 0, _failing(errno.EPERM))]
    for number in _ABSENT:
        program += [(_EQUAL, 0, 1, number), (_RETURN, 0, 0, _failing(errno.ENOSYS))]
    families = _INTERNET if network else (16,)
    program += _unless(_SOCKET[column], 16, families, errno.EAFNOSUPPORT)
    program += [(_EQUAL, 0, 4, _CLONE[column]), (_LOAD, 0, 0, 16), (_BITS, 0, 1, _NEW_SPACES)]
    program += [(_RETURN, 0, 0, _failing(errno.EPERM)), (_RETURN, 0, 0, _ALLOW)]
    program += [
        (_EQUAL, 0, 4, _IOCTL[column]),
        (_LOAD, 0, 0, 24),
        (_EQUAL, 1, 0, _TTY[0]),
        (_EQUAL, 0, 1, _TTY[1]),
    ]
    program += [(_RETURN, 0, 0, _failing(errno.EPERM)), (_RETURN, 0, 0, _ALLOW)]
    return b"".join(struct.pack("=HBBI", *one) for one in program)


def _unless(number: int, offset: int, good: tuple[int, ...], failing: int) -> list[tuple[int, int, int, int]]:
    """Call `number` fails unless its argument at `offset` is one of `good`."""
    tests = [(_EQUAL, len(good) - place, 0, one) for place, one in enumerate(good)]
    whole = [(_LOAD, 0, 0, offset), *tests, (_RETURN, 0, 0, _failing(failing)), (_RETURN, 0, 0, _ALLOW)]
    return [(_EQUAL, 0, len(whole), number), *whole]


def _failing(number: int) -> int:
    return 0x00050000 | number


def _seccomp(*, network: bool) -> None:
    program = seccomp_program(platform.machine(), network=network)
    if not program:
        _end(f"no seccomp filter is made for {platform.machine()}")
    kept = ctypes.create_string_buffer(program, len(program))
    header = ctypes.create_string_buffer(struct.pack("@HP", len(program) // 8, ctypes.addressof(kept)))
    if _libc.prctl(_PR_SET_SECCOMP, 2, header, 0, 0):
        _end(f"seccomp refuses its filter: {os.strerror(ctypes.get_errno())}")


# --- the relay ------------------------------------------------------------------------------------------------


def _relay(socket_path: str, hosts: list[list[Any]]) -> None:
    """Listens where each declared host seems to be, and hands every connection on to the gateway, which connects.

    A process of its own: what it can reach is the gateway's socket, and behind that the same declared hosts.
    """
    import socket

    listening = [socket.create_server((str(address), int(port)), backlog=16) for address, port in hosts]
    if os.fork():
        for one in listening:
            one.close()
        return
    _libc.prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)  # nobody looks into it
    null = os.open("/dev/null", os.O_RDWR)
    for standard in (0, 1, 2):  # its copies of the server's pipes would keep them open
        os.dup2(null, standard)
    try:
        _splice_all(socket_path, listening)
    finally:
        os._exit(0)


def _splice_all(socket_path: str, listening: list[Any]) -> None:
    import asyncio

    async def pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while data := await reader.read(1 << 16):
                writer.write(data)
                await writer.drain()
            writer.write_eof()
        except OSError:
            writer.close()

    async def serve() -> None:
        room = asyncio.Semaphore(RELAYED)

        async def carry(which: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            async with room:
                try:
                    theirs, ours = await asyncio.open_unix_connection(socket_path)
                    ours.write(b"%d\n" % which)
                    await asyncio.gather(pump(reader, ours), pump(theirs, writer))
                    ours.close()
                except OSError:
                    pass
                writer.close()

        def of(which: int) -> Any:
            return partial(carry, which)

        servers = [await asyncio.start_server(of(which), sock=one) for which, one in enumerate(listening)]
        await asyncio.gather(*(one.serve_forever() for one in servers))

    asyncio.run(serve())


def _drop_capabilities() -> None:
    """The one that lets the relay listen on low ports, in its own namespace, goes with the rest."""
    header = struct.pack("<Ii", 0x20080522, 0)
    if _libc.prctl(47, 4, 0, 0, 0) or _libc.capset(header, bytes(24)):
        _end(f"capabilities cannot be dropped: {os.strerror(ctypes.get_errno())}")


def main(plan: dict[str, Any], command: list[str]) -> NoReturn:
    """Confines this process as `plan` says and becomes `command`."""
    if _libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0):
        _end("new privileges cannot be forbidden")
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if plan["landlock"]:
        _landlock(plan["reads"], plan["writes"], network=plan["network"])
    if plan["relay"] is not None:
        try:
            _relay(plan["relay"]["socket"], plan["relay"]["hosts"])
        except OSError as error:
            _end(f"the way to its hosts cannot be laid: {error.strerror}")
    _drop_capabilities()
    if plan["seccomp"]:
        _seccomp(network=plan["network"])
    try:
        os.execvp(command[0], command)  # noqa: S606
    except OSError as error:
        os.write(2, f"cannot start {command[0]}: {error.strerror}".encode())
        os._exit(127)


def _end(why: str) -> NoReturn:
    os.write(2, f"sandbox: {why}\n".encode())
    os._exit(FAILED)


if __name__ == "__main__":
    main(json.loads(sys.argv[1]), sys.argv[2:])
