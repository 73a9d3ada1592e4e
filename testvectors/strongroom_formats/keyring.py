"""The keyring: every key of a store but the root key, with the digest of the slots that open it."""

from dataclasses import dataclass, field

from .primitives import hkdf, hkdf_expand
from .wire import Reader, Refused, fixed, u8, u16, u32, u64

VERSION = 1
ACTIVE, DEACTIVATED, DESTROYED = 1, 2, 3
NAMES_ACTIVE, NAMES_BEING_LEFT = 1, 2


@dataclass
class NamesGeneration:
    generation: int
    state: int
    key: bytes


@dataclass
class SlotSecret:
    slot_id: bytes
    psk: bytes


@dataclass
class Term:
    term: int
    state: int
    installed: int
    left: int
    seals: int
    key: bytes

    def encode(self) -> bytes:
        key = b"" if self.state == DESTROYED else fixed(self.key, 32)
        return u32(self.term) + u8(self.state) + u64(self.installed) + u64(self.left) + u64(self.seals) + key


@dataclass
class Keyring:
    store_id: bytes
    generation: int
    slots_generation: int
    slots_digest: bytes
    rotation_age: int
    rotation_seals: int
    root_id: bytes
    purpose_key: bytes
    names: list[NamesGeneration] = field(default_factory=list)
    slots: list[SlotSecret] = field(default_factory=list)
    terms: list[Term] = field(default_factory=list)

    def encode(self) -> bytes:
        return (
            u8(VERSION)
            + fixed(self.store_id, 16)
            + u64(self.generation)
            + u64(self.slots_generation)
            + fixed(self.slots_digest, 32)
            + u64(self.rotation_age)
            + u64(self.rotation_seals)
            + fixed(self.root_id, 16)
            + fixed(self.purpose_key, 32)
            + u8(len(self.names))
            + b"".join(u16(names.generation) + u8(names.state) + fixed(names.key, 32) for names in self.names)
            + u16(len(self.slots))
            + b"".join(fixed(slot.slot_id, 16) + fixed(slot.psk, 32) for slot in self.slots)
            + u32(len(self.terms))
            + b"".join(term.encode() for term in self.terms)
        )


def decode(plaintext: bytes) -> Keyring:
    reader = Reader(plaintext)
    if reader.u8() != VERSION:
        raise Refused("unknown version")
    keyring = Keyring(
        reader.take(16), reader.u64(), reader.u64(), reader.take(32), reader.u64(), reader.u64(), reader.take(16), reader.take(32)
    )
    for _ in range(reader.u8()):
        names = NamesGeneration(reader.u16(), reader.u8(), reader.take(32))
        if names.state not in (NAMES_ACTIVE, NAMES_BEING_LEFT):
            raise Refused("unknown state of a names generation")
        if keyring.names and keyring.names[-1].generation >= names.generation:
            raise Refused("names generations are not ascending")
        keyring.names.append(names)
    states = [names.state for names in keyring.names]
    if states not in ([NAMES_ACTIVE], [NAMES_BEING_LEFT, NAMES_ACTIVE]):
        raise Refused("not one active names generation, the last")
    for _ in range(reader.u16()):
        slot = SlotSecret(reader.take(16), reader.take(32))
        if any(other.slot_id == slot.slot_id for other in keyring.slots):
            raise Refused("a slot twice")
        keyring.slots.append(slot)
    for _ in range(reader.u32()):
        term = Term(reader.u32(), reader.u8(), reader.u64(), reader.u64(), reader.u64(), b"")
        if term.state not in (ACTIVE, DEACTIVATED, DESTROYED):
            raise Refused("unknown state of a term")
        if term.state != DESTROYED:
            term.key = reader.take(32)
        if term.term == 0 or (keyring.terms and keyring.terms[-1].term >= term.term):
            raise Refused("terms are not ascending")
        keyring.terms.append(term)
    reader.end()
    active = [term.term for term in keyring.terms if term.state == ACTIVE]
    if not keyring.terms or active != [keyring.terms[-1].term]:
        raise Refused("not one active term, the last")
    return keyring


def keyring_key(store_id: bytes, root_key: bytes) -> bytes:
    return hkdf(fixed(store_id, 16), fixed(root_key, 32), b"strongroom keyring key", 32)


def purpose(purpose_key: bytes, name: str) -> bytes:
    return hkdf_expand(fixed(purpose_key, 32), b"strongroom purpose " + name.encode(), 32)
