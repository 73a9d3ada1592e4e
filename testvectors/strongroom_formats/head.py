"""The head: what one commit says of the whole store."""

from dataclasses import dataclass, field

from .wire import Reader, Refused, bytes16, fixed, u8, u16, u32, u64

VERSION = 1


@dataclass
class TermUse:
    term: int
    live_records: int
    seals: int
    blocks: int


@dataclass
class Head:
    sequence: int
    previous: bytes
    keyring_generation: int
    slots_generation: int
    names_generation: int
    names_being_left: int
    terms: list[TermUse] = field(default_factory=list)
    set_hash_algorithm: int = 0
    set_hash: bytes = b""

    def encode(self) -> bytes:
        return (
            u8(VERSION)
            + u64(self.sequence)
            + fixed(self.previous, 32)
            + u64(self.keyring_generation)
            + u64(self.slots_generation)
            + u16(self.names_generation)
            + u16(self.names_being_left)
            + u8(self.set_hash_algorithm)
            + bytes16(self.set_hash)
            + u16(len(self.terms))
            + b"".join(u32(use.term) + u64(use.live_records) + u64(use.seals) + u64(use.blocks) for use in self.terms)
        )


def decode(plaintext: bytes) -> Head:
    reader = Reader(plaintext)
    if reader.u8() != VERSION:
        raise Refused("unknown version")
    head = Head(reader.u64(), reader.take(32), reader.u64(), reader.u64(), reader.u16(), reader.u16())
    if head.sequence == 0:
        raise Refused("sequence 0")
    head.set_hash_algorithm = reader.u8()
    if head.set_hash_algorithm != 0:
        raise Refused("unknown set hash")
    head.set_hash = reader.bytes16()
    if head.set_hash:
        raise Refused("a set hash without an algorithm")
    for _ in range(reader.u16()):
        use = TermUse(reader.u32(), reader.u64(), reader.u64(), reader.u64())
        if use.term == 0 or (head.terms and head.terms[-1].term >= use.term):
            raise Refused("terms are not ascending")
        head.terms.append(use)
    reader.end()
    return head
