"""Starts a program for which the kernel refuses `prctl(PR_SET_DUMPABLE)`: `dumpable.py PROGRAM ARGUMENT…`."""

import ctypes
import os
import struct
import sys

PR_SET_DUMPABLE, PR_SET_NO_NEW_PRIVS, PR_SET_SECCOMP = 4, 38, 22
SECCOMP_MODE_FILTER = 2
ALLOW, EPERM = 0x7FFF0000, 0x00050001
LOAD, EQUAL, RETURN = 0x20, 0x15, 0x06
# Of `struct seccomp_data`: the number of the call, and the lower half of its first argument.
NUMBER, ARGUMENT = 0, 16
PRCTL = {"x86_64": 157, "aarch64": 167}[os.uname().machine]


def instruction(code, if_true, if_false, value):
    return struct.pack("=HBBI", code, if_true, if_false, value)


PROGRAM = b"".join([
    instruction(LOAD, 0, 0, NUMBER),
    instruction(EQUAL, 0, 3, PRCTL),
    instruction(LOAD, 0, 0, ARGUMENT),
    instruction(EQUAL, 0, 1, PR_SET_DUMPABLE),
    instruction(RETURN, 0, 0, EPERM),
    instruction(RETURN, 0, 0, ALLOW),
])  # fmt: skip


class Filter(ctypes.Structure):
    _fields_ = [("length", ctypes.c_ushort), ("program", ctypes.c_char_p)]


libc = ctypes.CDLL(None, use_errno=True)
refusing = Filter(len(PROGRAM) // 8, PROGRAM)
for call in [(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), (PR_SET_SECCOMP, SECCOMP_MODE_FILTER, ctypes.byref(refusing), 0, 0)]:
    if libc.prctl(*call) != 0:
        raise OSError(ctypes.get_errno(), "prctl")
os.execv(sys.argv[1], sys.argv[1:])
