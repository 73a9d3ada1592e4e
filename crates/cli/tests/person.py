"""A command on a pseudo-terminal, and what a person sees of it."""

import os
import pty
import re
import select
import shutil
import signal
import sys
import tempfile
import termios
import time

BINARY = sys.argv[1]
TIMEOUT = 120


class Terminal:
    """A command on a pseudo-terminal, and everything that it has shown."""

    def __init__(self, *arguments, program=BINARY):
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.environ["TERM"] = "xterm"
            # Under nohup a command would go on where one at a terminal ends.
            for ending in [signal.SIGINT, signal.SIGTERM, signal.SIGHUP]:
                signal.signal(ending, signal.SIG_DFL)
            self.before_start()
            os.execv(program, [program, *arguments])
        self.job = self.pid
        self.shown = ""
        self.seen = 0

    def before_start(self):
        """In the new process, before the command takes its place."""

    def expect(self, pattern):
        """Waits until the pattern shows after what was seen before."""
        end = time.monotonic() + TIMEOUT
        while True:
            match = re.compile(pattern, re.S).search(self.shown, self.seen)
            if match:
                self.seen = match.end()
                return match
            if time.monotonic() > end or not self.read(end - time.monotonic()):
                raise AssertionError(f"{pattern!r} did not show in:\n{self.shown[self.seen:]}")

    def read(self, seconds):
        if not select.select([self.fd], [], [], max(seconds, 0))[0]:
            return False
        try:
            data = os.read(self.fd, 65536)
        except OSError:
            return False
        self.shown += data.decode("utf-8", "replace").replace("\r", "")
        return bool(data)

    def type(self, text):
        # The prompt shows a moment before the echo is off.
        time.sleep(0.3)
        os.write(self.fd, text.encode() + b"\n")

    def type_unseen(self, text):
        """Types when the echo is off."""
        self.await_no_echo()
        self.hasty(text + "\n")

    def echoes(self):
        return bool(termios.tcgetattr(self.fd)[3] & termios.ECHO)

    def await_no_echo(self):
        end = time.monotonic() + TIMEOUT
        while self.echoes():
            assert time.monotonic() < end, "the echo stays on"
            time.sleep(0.005)

    def hasty(self, text):
        """Types at once, without waiting for a prompt."""
        os.write(self.fd, text.encode())

    def resize(self, rows, columns):
        termios.tcsetwinsize(self.fd, (rows, columns))

    def end(self):
        while self.read(TIMEOUT):
            pass
        return os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])


class Job(Terminal):
    """A command as a shell starts it: it can be stopped, and the terminal is there after it."""

    def __init__(self, *arguments):
        self.told, told = os.pipe()
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            self.lead(told, arguments)
        os.close(told)
        self.shown = ""
        self.seen = 0
        self.job = int(self.tell())

    def lead(self, told, arguments):
        """What the shell does: starts the command in the foreground, and tells who it is and how it ended."""
        signal.signal(signal.SIGTTOU, signal.SIG_IGN)
        job = os.fork()
        if job == 0:
            os.setpgid(0, 0)
            os.tcsetpgrp(0, os.getpid())
            os.environ["TERM"] = "xterm"
            for ending in [signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGTTOU]:
                signal.signal(ending, signal.SIG_DFL)
            os.execv(BINARY, [BINARY, *arguments])
        os.write(told, f"{job}\n".encode())
        ended = os.waitstatus_to_exitcode(os.waitpid(job, 0)[1])
        os.write(told, f"{ended}\n".encode())
        while True:
            signal.pause()

    def tell(self):
        line = b""
        while not line.endswith(b"\n"):
            line += os.read(self.told, 1)
        return line

    def stops(self):
        """Whether it is stopped within a second."""
        end = time.monotonic() + 1
        while time.monotonic() < end:
            with open(f"/proc/{self.job}/stat") as file:
                if file.read().rpartition(")")[2].split()[0] == "T":
                    return True
            time.sleep(0.02)
        return False

    def end(self):
        while not select.select([self.told], [], [], 0)[0]:
            self.read(0.1)
        ended = int(self.tell())
        while self.read(0.1):
            pass
        return ended

    def close(self):
        os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)
        os.close(self.fd)
        os.close(self.told)


def in_a_directory(main):
    """Plays in a directory of its own, which is removed."""
    directory = tempfile.mkdtemp()
    os.chdir(directory)
    try:
        main()
    finally:
        os.chdir("/")
        shutil.rmtree(directory)
