"""Ceremonies that end before their end, and people who type what nobody asked for: no share stays on the screen, in a file or in
a core dump, the terminal is as it was, and nobody answers for others."""

import os
import resource
import shutil
import signal
import subprocess

from ceremony import CREATE, ENTERED, LEFT, Ceremony, plan
from person import Job, Terminal, in_a_directory

CTRL_C, CTRL_D = "\x03", "\x04"


def main():
    screen_is_cleared()
    pages_are_erased()
    answers_are_the_persons_own()
    window_is_drawn_anew()
    no_core_dump()
    print("ok")


def one(name, custody):
    """A plan with one custodian."""
    custodians = [("Ada", "custodian", f'custody = "{custody}"\n')]
    return plan(name, "create", CREATE, custodians, f'store = "{name}-store"\npolicy = "1 of 1"')


def screen_is_cleared():
    """However a ceremony ends that can do anything about it, no share stays on the screen, and the terminal echoes."""
    create = one("ended", "screen")

    def stays(terminal):
        assert not terminal.echoes(), "the control"
        os.kill(terminal.job, signal.SIGTSTP)
        assert not terminal.stops(), "a share is left on the screen"

    for options in [[], ["--plain"]]:
        for end in [CTRL_C, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT]:
            ended = Ceremony(
                create, {}, *options, kill_at="type its last 6 characters", kill_with=end, before=stays, at=Job
            )
            assert ended.hold() == -(signal.SIGINT if end == CTRL_C else end), ended.said()
            shown = ended.terminal.shown
            assert "sr1" in shown and shown.count(ENTERED) == shown.count(LEFT)
            left = shown.rpartition(LEFT)[2]
            assert "sr1" not in left
            assert "The ceremony stopped. `strongroom ceremony run ended.toml --resume` goes on with it." in left, left
            assert ended.terminal.echoes(), "nothing that is typed shows any more"
            ended.terminal.close()
            shutil.rmtree("ended")

    # The control: where no screen is shown it does stop.
    stopped = Job("ceremony", "run", create, "--plain")
    stopped.expect("is this the hash")
    os.kill(stopped.job, signal.SIGTSTP)
    assert stopped.stops()
    os.kill(stopped.job, signal.SIGCONT)
    os.kill(stopped.job, signal.SIGTERM)
    assert stopped.end() == -signal.SIGTERM
    stopped.close()
    shutil.rmtree("ended")


def pages_are_erased():
    """However a ceremony ends while a page waits to be printed, nothing of the page stays."""
    create, shares = one("paper", "paper"), "paper/shares"

    def pages():
        return sorted(os.path.join(shares, name) for name in os.listdir(shares))

    def look(_):
        assert len(pages()) == 2 and all("sr1" in read(page) for page in pages()), "the control"
        os.link(pages()[0], "linked")

    for options in [[], ["--plain"]]:
        for end in [CTRL_C, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT, CTRL_D]:
            ended = Ceremony(create, {}, *options, kill_at="is the page printed", kill_with=end, before=look)
            code = ended.hold()
            if end == CTRL_D:
                assert code > 0 and "the input ended" in ended.said(), ended.said()
            else:
                assert code == -(signal.SIGINT if end == CTRL_C else end), ended.said()
                assert "paper.toml --resume` goes on with it." in ended.said()
            assert not pages() and not read("linked").strip("\0"), f"{end!r}: {pages()}"
            os.remove("linked")
            shutil.rmtree("paper")

    # One that was moved away costs the other nothing, and is overwritten where it is.
    moved = Ceremony(create, {}, "--plain", kill_at="is the page printed", kill_with=signal.SIGTERM)
    moved.before = lambda _: os.rename(pages()[0], "moved")
    moved.hold()
    assert not pages() and not read("moved").strip("\0")
    os.remove("moved")
    shutil.rmtree("paper")

    # Nothing can be done against a SIGKILL before the ceremony goes on, and then it is done.
    killed = Ceremony(create, {}, kill_at="is the page printed", before=look)
    assert killed.hold() == -signal.SIGKILL
    assert len(pages()) == 2 and "sr1" in read("linked"), "the control"
    resumed = Ceremony(create, {}, "--resume", kill_at="is this the hash", kill_with=signal.SIGTERM)
    resumed.hold()
    assert not os.path.exists(shares) and not read("linked").strip("\0")


def window_is_drawn_anew():
    """What a window lost that was made small comes back when it is made large, and what was typed meanwhile counts."""
    held = Terminal("ceremony", "run", one("resized", "screen"))
    held.resize(24, 80)
    held.expect("is this the hash")
    # That was a change as well.
    while held.read(1):
        pass
    held.seen = len(held.shown)
    held.hasty("ye")
    for rows in [8, 24]:
        held.resize(rows, 80)
        held.expect("Step 1 of 8: open.*is this the hash")
    held.hasty("s\n")
    held.expect("are you here, and have you read the plan")
    held.hasty(CTRL_D)
    assert held.end() != 0
    shutil.rmtree("resized")


def read(path):
    with open(path) as file:
        return file.read()


def answers_are_the_persons_own():
    """A paste answers one question; what is no text is asked for again; a share that is typed where it shows is not repeated."""
    create = one("answers", "screen")
    share = "sr1" + "qpzry9x8gf2tvdw0s3jn54khce6mua7l" * 3
    for options, witness in [([], "keyboard: Witness"), (["--plain"], "Witness: ")]:
        held = Terminal("ceremony", "run", create, *options)
        held.expect("is this the hash")
        os.write(held.fd, b"\xff\xc3(\n")
        held.expect("no text that can be read. Type it again: ")
        held.hasty("yes\n" * 9)
        held.expect("are you here, and have you read the plan")
        while held.read(1):
            pass
        assert witness not in held.shown[held.seen :], "others were answered for"
        held.hasty(f"{share}\n")
        held.expect("Answer yes or no")
        # The control: each by itself goes through.
        held.expect("are you here, and have you read the plan")
        held.hasty("\x1byes\n")
        held.expect("Answer yes or no")
        held.expect("are you here, and have you read the plan")
        held.hasty("yes\n")
        held.expect(witness)
        held.expect("are you here, and have you read the plan")
        held.hasty(CTRL_D)
        assert held.end() != 0
        kept = held.shown.rpartition(LEFT)[2]
        if not options:
            assert "Lead: [withheld: looked like a key]" in kept and share[20:40] not in kept, kept
            assert "\x1byes" not in held.shown
        shutil.rmtree("answers")


def no_core_dump():
    """A process that is killed while a share shows leaves no image of its memory."""
    resource.setrlimit(resource.RLIMIT_CORE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    dumped = Ceremony(one("dumped", "screen"), {}, kill_at="Share 1 of 1", kill_with=signal.SIGABRT)
    ended = dumped.hold()
    assert ended == -signal.SIGABRT, f"{ended}: {dumped.said()}"
    cores = [name for name in os.listdir(".") if name.startswith("core")]
    assert not cores, cores
    subprocess.run(["sh", "-c", "kill -ABRT $$"], check=False)
    with open("/proc/sys/kernel/core_pattern") as file:
        if file.read().strip() == "core":
            assert any(name.startswith("core") for name in os.listdir(".")), "the control: another process leaves one"


if __name__ == "__main__":
    in_a_directory(main)
