"""rewraps.json: section Rewrap."""

from dataclasses import asdict

from strongroom_formats.rewrap import Rewrap

from .seeds import CREATED, draw, flip

FILE = "rewraps.json"


def make() -> dict:
    begun = Rewrap(2, CREATED, 0, b"").encode()
    return {
        "accepted": [
            _vector("just begun", Rewrap(2, CREATED, 0, b"")),
            _vector("under way", Rewrap(300, CREATED, 123_456, b"\x01\x00\x01" + draw("rewrap cursor", 64))),
            _vector("at the longest storage key", Rewrap(2**32 - 1, 2**64 - 1, 2**64 - 1, b"\x01" + draw("rewrap last cursor", 290))),
        ],
        "refused": [
            {"name": "nothing", "reason": "truncated", "plaintext": b""},
            {"name": "version 2", "reason": "unknown version", "plaintext": flip(begun, 0, 3)},
            {"name": "last byte missing", "reason": "truncated", "plaintext": begun[:-1]},
            {"name": "a byte too many", "reason": "bytes after the end", "plaintext": begun + b"\0"},
            {"name": "a cursor longer than there is", "reason": "truncated", "plaintext": flip(begun, -1)},
        ],
    }


def _vector(name: str, made: Rewrap) -> dict:
    return {"name": name, **asdict(made), "plaintext": made.encode()}
