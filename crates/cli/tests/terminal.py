"""A person at a terminal: shares are shown once, typed without echo, corrected, refused by name, and proved."""

import os
import re
import signal
import time

from person import Terminal, in_a_directory

SHOWN = r"Write this down[^\n]*\n\n((?: +\d+(?:  [a-z0-9]{1,6}){1,6}\n)+).*?last 4 characters: "
ENTERED, LEFT = "\x1b[?1049h\x1b[2J\x1b[H", "\x1b[2J\x1b[H\x1b[?1049l"


def copied(rows):
    """The share as it is written down: without the numbers in front of its rows."""
    return " ".join(block for row in rows.splitlines() for block in row.split()[1:])


def shares_shown(terminal, count):
    shares = []
    for number in range(1, count + 1):
        match = terminal.expect(rf"Share {number} of {count}.*?" + SHOWN)
        shares.append(copied(match.group(1)))
        terminal.type(shares[-1].replace(" ", "")[-4:].upper())
    return shares


def screen_is_left(terminal):
    """Everything that a share's screen showed is cleared, and the ordinary screen is back."""
    return terminal.shown.count(ENTERED) == terminal.shown.count(LEFT) and not re.search(
        r"Write this down", terminal.shown.rsplit(LEFT, 1)[-1]
    )


def impatient_or_interrupted():
    """Neither Enters that come too early nor an interruption lose a share or leave one on the screen."""
    hasty = Terminal("--store", "hasty", "init", "--policy", "1 of 2")
    hasty.hasty("\n" * 20)
    first = copied(hasty.expect("Share 1 of 2.*?" + SHOWN).group(1)).replace(" ", "")
    hasty.type("")
    hasty.expect(r"ends otherwise\. When it is written down, type its last 4 characters: ")
    hasty.type("zzzz" if first[-4:] != "zzzz" else "yyyy")
    hasty.expect(r"ends otherwise\. When it is written down, type its last 4 characters: ")
    assert "Share 2 of 2" not in hasty.shown
    hasty.type(first[-4:] + "\n\n\n")
    second = copied(hasty.expect("Share 2 of 2.*?" + SHOWN).group(1)).replace(" ", "")
    assert second != first and not screen_is_left(hasty), "the control"
    hasty.type(second[-4:])
    hasty.expect(r"Made\S* in hasty")
    assert hasty.end() == 0 and screen_is_left(hasty)

    for how, status in [
        (lambda shown: shown.hasty("\x03"), -signal.SIGINT),
        (lambda shown: os.kill(shown.pid, signal.SIGTERM), -signal.SIGTERM),
        (lambda shown: os.kill(shown.pid, signal.SIGHUP), -signal.SIGHUP),
        (lambda shown: shown.hasty("\x04"), 1),
    ]:
        shown = Terminal("--store", "interrupted", "init", "--policy", "1 of 2")
        shown.expect("Share 1 of 2.*?" + SHOWN)
        time.sleep(0.3)
        how(shown)
        assert shown.end() == status
        assert screen_is_left(shown), shown.shown
    status = Terminal("--store", "interrupted", "status")
    status.expect("there is no store here yet")
    assert status.end() == 3


def mistyped(share, place):
    letters = list(share.replace(" ", ""))
    letters[place] = "q" if letters[place] != "q" else "p"
    return "".join(letters)


def main():
    os.environ["STRONGROOM_STORE"] = "store"
    impatient_or_interrupted()

    init = Terminal("init")
    shares = shares_shown(init, 5)
    init.expect(r"Made\S* in store")
    assert init.end() == 0
    assert len(set(shares)) == 5 and all(len(share.replace(" ", "")) == 102 for share in shares)

    other = Terminal("--store", "other", "init", "--policy", "1 of 1")
    [foreign] = shares_shown(other, 1)
    assert other.end() == 0

    put = Terminal("put", "db/password")
    put.expect(re.escape("Value (it does not show): "))
    put.type("hunter2")
    put.expect("Once more: ")
    put.type("hunter2")
    put.expect(re.escape("Share (0 of 3 so far): "))
    put.type(foreign)
    put.expect("Not taken: this share belongs to set")
    put.type(shares[0])
    put.expect('Share 1 of slot "custodians" is good: 1 of 3')
    put.type(shares[0].upper())
    put.expect('Not taken: share 1 of slot "custodians" is here already')
    put.type(mistyped(shares[3], 40))
    put.expect("character 41 .group 7, letter 5.: . was typed, . is meant")
    put.expect(re.escape("[y/N] "))
    put.type("y")
    put.expect('Share 4 of slot "custodians" is good: 2 of 3')
    put.type(mistyped(shares[2], 7))
    put.expect(re.escape("[y/N] "))
    put.type("n")
    put.expect("Not taken: then enter it again")
    put.type(shares[2])
    put.expect('Share 3 of slot "custodians" is good: 3 of 3')
    put.expect("Put db/password")
    assert put.end() == 0
    typed = [share.replace(" ", "") for share in [foreign, *shares]]
    assert not any(text in put.shown.replace(" ", "") for text in [*typed, "hunter2"]), "what was typed shows"

    given_up = Terminal("get", "db/password")
    given_up.expect(re.escape("Share (0 of 3 so far): "))
    given_up.type(shares[1])
    given_up.expect("1 of 3")
    given_up.expect(re.escape("Share (1 of 3 so far): "))
    given_up.type("\x04")
    given_up.expect("stays sealed: shares are missing")
    assert given_up.end() == 4

    rekey = Terminal("rekey", "--policy", "2 of 3")
    for share in shares[2:]:
        rekey.expect("so far")
        rekey.type(share)
    new = shares_shown(rekey, 3)
    for share in new:
        rekey.expect("so far")
        rekey.type(share)
    rekey.expect('Slot "custodians" is opened in a new way: shamir')
    rekey.expect("Destroyed: the key of term 1")
    assert rekey.end() == 0

    shell = Terminal("shell", "--idle", "3")
    for share in new[1:]:
        shell.expect("so far")
        shell.type(share)
    shell.expect("strongroom> ")
    shell.type("get db/password")
    shell.expect("hunter2")
    shell.expect("strongroom> ")
    shell.expect("The store was sealed after 3 seconds")
    shell.type("get db/password")
    shell.expect("sealed after 3 seconds without a command")
    assert shell.end() == 4
    print("ok")


if __name__ == "__main__":
    in_a_directory(main)
