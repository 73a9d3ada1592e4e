"""Ceremonies at a terminal, as people hold them: 3-of-5 with a token, a drill, a rekey to two groups that is killed and goes on,
the yearly check, and a recovery. No share stays on the screen or in a file."""

import json
import os
import re
import shutil
import signal
import subprocess

from person import BINARY, Terminal, in_a_directory

ENTERED, LEFT, CLEARED = "\x1b[?1049h", "\x1b[?1049l", "\x1b[2J\x1b[3J\x1b[H"
STYLE = re.compile(r"\x1b\[[0-9]*m")
# The whole screen's question, the plain prompt's, and those of screens that are for one person alone.
ASKED = re.compile(r"At the keyboard: (?P<name>[^(]+) \([^\n]*\n(?P<question>.*?)\n *▸ $", re.S)
ASKED_PLAINLY = re.compile(r"(?:^|\n)(?P<name>[A-Z]\w+): (?P<question>[^\n]*[^\n ]) $")
WRITTEN = re.compile(r"\n\n(?P<rows>( +\d+(  [a-z0-9]{1,6}){1,6}\n)+)\n[^\n]*type its last 6 characters: $")
ALONE = re.compile(r"For (?P<name>\w+) alone\.\n\n(?P<text>.*)\n\ndoes your copy say so\? \(yes or no\) $", re.S)

# What was done, for the record.
COUNTED = {"ceremonies": 0, "pieces": 0, "places": 0}
PEOPLE = ["Ada", "Grace", "Alan", "Mary", "Emmy", "Alonzo", "Kurt"]


class Ceremony:
    """A ceremony at a terminal, and the people at it, who know their shares by heart."""

    def __init__(self, plan, shares, *options, wrong=None, kill_at=None, kill_with=signal.SIGKILL, before=None, at=Terminal):
        self.terminal = at("ceremony", "run", plan, *options)
        self.shares = shares
        # What is typed instead of a share the first times that somebody is asked.
        self.wrong = wrong or {}
        self.kill_at, self.kill_with = kill_at, kill_with
        # What is done or looked at before that.
        self.before = before or (lambda terminal: None)
        # Who does not sign the transcript.
        self.unwilling = []
        self.told = []
        self.corrected = []

    def hold(self):
        """Answers whatever is asked until the program ends; its exit code."""
        terminal = self.terminal
        COUNTED["ceremonies"] += 1
        while True:
            if not terminal.read(60):
                break
            screen = self.screen()
            if self.kill_at and self.kill_at in screen:
                if self.is_hidden(screen):
                    terminal.await_no_echo()
                self.before(terminal)
                if isinstance(self.kill_with, str):
                    terminal.hasty(self.kill_with)
                else:
                    os.kill(terminal.job, self.kill_with)
                break
            answer = self.answer(screen)
            if answer is not None:
                terminal.seen = len(terminal.shown)
                if self.is_hidden(screen):
                    terminal.type_unseen(answer)
                else:
                    terminal.hasty(answer + "\n")
        return terminal.end()

    def is_hidden(self, screen):
        return "(nothing is shown)" in screen or "type its last" in screen

    def screen(self):
        """What was shown since the last answer, on the last screen."""
        shown = self.terminal.shown[self.terminal.seen :]
        return STYLE.sub("", re.split(r"\x1b\[\?1049[hl]|\x1b\[2J(?:\x1b\[3J)?\x1b\[H", shown)[-1])

    def answer(self, screen):
        written = WRITTEN.search(screen)
        if written:
            assert f"For {self.last} alone." in screen and all(len(line) < 80 for line in screen.split("\n")), screen
            share = " ".join(block for row in written["rows"].splitlines() for block in row.split()[1:])
            assert share.startswith("sr1") and len(share) == 118, share
            self.shares[self.last] = share
            return share.replace(" ", "")[-6:]
        alone = ALONE.search(screen)
        if alone:
            self.corrected.append(alone["text"])
            return "yes"
        asked = ASKED.search(screen) or ASKED_PLAINLY.search(screen)
        if not asked:
            return None
        name, question = asked["name"].strip(), " ".join(asked["question"].split())
        self.told.append(screen)
        self.last = name
        if "initials" in question:
            return name[:5] + "x"
        if "sign the transcript" in question and name in self.unwilling:
            return "no"
        if "why not?" in question:
            return "forgot the token"
        if "Press Enter" in question:
            return ""
        if "share, or nothing to pass" in question:
            waiting = self.wrong.get(name)
            return waiting.pop(0) if waiting else self.shares.get(name, "")
        return "yes"

    def said(self):
        return STYLE.sub("", self.terminal.shown)


