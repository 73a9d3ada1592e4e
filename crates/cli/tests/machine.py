"""Machines that a ceremony is not held on: with swap, with core dumps that cannot be forbidden, under a debugger. Nothing is begun
there, unless the plan allows it; and then the transcript says so. Must run as root, for the table of swap areas."""

import ctypes
import os
import select
import signal
import sys
import time

from ceremony import CREATE, Ceremony, plan
from person import BINARY, Terminal, in_a_directory

HERE = os.path.dirname(os.path.abspath(__file__))
LIBC = ctypes.CDLL(None, use_errno=True)
PTRACE_TRACEME, PTRACE_CONT = 0, 7
LIBC.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]


class Debugged(Terminal):
    """A command under a debugger, which lets it go on whenever it stops."""

    status = None

    def before_start(self):
        LIBC.ptrace(PTRACE_TRACEME, 0, None, None)

    def go_on(self):
        pid, status = os.waitpid(self.pid, os.WNOHANG)
        if pid and os.WIFSTOPPED(status):
            stop = os.WSTOPSIG(status)
            LIBC.ptrace(PTRACE_CONT, self.pid, None, None if stop == signal.SIGTRAP else stop)
        elif pid:
            self.status = status

    def read(self, seconds):
        end = time.monotonic() + seconds
        while self.status is None and time.monotonic() < end:
            self.go_on()
            if select.select([self.fd], [], [], 0.02)[0]:
                break
        return super().read(0.1)

    def end(self):
        end = time.monotonic() + 60
        while self.status is None and time.monotonic() < end:
            self.read(1)
        while super().read(0.1):
            pass
        return os.waitstatus_to_exitcode(self.status)


def swapping(*arguments):
    """Where a table with a swap area lies over the kernel's."""
    script = f"mount --bind {os.getcwd()}/swaps /proc/swaps && exec \"$0\" \"$@\""
    return Terminal("--mount", "sh", "-c", script, BINARY, *arguments, program="/usr/bin/unshare")


def dumping(*arguments):
    """Where the kernel refuses to make the process undumpable."""
    return Terminal("-B", os.path.join(HERE, "dumpable.py"), BINARY, *arguments, program=sys.executable)


def held(name, at, *allowed):
    """How a ceremony ended there, and what it said."""
    custodians = [("Ada", "custodian", 'custody = "screen"\n')]
    store = f'store = "{name}-store"\npolicy = "1 of 1"'
    ceremony = Ceremony(plan(name, "create", CREATE, custodians, store, allow=allowed), {}, "--plain", at=at)
    return ceremony.hold(), " ".join(ceremony.said().split())


def main():
    with open("swaps", "w") as file:
        file.write("Filename\tType\tSize\tUsed\tPriority\n/dev/sda2\tpartition\t1048572\t0\t-2\n")
    machines = [
        ("swap", swapping, "this machine swaps"),
        ("core-dumps", dumping, "could leave a core dump"),
        ("debugger", Debugged, "a debugger is attached"),
    ]
    for what, at, says in machines:
        ended, said = held(f"{what}-refused", at)
        assert ended == 9 and says in said, f"{what}: {ended}: {said[-1500:]}"
        assert not os.path.exists(f"{what}-refused-store"), what
        ended, said = held(f"{what}-allowed", at, what)
        assert ended == 0 and f"Unsafe: {what}." in said, f"{what}: {ended}: {said[-1500:]}"
        with open(f"{what}-allowed/transcript.jsonl") as file:
            assert f'"event":"unsafe"' in (text := file.read()) and f'"what":"{what}"' in text, what
        # The control: nothing is refused, and nothing said to be unsafe, where it is not.
        ended, said = held(f"{what}-safe", Terminal)
        assert ended == 0 and "Unsafe" not in said, f"{what}: {ended}: {said[-1500:]}"
    figure = "3 dangers refused before anything was made, and recorded where the plan allows them"
    print(f"evidence: id=ceremony/machine figure={figure} verdict=pass")
    print("ok")


if __name__ == "__main__":
    in_a_directory(main)
