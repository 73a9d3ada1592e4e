"""FLOE (c2sp.org/FLOE) with AES-256-GCM and HKDF-Expand-SHA-384."""

import hmac as _hmac
from dataclasses import dataclass

from .primitives import gcm_open, gcm_seal
from .wire import Refused, fixed, u8, u32, u64

HEADER = 74
OVERHEAD = 32
MORE_FOLLOW = b"\xff\xff\xff\xff"
ROTATION = 20


@dataclass
class Message:
    """What a header gives: enough for every segment."""

    prefix: bytes
    associated: bytes
    message_key: bytes
    header_tag: bytes
    rotation: int

    def derive(self, key: bytes, purpose: bytes, length: int) -> bytes:
        return _expand(key, self.prefix + purpose + self.associated, length)

    def segment_key(self, position: int) -> bytes:
        epoch = position >> self.rotation << self.rotation
        return self.derive(self.message_key, b"DEK:" + u64(epoch), 32)


def _expand(key: bytes, info: bytes, length: int) -> bytes:
    """RFC 5869, section 2.3, for one block."""
    assert length <= 48
    return _hmac.new(key, info + b"\x01", "sha384").digest()[:length]


def _message(prefix: bytes, key: bytes, associated: bytes, rotation: int) -> Message:
    message = Message(prefix, associated, b"", b"", rotation)
    message.header_tag = message.derive(key, b"HEADER_TAG:", 32)
    message.message_key = message.derive(key, b"MESSAGE_KEY:", 48)
    return message


def encrypt(
    key: bytes, associated: bytes, segment: int, iv: bytes, segment_ivs: list[bytes], plaintext: bytes, rotation: int = ROTATION
) -> bytes:
    prefix = u8(0) + u8(0) + u32(segment) + u32(32) + fixed(iv, 32)
    message = _message(prefix, fixed(key, 32), associated, rotation)
    full = segment - OVERHEAD
    parts = [plaintext[at : at + full] for at in range(0, len(plaintext), full)] or [b""]
    assert len(parts) == len(segment_ivs)
    sealed = prefix + message.header_tag
    for position, (part, segment_iv) in enumerate(zip(parts, segment_ivs)):
        last = position + 1 == len(parts)
        mark = u32(len(part) + OVERHEAD) if last else MORE_FOLLOW
        body = gcm_seal(message.segment_key(position), fixed(segment_iv, 12), part, u64(position) + u8(last))
        sealed += mark + segment_iv + body
    return sealed


def resume(key: bytes, associated: bytes, sealed: bytes, rotation: int = ROTATION, shortest: int = 64) -> tuple[Message, int]:
    """What the header gives, and the length of a segment."""
    if len(sealed) < HEADER:
        raise Refused("truncated")
    prefix, tag = sealed[:42], sealed[42:HEADER]
    segment = int.from_bytes(prefix[2:6], "big")
    if prefix[:2] != b"\0\0" or prefix[6:10] != u32(32) or not shortest <= segment <= 2**20:
        raise Refused("segments have an impossible length")
    message = _message(prefix, fixed(key, 32), associated, rotation)
    if message.header_tag != tag:
        raise Refused("forged")
    return message, segment


def decrypt(key: bytes, associated: bytes, sealed: bytes, rotation: int = ROTATION, shortest: int = 64) -> bytes:
    message, segment = resume(key, associated, sealed, rotation, shortest)
    body = sealed[HEADER:]
    if not body:
        raise Refused("truncated")
    parts = [body[at : at + segment] for at in range(0, len(body), segment)]
    plaintext = b""
    for position, part in enumerate(parts):
        last = position + 1 == len(parts)
        if len(part) < OVERHEAD:
            raise Refused("forged")
        if last and part[:4] == MORE_FOLLOW:
            raise Refused("truncated")
        if not last and part[:4] != MORE_FOLLOW:
            raise Refused("bytes after the end")
        if last and part[:4] != u32(len(part)):
            raise Refused("forged")
        plaintext += gcm_open(message.segment_key(position), part[4:16], part[16:], u64(position) + u8(last))
    return plaintext
