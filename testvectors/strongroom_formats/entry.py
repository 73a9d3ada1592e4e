"""The plaintext of an entry's record."""

from .wire import Reader, Refused, u32, u64


def encode(revision: int, value: bytes, padding: int) -> bytes:
    return u64(revision) + u32(len(value)) + value + bytes(padding)


def decode(plaintext: bytes) -> tuple[int, bytes, int] | None:
    """Revision, value and length of the padding; nothing for a directory."""
    if not plaintext:
        return None
    reader = Reader(plaintext)
    revision = reader.u64()
    value = reader.take(reader.u32())
    padding = reader.rest()
    if padding.strip(b"\0"):
        raise Refused("padding is not zero")
    return revision, value, len(padding)
