"""A command on a pseudo-terminal, and what a person sees of it."""

import os
import pty
import re
import select
import signal
import sys
import termios
import time

BINARY = sys.argv[1]
TIMEOUT = 120


class Terminal:
    """A command on a pseudo-terminal, and everything that it has shown."""

    def __init__(self, *arguments):
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.environ["TERM"] = "xterm"
            # Under nohup a command would go on where one at a terminal ends.
            for ending in [signal.SIGINT, signal.SIGTERM, signal.SIGHUP]:
                signal.signal(ending, signal.SIG_DFL)
            os.execv(BINARY, [BINARY, *arguments])
        self.shown = ""
        self.seen = 0

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
        end = time.monotonic() + TIMEOUT
        while termios.tcgetattr(self.fd)[3] & termios.ECHO:
            assert time.monotonic() < end, "the echo stays on"
            time.sleep(0.005)
        self.hasty(text + "\n")

    def hasty(self, text):
        """Types at once, without waiting for a prompt."""
        os.write(self.fd, text.encode())

    def end(self):
        while self.read(TIMEOUT):
            pass
        return os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])