def plan(name, kind, steps, people, words="", more="", *, lead="", witness="", allow=("swap", "core-dumps", "debugger")):
    """Writes a plan; `people` are (name, role, further words)."""
    text = f'version = 1\nkind = "{kind}"\ntitle = "{name}"\noutput = "{name}"\n{words}\n'
    text += f"steps = [{', '.join(f'{chr(34)}{step}{chr(34)}' for step in steps.split())}]\n"
    text += f"allow = [{', '.join(f'{chr(34)}{what}{chr(34)}' for what in allow)}]\n"
    for person, role, further in [("Lead", "administrator", lead), ("Witness", "witness", witness), *people]:
        initials = person[:5] + "x"
        text += f'\n[[people]]\nname = "{person}"\ninitials = "{initials}"\nroles = ["{role}"]\n{further}'
    with open(f"{name}.toml", "w") as file:
        file.write(text + more)
    return f"{name}.toml"


def run(*command, code=0):
    done = subprocess.run([BINARY, *command], capture_output=True, text=True, stdin=subprocess.DEVNULL)
    assert done.returncode == code, f"{command}: {done.returncode}\n{done.stdout}\n{done.stderr}"
    return done.stdout + done.stderr


def secret(share):
    """What of a share is its holder's alone: behind its number, its set, group and index."""
    return share.replace(" ", "")[36:]


def mistyped(share, places):
    letters = list(share.replace(" ", ""))
    for place in places:
        letters[place] = "q" if letters[place] != "q" else "p"
    return "".join(letters)


def nothing_left(ceremony, shares, *, alternate=True):
    """Whatever the terminal keeps, and every file, is without a share."""
    shown = ceremony.terminal.shown
    assert any(secret(share)[:8] in shown.replace(" ", "") for share in shares.values()) or not alternate, "the control"
    # A terminal's scroll-back holds what was shown outside the alternate screen.
    kept = "".join(part.rpartition(LEFT)[2] for part in shown.split(ENTERED))
    assert shown.count(ENTERED) == shown.count(LEFT), "the screen was not left"
    places = [kept.encode()]
    for directory, _, files in os.walk("."):
        places += [open(os.path.join(directory, name), "rb").read() for name in files if not name.startswith("known-")]
    for share in shares.values():
        for start in range(0, len(secret(share)) - 8, 8):
            piece = secret(share)[start : start + 8].encode()
            for place in places:
                assert piece not in place.replace(b" ", b""), "a share was left behind"
            COUNTED["pieces"] += 1
    COUNTED["places"] += len(places)


def token():
    os.mkdir("tokens")
    here = os.getcwd()
    with open("softhsm2.conf", "w") as file:
        file.write(f"directories.tokendir = {here}/tokens\nobjectstore.backend = file\nlog.level = ERROR\n")
    os.environ["SOFTHSM2_CONF"] = f"{here}/softhsm2.conf"
    init = ["softhsm2-util", "--init-token", "--free", "--label", "A", "--so-pin", "87654321", "--pin", "12345678"]
    subprocess.run(init, check=True, capture_output=True)
    with open(os.open("pin", os.O_WRONLY | os.O_CREAT, 0o600), "w") as file:
        file.write("12345678")
    lib = "/usr/lib/softhsm/libsofthsm2.so"
    return f'\n[hsm.A]\nlib = "{lib}"\npin = "file://{here}/pin"\ngenerate_key = true\n'


CREATE = "open environment deal hand-out acknowledge commit export close"
REKEY = "open environment approve unseal deal hand-out acknowledge cool-off prove commit rewrap export close"
POLICY = "all(3 of 5, hsm(A, root))"
GROUPS = "groups(2 of {security: 2 of 4, operations: 2 of 3})"


