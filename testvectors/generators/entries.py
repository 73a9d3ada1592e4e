"""entries.json: section Entry."""

from strongroom_formats import entry
from strongroom_formats.wire import u32, u64

from .seeds import draw

FILE = "entries.json"


def make() -> dict:
    return {
        "accepted": [
            {"name": "a directory", "kind": "directory", "plaintext": b""},
            _value("an empty value", 1, b"", 0),
            _value("a value", 2, b"correct horse battery staple", 0),
            _value("a padded value", 3, b"correct horse battery staple", 24),
            _value("an empty value, padded", 4, b"", 52),
            _value("zeros are kept apart from padding", 5, bytes(8), 8),
            _value("the last revision", 2**64 - 1, draw("entry value", 100), 0),
        ],
        "refused": [
            {"name": "a revision alone", "reason": "truncated", "plaintext": u64(1)},
            {"name": "half a length", "reason": "truncated", "plaintext": u64(1) + b"\0\0"},
            {"name": "longer than there is", "reason": "truncated", "plaintext": u64(1) + u32(4) + b"abc"},
            {"name": "the longest length", "reason": "truncated", "plaintext": u64(1) + u32(2**32 - 1) + b"abc"},
            {"name": "padding not zero", "reason": "padding is not zero", "plaintext": entry.encode(1, b"abc", 3) + b"\x01"},
        ],
    }


def _value(name: str, revision: int, value: bytes, padding: int) -> dict:
    plaintext = entry.encode(revision, value, padding)
    return {"name": name, "kind": "value", "revision": revision, "value": value, "padding": padding, "plaintext": plaintext}
