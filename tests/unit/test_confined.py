"""The filter that a sandboxed server runs under, executed here instruction by instruction."""

from __future__ import annotations

import errno
import struct

import pytest

from standwatch import confined

ALLOW, KILL = 0x7FFF0000, 0x80000000
MACHINES = {"x86_64": (0xC000003E, 0), "aarch64": (0xC00000B7, 1)}
READ = {"x86_64": 0, "aarch64": 63}


def ruled(machine: str, number: int, *arguments: int, network: bool = True, audit: int = 0) -> int:
    """What the kernel does about call `number`: classic BPF over `struct seccomp_data`."""
    program = confined.seccomp_program(machine, network=network)
    data = struct.pack("<iIQ6Q", number, audit or MACHINES[machine][0], 0, *(*arguments, *[0] * 6)[:6])
    steps = [struct.unpack("=HBBI", program[at : at + 8]) for at in range(0, len(program), 8)]
    at = held = 0
    while True:
        code, yes, no, value = steps[at]
        at += 1
        match code:
            case 0x20:
                (held,) = struct.unpack_from("<I", data, value)
            case 0x15:
                at += yes if held == value else no
            case 0x35:
                at += yes if held >= value else no
            case 0x45:
                at += yes if held & value else no
            case 0x06:
                return value
            case _:
                raise AssertionError(code)


def failing(number: int) -> int:
    return 0x50000 | number


@pytest.mark.parametrize("machine", MACHINES)
def test_what_a_server_has_no_business_with_fails_and_the_rest_goes(machine: str) -> None:
    column = MACHINES[machine][1]
    for name, numbers in confined._REFUSED.items():
        assert ruled(machine, numbers[column]) == failing(errno.EPERM), name
    assert {ruled(machine, number) for number in (425, 426, 427, 435)} == {failing(errno.ENOSYS)}
    assert ruled(machine, READ[machine]) == ALLOW
    gone = {numbers[column] for numbers in confined._REFUSED.values()} | set(confined._ABSENT)
    gone |= set(confined._ONLY_X86) if machine == "x86_64" else set()
    assert {number for number in range(470) if ruled(machine, number, 2) != ALLOW} == gone


@pytest.mark.parametrize("machine", MACHINES)
def test_sockets_of_the_host_are_never_named(machine: str) -> None:
    number = confined._SOCKET[MACHINES[machine][1]]
    for family in range(50):
        allowed = family in (2, 10, 16)
        assert (ruled(machine, number, family) == ALLOW) is allowed, family
        assert (ruled(machine, number, family, network=False) == ALLOW) is (family == 16), family


@pytest.mark.parametrize("machine", MACHINES)
def test_no_new_namespace_and_no_typing_into_a_terminal(machine: str) -> None:
    column = MACHINES[machine][1]
    assert ruled(machine, confined._CLONE[column], 0x3D0F00 | 17) == ALLOW, "a thread, a child"
    for flag in (0x80, 0x20000, 0x02000000, 0x04000000, 0x08000000, 0x10000000, 0x20000000, 0x40000000):
        assert ruled(machine, confined._CLONE[column], flag | 17) == failing(errno.EPERM), hex(flag)
    assert ruled(machine, confined._IOCTL[column], 0, 0x5413) == ALLOW
    for typing in (0x5412, 0x541C):
        assert ruled(machine, confined._IOCTL[column], 0, typing) == failing(errno.EPERM)


def test_calls_by_another_architecture_kill() -> None:
    assert ruled("x86_64", 0, audit=0x40000003) == KILL, "32 bits"
    assert ruled("x86_64", 0x40000000) == KILL, "x32"
    assert ruled("aarch64", 0, audit=0xC000003E) == KILL
    assert confined.seccomp_program("riscv64", network=True) == b""
