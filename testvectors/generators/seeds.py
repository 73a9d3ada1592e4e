"""The only source of randomness: every value is named, so that a new vector leaves the others as they are."""

import hashlib


def draw(name: str, length: int = 32) -> bytes:
    return hashlib.shake_256(b"strongroom test vectors: " + name.encode()).digest(length)


def flip(data: bytes, place: int, bits: int = 1) -> bytes:
    """`data` with the given bits of one byte turned over; a negative place counts from the end."""
    changed = bytearray(data)
    changed[place] ^= bits
    return bytes(changed)


STORE_ID = draw("store id", 16)
OTHER_STORE_ID = draw("another store id", 16)
ROOT_ID = draw("root id", 16)
ROOT_KEY = draw("root key")
CREATED = 1_700_000_000
