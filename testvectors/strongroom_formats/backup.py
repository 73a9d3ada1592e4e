"""Backups: a whole store in one file."""

from dataclasses import dataclass, field

from .primitives import hmac, sha256
from .wire import Reader, Refused, fixed, u16, u32, u64

MAGIC = b"SRBACKUP"
VERSION = 1


@dataclass
class Backup:
    store_id: bytes
    created: int
    sequence: int
    slots: bytes
    entries: dict[bytes, bytes] = field(default_factory=dict)

    def header(self) -> bytes:
        body = (
            MAGIC + u16(VERSION) + fixed(self.store_id, 16) + u64(self.created) + u64(self.sequence) + u32(len(self.slots)) + self.slots
        )
        return body + sha256(body)

    def before_mac(self) -> bytes:
        entries = b"".join(
            u16(len(key)) + u32(len(value)) + key + value for key, value in sorted(self.entries.items())
        )
        return self.header() + entries + u16(0) + u64(len(self.entries))

    def encode(self, mac_key: bytes) -> bytes:
        before = self.before_mac()
        return before + hmac(mac_key, sha256(before))


def decode_header(reader: Reader) -> Backup:
    """What can be known without any key: whose backup it is, and which slots open it."""
    if reader.take(8) != MAGIC:
        raise Refused("wrong magic")
    version = reader.u16()
    if version != VERSION:
        raise Refused("unknown version")
    store_id, created, sequence = reader.take(16), reader.u64(), reader.u64()
    backup = Backup(store_id, created, sequence, reader.take(reader.u32()))
    body = backup.header()
    if reader.take(32) != body[-32:]:
        raise Refused("checksum of the header does not match")
    return backup


def decode(stored: bytes) -> tuple[Backup, bytes, bytes]:
    """The backup, the hash of all before its MAC, and the MAC, which no key has checked yet."""
    reader = Reader(stored)
    backup = decode_header(reader)
    last = b""
    while key_length := reader.u16():
        value_length = reader.u32()
        key = reader.take(key_length)
        if key <= last:
            raise Refused("keys are not ascending")
        backup.entries[key], last = reader.take(value_length), key
    if reader.u64() != len(backup.entries):
        raise Refused("count does not match")
    mac = reader.take(32)
    reader.end()
    return backup, sha256(stored[:-32]), mac


def check_mac(mac_key: bytes, hashed: bytes, mac: bytes) -> None:
    if hmac(mac_key, hashed) != mac:
        raise Refused("authentication code does not match")
