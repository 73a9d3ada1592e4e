"""Integers, length prefixes, and a reader that refuses what it does not know."""


class Refused(Exception):
    """The bytes are not what the format allows; the message is the reason."""


def u8(value: int) -> bytes:
    return value.to_bytes(1, "big")


def u16(value: int) -> bytes:
    return value.to_bytes(2, "big")


def u32(value: int) -> bytes:
    return value.to_bytes(4, "big")


def u64(value: int) -> bytes:
    return value.to_bytes(8, "big")


def bytes8(value: bytes) -> bytes:
    return u8(len(value)) + value


def bytes16(value: bytes) -> bytes:
    return u16(len(value)) + value


def fixed(value: bytes, length: int) -> bytes:
    """`value`, which must have exactly `length` bytes: catches a mistake of the caller, not of the input."""
    assert len(value) == length, f"{len(value)} bytes instead of {length}"
    return value


class Reader:
    """Takes bytes from the front; asking for more than there are is a refusal."""

    def __init__(self, data: bytes):
        self._rest = data

    def take(self, length: int) -> bytes:
        if len(self._rest) < length:
            raise Refused("truncated")
        taken, self._rest = self._rest[:length], self._rest[length:]
        return taken

    def u8(self) -> int:
        return int.from_bytes(self.take(1), "big")

    def u16(self) -> int:
        return int.from_bytes(self.take(2), "big")

    def u32(self) -> int:
        return int.from_bytes(self.take(4), "big")

    def u64(self) -> int:
        return int.from_bytes(self.take(8), "big")

    def bytes8(self) -> bytes:
        return self.take(self.u8())

    def bytes16(self) -> bytes:
        return self.take(self.u16())

    def rest(self) -> bytes:
        taken, self._rest = self._rest, b""
        return taken

    def end(self) -> None:
        if self._rest:
            raise Refused("bytes after the end")