def main():
    hsm = token()
    old = {}
    custodians = [(name, "custodian", 'custody = "screen"\n') for name in PEOPLE[:5]]
    key = signing_key(hsm, "transcript")
    signed = f'transcript_key = "hsm(A, transcript)"\ntranscript_fingerprint = "{key}"'
    lead, witness = (f'signing_key = "hsm(A, {name})"\nsigning_fingerprint = "{signing_key(hsm, name)}"\n' for name in "lw")
    words = f'store = "store"\npolicy = "{POLICY}"\n{signed}'
    create = plan("create", "create", CREATE, custodians, words, hsm, lead=lead, witness=witness)
    checked = run("ceremony", "plan", "check", create)
    assert "any 3 of 5 custodians together, and at the same time the key" in checked, checked

    # Killed while the third share is on the screen: there is no store, and it begins anew with other shares.
    killed = Ceremony(create, {}, kill_at="Share 3 of 5")
    assert killed.hold() == -signal.SIGKILL, killed.said()
    assert run("--store", "store", "status", code=3)
    assert "was begun in create already" in run("ceremony", "run", create, code=5)
    created = Ceremony(create, old, "--resume")
    created.unwilling = ["Witness"]
    assert created.hold() == 0, created.said()
    assert not set(old.values()) & set(killed.shares.values()) and len(old) == 5
    assert any("▸ hand-out" in screen and "✓ deal" in screen and "· commit" in screen for screen in created.told)
    nothing_left(created, old)
    assert '"create" is complete.' in created.said()
    transcript(key, old)

    holders = [(name, "holder", "") for name in PEOPLE[:5]]
    drill = plan("drill", "unseal", "open environment unseal check close", holders, 'store = "store"', hsm)
    held = Ceremony(drill, old, "--plain", wrong={"Ada": [mistyped(old["Ada"], [40, 77])], "Mary": ["sr1nonsense"]})
    assert held.hold() == 0, held.said()
    [correction] = held.corrected
    assert "2 letters differ" in correction and "group 7, letter 5" in correction and "group 13, letter 6" in correction
    assert "Shares: 3/3" in held.said()
    nothing_left(held, old, alternate=False)

    check_alone(old)
    rekey(old, holders, hsm)
    held, pieces, places = COUNTED["ceremonies"], COUNTED["pieces"], COUNTED["places"]
    print(f"evidence: id=ceremony/terminal figure={held} ceremonies typed, two of them killed and gone on with verdict=pass")
    print("evidence: id=ceremony/errors figure=2 wrong letters located and mended; too many of them, an old share and another's named verdict=pass")
    print(f"evidence: id=ceremony/canary figure={pieces} pieces of shares looked for in {places} files and scroll-backs, 0 found verdict=pass")
    print("ok")


def signing_key(hsm, name):
    """Makes a key that signs in the token; its fingerprint."""
    configured(hsm)
    run("--config", "config.toml", "hsm", "generate", "A", name, "--kind", "ec-p256")
    return json.loads(run("--json", "--config", "config.toml", "hsm", "check", "A", name))["key"]["check_value"]


