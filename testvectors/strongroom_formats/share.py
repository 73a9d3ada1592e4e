"""Shares as people hold them: Strongroom's text, and Vault's raw bytes."""

import base64
from dataclasses import dataclass

from . import bch
from .wire import Reader, Refused, fixed, u8

VERSION = 1
PREFIX = "sr"
BYTES = 52
SYMBOLS = 84
UNREADABLE = "?bio1"


@dataclass
class Share:
    set_id: bytes
    group: int
    index: int
    threshold: int
    y: bytes

    def encode(self) -> bytes:
        header = u8(VERSION) + fixed(self.set_id, 16) + u8(self.group) + u8(self.index) + u8(self.threshold)
        return fixed(header + fixed(self.y, 32), BYTES)


def decode(encoded: bytes) -> Share:
    reader = Reader(encoded)
    if reader.u8() != VERSION:
        raise Refused("unknown version")
    share = Share(reader.take(16), reader.u8(), reader.u8(), reader.u8(), reader.take(32))
    reader.end()
    if share.index == 0:
        raise Refused("index 0")
    if share.threshold == 0:
        raise Refused("threshold 0")
    return share


def data_symbols(encoded: bytes) -> list[int]:
    bits = int.from_bytes(fixed(encoded, BYTES), "big") << SYMBOLS * 5 - BYTES * 8
    return [bits >> 5 * (SYMBOLS - 1 - place) & 31 for place in range(SYMBOLS)]


def to_text(encoded: bytes) -> str:
    data = data_symbols(encoded)
    return PREFIX + "1" + bch.text(data + bch.check_symbols(PREFIX, data))


def from_text(written: str) -> tuple[Share, list[int]]:
    """The share and the places, counted from 0 after the prefix, of the symbols that had to be corrected."""
    compact = "".join(character for character in written if not character.isspace() and character != "-").lower()
    if not compact.startswith(PREFIX + "1"):
        raise Refused("wrong prefix")
    body = compact[len(PREFIX) + 1 :]
    if len(body) != SYMBOLS + bch.CHECK:
        raise Refused("wrong length")
    if any(character not in bch.ALPHABET + UNREADABLE for character in body):
        raise Refused("a character that stands in no share")
    unreadable = [place for place, character in enumerate(body) if character in UNREADABLE]
    values = [bch.ALPHABET.index(character) if character in bch.ALPHABET else 0 for character in body]
    corrected = bch.correct(PREFIX, values, unreadable) if len(unreadable) <= 8 else None
    if corrected is None:
        raise Refused("too many errors")
    bits = bch.number(corrected[:SYMBOLS])
    if bits & 15:
        raise Refused("last 4 bits are not zero")
    share = decode((bits >> 4).to_bytes(BYTES, "big"))
    return share, [place for place, value in enumerate(values) if value != corrected[place] or place in unreadable]


def to_vault(y: bytes, x: int) -> bytes:
    return y + u8(x)


def from_vault(written: str) -> tuple[bytes, int]:
    """Hex or base64 of `y ‖ x`."""
    try:
        raw = bytes.fromhex(written)
    except ValueError:
        try:
            raw = base64.b64decode(written, validate=True)
        except ValueError:
            raise Refused("neither hex nor base64") from None
    if len(raw) < 2:
        raise Refused("too short")
    if raw[-1] == 0:
        raise Refused("x is 0")
    return raw[:-1], raw[-1]
