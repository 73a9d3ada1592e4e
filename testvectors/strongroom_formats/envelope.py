"""Envelopes: small objects and streams under a data key of their own."""

from collections.abc import Callable
from dataclasses import dataclass

from . import floe
from .primitives import gcm_open, gcm_seal, hkdf_expand, sha256
from .wire import Reader, Refused, bytes8, bytes16, fixed, u8, u16, u32, u64

SMALL = 1
STREAM = 2
SECTOR = 512
MAX_SMALL = 64 * 1024
COMMITMENT = bytes(32)


@dataclass
class Wrapped:
    """A wrapped data key; what unwraps it is not a part of the format."""

    name: bytes
    version: int
    wrapped: bytes

    def encode(self) -> bytes:
        return bytes8(self.name) + u32(self.version) + bytes16(self.wrapped)


Unwrap = Callable[[Wrapped, bytes], bytes]


def prologue(algorithm: int, object_id: bytes) -> bytes:
    return b"SREN" + u8(1) + u8(algorithm) + fixed(object_id, 8)


def context(begin: bytes) -> bytes:
    return b"strongroom envelope data key" + fixed(begin, 14)


def header_tag(data_key: bytes, begin: bytes, slot_length: int, generation: int, wrapped: Wrapped) -> bytes:
    fields = begin + u16(slot_length) + u64(generation) + wrapped.encode()
    return hkdf_expand(data_key, b"strongroom envelope header" + fields, 32)


def body_key(data_key: bytes, begin: bytes) -> bytes:
    return hkdf_expand(data_key, b"strongroom envelope body" + begin, 32)


def seal(data_key: bytes, object_id: bytes, wrapped: Wrapped, associated: bytes, plaintext: bytes, ending: bytes = COMMITMENT) -> bytes:
    body = gcm_seal(data_key, object_id + bytes(4), plaintext + ending, associated)
    return prologue(SMALL, object_id) + wrapped.encode() + body


def open_small(unwrap: Unwrap, associated: bytes, sealed: bytes) -> bytes:
    reader = Reader(sealed)
    begin, algorithm = _prologue(reader)
    if algorithm != SMALL:
        raise Refused("is a stream")
    wrapped = _wrapped(reader)
    body = reader.rest()
    if len(body) < 48:
        raise Refused("truncated")
    if len(body) > MAX_SMALL + 48:
        raise Refused("too long")
    plaintext = gcm_open(unwrap(wrapped, context(begin)), begin[6:] + bytes(4), body, associated)
    if plaintext[-32:] != COMMITMENT:
        raise Refused("forged")
    return plaintext[:-32]


def slot(data_key: bytes, begin: bytes, length: int, generation: int, wrapped: Wrapped) -> bytes:
    tag = header_tag(data_key, begin, length, generation, wrapped)
    return checked((u64(generation) + wrapped.encode() + tag).ljust(length - 8, b"\0"))


def checked(content: bytes) -> bytes:
    return content + sha256(content)[:8]


def area(begin: bytes, slots: list[bytes]) -> bytes:
    assert len(slots) == 2 and len(slots[0]) == len(slots[1])
    return (begin + u16(len(slots[0]))).ljust(SECTOR, b"\0") + b"".join(slots)


def open_stream(unwrap: Unwrap, associated: bytes, sealed: bytes) -> bytes:
    reader = Reader(sealed)
    begin, algorithm = _prologue(reader)
    if algorithm != STREAM:
        raise Refused("is small")
    length = reader.u16()
    if not 512 <= length <= 5120 or length % SECTOR:
        raise Refused("slots have an impossible length")
    if any(reader.take(SECTOR - 16)):
        raise Refused("padding is not zero")
    both = [_slot(reader.take(length)) for _ in range(2)]
    whole = [each for each in both if not isinstance(each, Refused)]
    if not whole:
        raise both[0]
    message = reader.rest()
    refusals = []
    for generation, wrapped, tag in sorted(whole, key=lambda each: each[0], reverse=True):
        try:
            data_key = unwrap(wrapped, context(begin))
            if header_tag(data_key, begin, length, generation, wrapped) != tag:
                raise Refused("header forged")
            key = body_key(data_key, begin)
            floe.resume(key, associated, message)
        except Refused as refusal:
            refusals.append(refusal)
        else:
            return floe.decrypt(key, associated, message)
    raise refusals[0]


def _prologue(reader: Reader) -> tuple[bytes, int]:
    begin = reader.take(4)
    if begin != b"SREN":
        raise Refused("not an object")
    begin += reader.take(1)
    if begin[4] != 1:
        raise Refused("unknown format")
    begin += reader.take(1)
    if begin[5] not in (SMALL, STREAM):
        raise Refused("unknown algorithm")
    return begin + reader.take(8), begin[5]


def _wrapped(reader: Reader) -> Wrapped:
    name, version = reader.bytes8(), reader.u32()
    length = reader.u16()
    if length > 4096:
        raise Refused("wrapped key is too long")
    wrapped = reader.take(length)
    try:
        name.decode()
    except UnicodeDecodeError:
        raise Refused("name is not UTF-8") from None
    if not name or not wrapped:
        raise Refused("wrapped key is empty")
    return Wrapped(name, version, wrapped)


def _slot(data: bytes) -> tuple[int, Wrapped, bytes] | Refused:
    """What is in a slot, or why it does not count."""
    if checked(data[:-8]) != data:
        return Refused("slots are torn")
    reader = Reader(data[:-8])
    try:
        generation, wrapped, tag = reader.u64(), _wrapped(reader), reader.take(32)
    except Refused as refusal:
        return refusal
    return Refused("padding is not zero") if any(reader.rest()) else (generation, wrapped, tag)
