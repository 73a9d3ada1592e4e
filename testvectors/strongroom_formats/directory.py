"""A store's directory as it lies on a disk: a redb database (file format 3) and the write-ahead log in front of it.

Of redb this reads what is needed and no more: the commit that is the latest, and the pages of two tables. Its checksums are
not looked at: whatever comes out must authenticate under the store's own keys. Numbers in redb are little-endian.
"""

import os
from dataclasses import dataclass

from .wire import Reader, Refused, u32

REDB_MAGIC = b"redb\x1a\x0a\xa9\x0d\x0a"
REDB_VERSION = 3
LEAF, BRANCH = 1, 2
SECTOR = 512
PUT, DELETE = 1, 2


def read(directory: str) -> dict[bytes, bytes]:
    """Every key and value, as of the last change that is whole."""
    with open(os.path.join(directory, "strongroom.redb"), "rb") as file:
        database = file.read()
    segments = []
    for number in (0, 1):
        with open(os.path.join(directory, f"log.{number}"), "rb") as file:
            segments.append(file.read())
    refused = Refused("not a redb database")
    # The other commit is the one before: right where the latest was torn, and the log still has what came since.
    for slot in commits(database):
        try:
            return replay(tables(database, slot), segments)
        except Refused as error:
            refused = error
    raise refused


def commits(database: bytes) -> list[int]:
    """Where the two commit slots are, the latest first."""
    if database[:9] != REDB_MAGIC:
        raise Refused("not a redb database")
    primary = database[9] & 1
    return [64 + 128 * primary, 64 + 128 * (1 - primary)]


@dataclass
class Pages:
    """Where pages lie: in regions, each of which begins with header pages."""

    database: bytes
    page: int
    region_header: int
    region_data: int

    def read(self, number: int) -> bytes:
        order, region, index = number >> 59, number >> 20 & 0xFFFFF, number & (0xFFFFF >> (number >> 59))
        size = self.page << order
        region_size = (self.region_header + self.region_data) * self.page
        start = self.page + region * region_size + self.region_header * self.page + index * size
        found = self.database[start : start + size]
        if len(found) != size:
            raise Refused("a page lies outside the database")
        return found

    def walk(self, root: int, depth: int = 0):
        """Every key and value below a page, in order; both are of variable length."""
        page = self.read(root)
        count = little(page[2:4])
        if depth > 32:
            raise Refused("pages form no tree")
        if page[0] == BRANCH:
            children = 8 + 16 * (count + 1)
            for child in range(count + 1):
                yield from self.walk(little(page[children + 8 * child : children + 8 * child + 8]), depth + 1)
        elif page[0] == LEAF:
            ends = [little(page[4 + 4 * place : 8 + 4 * place]) for place in range(2 * count)]
            key_start, value_start = 4 + 8 * count, ends[count - 1] if count else 0
            for key_end, value_end in zip(ends[:count], ends[count:]):
                yield page[key_start:key_end], page[value_start:value_end]
                key_start, value_start = key_end, value_end
        else:
            raise Refused("a page is of no kind that is known")


def tables(database: bytes, slot: int) -> dict[str, dict[bytes, bytes]]:
    """The tables of one commit."""
    if database[slot] != REDB_VERSION:
        raise Refused("unknown version of redb's file format")
    pages = Pages(database, little(database[12:16]), little(database[16:20]), little(database[20:24]))
    found = {}
    if database[slot + 1]:
        for name, definition in pages.walk(little(database[slot + 8 : slot + 16])):
            # Kind of table, its length, and whether there is a root; then the root's page number.
            root = little(definition[10:18]) if definition[9] else None
            found[name.decode()] = {} if root is None else dict(pages.walk(root))
    return found


def replay(tables: dict[str, dict[bytes, bytes]], segments: list[bytes]) -> dict[bytes, bytes]:
    """The records, with what the log has beyond them."""
    about, records = tables.get("about", {}), dict(tables.get("records", {}))
    if about.get(b"format") != b"\x01" or len(about.get(b"log", b"")) != 16 or len(about.get(b"position", b"")) != 12:
        raise Refused("the database says nothing that makes sense of its log")
    log, position = about[b"log"], Reader(about[b"position"])
    applied, checksum = position.u64(), position.u32()
    frames = {}
    for number, segment in enumerate(segments):
        header = Reader(segment)
        if (header.take(4), header.u8(), header.u8(), header.take(16)) != (b"SRLG", 1, number, log):
            raise Refused("a log belongs to another store")
        frames.update(read_frames(log, segment, applied))
    for sequence in sorted(frames):
        previous, changes, own = frames[sequence]
        if sequence != applied + 1 or previous != checksum:
            raise Refused("the log does not continue what the database has")
        apply(records, changes)
        applied, checksum = sequence, own
    return records


def read_frames(log: bytes, segment: bytes, applied: int) -> dict[int, tuple[int, bytes, int]]:
    """The whole frames from the beginning of a segment on that the database does not have: (previous, changes, checksum)."""
    frames, offset, last = {}, SECTOR, (0, 0)
    while (frame := read_frame(log, segment, offset)) is not None:
        sequence, previous, changes, checksum, size = frame
        if last[0] and (sequence, previous) != (last[0] + 1, last[1]):
            break
        last = (sequence, checksum)
        if sequence > applied:
            frames[sequence] = (previous, changes, checksum)
        offset += size
    # Only the very last frame can be torn: one that was written after it, and is whole, means damage.
    for later in range(offset, len(segment), SECTOR):
        frame = read_frame(log, segment, later)
        if frame is not None and frame[0] > max(last[0], applied):
            raise Refused("the log is damaged, and later changes are there")
    return frames


def read_frame(log: bytes, segment: bytes, offset: int) -> tuple[int, int, bytes, int, int] | None:
    """A whole frame at this place: sequence, checksum of the one before, changes, its own checksum, and its size."""
    if segment[offset : offset + 4] != b"SRLF":
        return None
    header = Reader(segment[offset + 4 : offset + 20])
    previous, length, sequence = header.u32(), header.u32(), header.u64()
    size = -(-(20 + length + 12) // SECTOR) * SECTOR
    frame = segment[offset : offset + size]
    if len(frame) != size or frame[-12:-4] != frame[12:20]:
        return None
    checksum = int.from_bytes(frame[-4:], "big")
    if crc32c(log + frame[:-12]) != checksum:
        return None
    return sequence, previous, frame[20 : 20 + length], checksum, size


def apply(records: dict[bytes, bytes], changes: bytes) -> None:
    while changes:
        reader = Reader(changes)
        kind, key_length = reader.u8(), reader.u16()
        if kind == PUT:
            value_length = reader.u32()
            key = reader.take(key_length)
            records[key] = reader.take(value_length)
        elif kind == DELETE:
            records.pop(reader.take(key_length), None)
        else:
            raise Refused("a change of no kind that is known")
        changes = reader.rest()


def little(number: bytes) -> int:
    return int.from_bytes(number, "little")


def _table() -> list[int]:
    table = []
    for value in range(256):
        for _ in range(8):
            value = value >> 1 ^ (0x82F63B78 if value & 1 else 0)
        table.append(value)
    return table


_CRC = _table()


def crc32c(data: bytes) -> int:
    """CRC-32C (Castagnoli), as RFC 3720 has it."""
    crc = 0xFFFFFFFF
    for byte in data:
        crc = crc >> 8 ^ _CRC[(crc ^ byte) & 0xFF]
    return crc ^ 0xFFFFFFFF


assert u32(crc32c(b"123456789")) == bytes.fromhex("e3069283"), "the check value that is published for CRC-32C"