def configured(hsm):
    with open(os.open("config.toml", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        file.write(hsm)


def transcript(key, shares):
    """Sealed by the key in the token: any other key is refused, and so is what was altered. It tells of the kill as well."""
    path = "create/transcript.jsonl"
    told = json.loads(run("--json", "ceremony", "verify", path, "--key", key))
    assert (told["kind"], told["outcome"], told["rehearsal"]) == ("create", "complete", False), told
    [signed] = told["signed_by"]
    assert signed["name"] == "Lead" and told["exceptions"] == 1, told
    run("ceremony", "verify", path, "--key", "00" * 32, code=6)
    # Held against its plan: the witness has a key there and did not sign; another plan is another plan.
    against = run("ceremony", "verify", path, "--key", key, "--plan", "create.toml", code=6)
    assert "Witness, whose key the plan names, did not sign it" in against and "Lead" not in against, against
    run("ceremony", "report", path, "--key", key, "--html", "report.html")
    with open("report.html") as file:
        report = file.read()
    assert "Alan" in report and "PCI DSS" in report and "resumed" in report
    with open(path) as file:
        text = file.read()
    for custodian in shares:
        assert f'"{custodian}"' in text
    with open("altered.jsonl", "w") as file:
        file.write(text.replace("Alan", "Alen", 1))
    run("ceremony", "verify", "altered.jsonl", "--key", key, code=6)
    # The register takes the shares from it, signed by a key in the token; nothing that was altered gets in.
    take = ["--config", "config.toml", "ceremony", "register", "take", "register.jsonl", "--signer", "hsm(A, transcript)"]
    run(*take, "altered.jsonl", "--transcript-key", key, code=6)
    run(*take, path, "--transcript-key", key)
    again = run(*take, path, "--transcript-key", key, code=5)
    assert again.count("this share is in the register already") == len(shares) and "register succeed" in again, again
    known = json.loads(run("--json", "ceremony", "register", "show", "register.jsonl", "--key", key))["shares"]
    assert sorted(share["custodian"] for share in known) == sorted(shares) and not any(share["is_due"] for share in known)
    assert "5 shares, 0 of them due" in run("ceremony", "register", "show", "register.jsonl", "--key", key)
    register(key, shares)


def register(key, shares):
    """Checks, failures and successions, each signed; nothing is added to what somebody else wrote."""
    signer = ["--signer", "hsm(A, transcript)"]
    alone = ["--config", "config.toml", "ceremony", "share-check", "--slots", "create/slots.txt", "--register", "register.jsonl"]
    with open(os.open("known-share", os.O_WRONLY | os.O_CREAT, 0o600), "w") as file:
        file.write(shares["Grace"] + "\n")
    run("--share-file", "known-share", *alone, "--custodian", "Ada", *signer, code=5)
    # No check is put off by more than a year, and a register in which nothing was entered is not left behind.
    run("--share-file", "known-share", *alone, "--custodian", "Grace", *signer, "--days", "367", code=2)
    new = [argument.replace("register.jsonl", "new.jsonl") for argument in alone]
    run("--share-file", "known-share", *new, "--custodian", "Grace", *signer, code=5)
    assert not os.path.exists("new.jsonl")
    run("--share-file", "known-share", *alone, "--custodian", "Grace", *signer, "--days", "30")
    run("--share-file", "known-share", *alone, code=2)
    entered = ["--config", "config.toml", "ceremony", "register"]
    run(*entered, "fail", "register.jsonl", "--custodian", "Alan", "--why", "the bag was empty", *signer)
    run(*entered, "succeed", "register.jsonl", "--custodian", "Mary", "--to", "Hedy", *signer)
    run(*entered, "succeed", "register.jsonl", "--custodian", "Mary", "--to", "Hedy", *signer, code=3)
    known = json.loads(run("--json", "ceremony", "register", "show", "register.jsonl", "--key", key))["shares"]
    known = {share["custodian"]: share for share in known}
    assert known["Grace"]["proved"] and known["Grace"]["due"] < known["Ada"]["due"], known
    assert known["Alan"]["failed"] and known["Alan"]["is_due"] and not known["Ada"]["failed"], known
    assert known["Hedy"]["predecessors"] == ["Mary"] and known["Hedy"]["is_due"] and "Mary" not in known, known
    # Another key's signature, and a line that the key did not sign.
    run(*entered, "fail", "register.jsonl", "--custodian", "Ada", "--why", "x", "--signer", "hsm(A, l)", code=6)
    with open("register.jsonl") as file:
        lines = file.readlines()
    with open("cut.jsonl", "w") as file:
        file.writelines(lines[:-1])
    end = [*entered, "fail", "cut.jsonl", "--custodian", "Ada", "--why", "x", *signer]
    assert "nobody signed the last lines" in run(*end, code=6)
    run(*end, "--unsigned")


def check_alone(shares):
    """The yearly check: each holder alone, with the slot file."""
    command = ["ceremony", "share-check", "--slots", "create/slots.txt"]
    alone = Terminal(*command)
    alone.expect("Share .it does not show.: ")
    # Neither nonsense nor another set's share sends anybody away, and what follows in a paste is not taken for more of it.
    alone.type("sr1nonsense\nsr1more")
    alone.expect("Not taken: .*Share again, or nothing to end .it does not show.: ")
    alone.type(mistyped(shares["Grace"], range(40, 70)))
    alone.expect("Not taken: .*Share again")
    alone.type(mistyped(shares["Grace"], [50, 60]))
    alone.expect("character 51 .group 9, letter 3.: . was typed, . is meant")
    alone.expect(r"\[y/N\] ")
    alone.type("y")
    alone.expect('Good.*: share 2 of slot "custodians"')
    assert alone.end() == 0
    assert secret(shares["Grace"]) not in alone.shown and alone.shown.count("Not taken") == 2

    for typed, last in [(["sr1nonsense", ""], "error:.* the share that was typed: "), ([""], "error:.* no share was typed")]:
        given_up = Terminal(*command)
        for text in typed:
            given_up.expect("it does not show.: ")
            given_up.type(text)
        given_up.expect(last)
        assert given_up.end() == 4
    tried = Terminal(*command)
    for _ in range(5):
        tried.expect("it does not show.: ")
        tried.type("sr1nonsense")
    tried.expect("error:.* the share that was typed: ")
    assert tried.end() == 4


def rekey(old, holders, hsm):
    """To 4 of 7 people in two groups. Killed before the commit and after it; the old shares open the store until then."""
    groups = [(name, "custodian", f'custody = "screen"\ngroup = "{group}"\n') for name, group in NEW]
    approvers = [("Board", "approver", ""), ("Audit", "approver", "")]
    words = f'store = "store"\nrequested_by = "Board"\ncooling_off = "0s"\npolicy = "{GROUPS}"'
    path = plan("rekey", "rekey", REKEY, [*approvers, *holders, *groups], words, hsm)
    people = dict(old)
    killed = Ceremony(path, people, kill_at="Step 10 of 13: commit")
    assert killed.hold() == -signal.SIGKILL, killed.said()
    new = {name: people[name] for name, _ in NEW}
    assert opens(old, "Ada Grace Alan", hsm) and not opens(new, "Tony Barbara Donald Edsger", hsm)

    # An old share, another's, one with too many wrong letters and one that can be mended: named, and they cost nothing.
    wrong = {"Tony": [old["Ada"], new["Donald"], mistyped(new["Tony"], range(40, 70)), mistyped(new["Tony"], [40, 41])]}
    resumed = Ceremony(path, people, "--resume", wrong=wrong)
    assert resumed.hold() == 0, resumed.said()
    said = " ".join(resumed.said().split())
    assert "Not taken: this is a share of the present set: enter the new one." in said, said[-3000:]
    assert 'Not taken: this is share 1 of group "operations", which is Donald\'s: enter your own' in said, said
    assert "too many letters are wrong" in said
    assert len(resumed.corrected) == 1 and "2 letters differ" in resumed.corrected[0]
    assert not opens(old, "Ada Grace Alan", hsm)
    assert opens(new, "Tony Barbara Donald Edsger", hsm)
    assert not opens(new, "Tony Barbara Leslie Donald", hsm), "one group alone"
    nothing_left(resumed, new, alternate=False)
    recovery(new)


NEW = [
    ("Tony", "security"), ("Barbara", "security"), ("Leslie", "security"), ("Whitfield", "security"),
    ("Donald", "operations"), ("Edsger", "operations"), ("Frances", "operations"),
]  # fmt: skip


def opens(shares, names, hsm):
    """Whether these people open the store (with the token, where it is asked)."""
    files = []
    for name in names.split():
        with open(os.open(f"known-{name}", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
            file.write(shares[name] + "\n")
        files += ["--share-file", f"known-{name}"]
    configured(hsm)
    command = [BINARY, "--store", "store", "--config", "config.toml", *files, "list"]
    return subprocess.run(command, capture_output=True, stdin=subprocess.DEVNULL).returncode == 0


def recovery(new):
    """From a backup and shares alone, on what could be another machine."""
    files = [word for name in ["Tony", "Barbara", "Donald", "Edsger"] for word in ("--share-file", f"known-{name}")]
    put = [BINARY, "--store", "store", *files, "put", "db/password"]
    subprocess.run(put, input=b"hunter2", check=True, capture_output=True)
    run("--store", "store", *files, "backup", "create", "store.srb")
    shutil.rmtree("store")
    holders = [(name, "holder", "") for name, _ in NEW]
    words = 'store = "again"\nbackup = "store.srb"'
    path = plan("recovery", "recovery", "open environment unseal verify restore export close", holders, words)
    held = Ceremony(path, dict(new))
    assert held.hold() == 0, held.said()
    assert run("--store", "again", *files, "get", "db/password") == "hunter2"


if __name__ == "__main__":
    in_a_directory(main)
