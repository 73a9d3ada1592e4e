"""heads.json: section Head."""

from dataclasses import asdict

from strongroom_formats import names, record
from strongroom_formats.head import Head, TermUse
from strongroom_formats.primitives import sha256

from .seeds import STORE_ID, draw, flip

FILE = "heads.json"

TERM_KEY = draw("head term key")


def make() -> dict:
    first = _vector("the first", Head(1, bytes(32), 1, 1, 1, 0, [TermUse(1, 0, 1, 8)]), 1)
    second = Head(2, sha256(first["record"]), 1, 1, 1, 0, [TermUse(1, 3, 5, 24)])
    middle = [TermUse(7, 12, 2**40, 2**45), TermUse(9, 0, 0, 0), TermUse(300, 2**33, 2**63, 2**64 - 1)]
    plaintext = first["plaintext"]
    algorithm = 1 + 8 + 32 + 8 + 8 + 2 + 2
    term = algorithm + 1 + 2 + 2
    two = Head(1, bytes(32), 1, 1, 1, 0, [TermUse(2, 0, 0, 0), TermUse(1, 0, 0, 0)]).encode()
    return {
        "accepted": [
            first,
            _vector("the second, chained to the first", second, 1),
            _vector("in the midst of a rewrap", Head(2**64 - 1, draw("head previous"), 41, 7, 3, 2, middle), 300),
        ],
        "refused": [
            {"name": "nothing", "reason": "truncated", "plaintext": b""},
            {"name": "version 0", "reason": "unknown version", "plaintext": flip(plaintext, 0, 1)},
            {"name": "version 2", "reason": "unknown version", "plaintext": flip(plaintext, 0, 3)},
            {"name": "sequence 0", "reason": "sequence 0", "plaintext": flip(plaintext, 8)},
            {"name": "set hash 1", "reason": "unknown set hash", "plaintext": flip(plaintext, algorithm)},
            {"name": "last byte missing", "reason": "truncated", "plaintext": plaintext[:-1]},
            {"name": "a byte too many", "reason": "bytes after the end", "plaintext": plaintext + b"\0"},
            {"name": "more terms than there are", "reason": "truncated", "plaintext": flip(plaintext, term - 2, 0x80)},
            {"name": "term 0", "reason": "terms are not ascending", "plaintext": flip(plaintext, term + 3)},
            {"name": "terms descending", "reason": "terms are not ascending", "plaintext": two},
        ],
    }


def _vector(name: str, head: Head, term: int) -> dict:
    plaintext = head.encode()
    salt, commit = draw(f"head salt, {name}", 16), draw(f"head commit, {name}", 4)
    sealed = record.seal(TERM_KEY, STORE_ID, term, salt, commit, 0, names.system("head"), plaintext)
    return {
        "name": name,
        **asdict(head),
        "plaintext": plaintext,
        "store_id": STORE_ID,
        "term": term,
        "term_key": TERM_KEY,
        "storage_key": names.system("head"),
        "record": sealed.record,
    }
