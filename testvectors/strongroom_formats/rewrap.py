"""The plaintext of the record that says how far a rewrap has come."""

from dataclasses import dataclass

from .wire import Reader, Refused, bytes16, u8, u32, u64

VERSION = 1


@dataclass
class Rewrap:
    target_term: int
    started: int
    done: int
    cursor: bytes

    def encode(self) -> bytes:
        return u8(VERSION) + u32(self.target_term) + u64(self.started) + u64(self.done) + bytes16(self.cursor)


def decode(plaintext: bytes) -> Rewrap:
    reader = Reader(plaintext)
    if reader.u8() != VERSION:
        raise Refused("unknown version")
    rewrap = Rewrap(reader.u32(), reader.u64(), reader.u64(), reader.bytes16())
    reader.end()
    return rewrap
