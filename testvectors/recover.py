#!/usr/bin/env python3
"""Recovers a store from shares and a copy of it alone: for the day on which nothing else is left.

    python3 recover.py COPY [SHARES]... > values.jsonl

COPY is a backup file, or a store's directory (copied while nobody has it open). SHARES are files with shares, one on each line
(`#` begins a remark); without them shares are read from stdin. Each value comes out as one line of JSON: path, revision, and
the value in base64. `docs/FORMATS.md` says all that this program knows: it shares no code with the crates.

It is slow, keeps keys in ordinary memory, and is for a machine that is on no network and is wiped afterwards.
"""

import base64
import json
import os
import sys
from dataclasses import dataclass

from strongroom_formats import backup, directory, entry, head, keyring, names, policy, record, share, slots
from strongroom_formats.wire import Refused, bytes8, fixed
from strongroom_formats.primitives import hmac


class Failed(Exception):
    """What went wrong, in words for people."""


@dataclass
class Copy:
    """A copy of a store: what lies where, and the backup's authentication code where it is one."""

    entries: dict[bytes, bytes]
    slots: bytes
    mac: tuple[bytes, bytes] | None


def read_copy(path: str) -> Copy:
    try:
        if os.path.isdir(path):
            entries = directory.read(path)
            if names.system("slots") not in entries:
                raise Failed(f"{path} holds no store")
            return Copy(entries, entries[names.system("slots")], None)
        with open(path, "rb") as file:
            read, hashed, mac = backup.decode(file.read())
        return Copy(read.entries, read.slots, (hashed, mac))
    except Refused as why:
        raise Failed(f"{path} is no copy of a store, or is damaged: {why}") from None


def read_shares(paths: list[str]) -> list[share.Share]:
    lines = []
    for path in paths:
        with open(path, encoding="utf-8") as file:
            lines += [(f"{path}, line {number}", line) for number, line in enumerate(file, start=1)]
    if not paths:
        lines = [(f"line {number}", line) for number, line in enumerate(sys.stdin, start=1)]
    shares = []
    for place, line in lines:
        line = line.strip()
        if not line or line.startswith("#"):
            continue
        try:
            read, corrected = share.from_text(line)
        except Refused as why:
            raise Failed(f"{place}: this is no share: {why}") from None
        if corrected:
            places = ", ".join(str(number + 4) for number in corrected)
            print(f"{place}: characters {places} were wrong, and are corrected", file=sys.stderr)
        shares.append(read)
    return shares


def open_root(copy: Copy, shares: list[share.Share]) -> bytes:
    """The root key, from the slot that the shares are of."""
    known = slots.decode(copy.slots)
    why = "there are no shares"
    for held in shares:
        slot = next((slot for slot in known.slots if slots.set_id(known.store_id, slot) == held.set_id), None)
        if slot is None:
            sets = ", ".join(f"{slots.set_id(known.store_id, slot).hex()} ({slot.label})" for slot in known.slots)
            raise Failed(f"a share is of set {held.set_id.hex()}, and this copy has only {sets}")
        try:
            slots.check_share(known.store_id, slot, held)
        except Refused as refused:
            raise Failed(f"share {held.index} of slot {slot.label}: {refused}") from None
    for slot in known.slots:
        own = [held for held in shares if held.set_id == slots.set_id(known.store_id, slot)]
        if not own:
            continue
        if policy.hsm_keys(slot.policy):
            why = f"slot {slot.label} needs an HSM as well, which only the program itself can ask"
            continue
        try:
            return slots.open_slot(copy.slots, None, slot.slot_id, own, [])
        except Refused as refused:
            why = f"slot {slot.label}: {refused}"
    raise Failed(why)


def recover(copy: Copy, root_key: bytes):
    """Every value, as (path, revision, bytes), after everything was checked."""
    slot_set = slots.decode(copy.slots)
    store_id = slot_set.store_id

    def system(name: str, keys: dict[int, bytes]) -> bytes:
        return record.open_record(keys, store_id, names.system(name), copy.entries[names.system(name)])

    ring = keyring.decode(system("keyring", {0: keyring.keyring_key(store_id, root_key)}))
    if ring.slots_digest != slots.digest(copy.slots):
        raise Failed("the slots are not those that the keyring names: the copy was altered, or is of two times")
    if copy.mac is not None:
        backup.check_mac(keyring.purpose(ring.purpose_key, "backup"), *copy.mac)
    terms = {term.term: term.key for term in ring.terms if term.state != keyring.DESTROYED}
    summit = head.decode(system("head", terms))
    opened = {}
    for place, sealed in copy.entries.items():
        if place[0] == names.ENTRY_SPACE:
            opened[place] = entry.decode(record.open_record(terms, store_id, place, sealed))
    live = sum(use.live_records for use in summit.terms)
    if len(opened) != live:
        raise Failed(f"the copy has {len(opened)} records, and its last commit had {live}: some are missing")
    generations = {each.generation: names.keys(each.key, store_id, each.generation) for each in ring.names}
    listed = {}
    for place, content in opened.items():
        listed.setdefault((int.from_bytes(place[1:3], "big"), place[3:19]), []).append((place, content))
    found = list(walk(listed, generations, fixed(ring.root_id, 16), []))
    if len(found) != len(opened):
        # Those below other roots are the store's own: named keys, for instance.
        print(f"{len(opened) - len(found)} records of the store's own are left out", file=sys.stderr)
    return [(path, *content[:2]) for path, content in found if content is not None]


def walk(listed: dict[tuple[int, bytes], list], generations: dict[int, names.NamesKeys], root_id: bytes, segments: list[str]):
    """Every entry below a directory. A migration of names leaves some under one generation and some under the next."""
    token_input = root_id + b"".join(bytes8(segment.encode()) for segment in segments)
    below = set()
    for generation, keys in generations.items():
        for place, content in listed.get((generation, hmac(keys.directory, token_input)[:16]), []):
            name = names.open_place(keys, place)
            yield "/".join([*segments, name]), content
            if name.endswith("/"):
                below.add(name.removesuffix("/"))
    for name in sorted(below):
        yield from walk(listed, generations, root_id, [*segments, name])


def main() -> int:
    if len(sys.argv) < 2 or sys.argv[1].startswith("-"):
        print(__doc__, file=sys.stderr)
        return 2
    try:
        copy = read_copy(sys.argv[1])
        values = recover(copy, open_root(copy, read_shares(sys.argv[2:])))
    except (Failed, Refused, OSError) as why:
        print(f"nothing was recovered: {why}", file=sys.stderr)
        return 1
    for path, revision, value in sorted(values):
        print(json.dumps({"path": path, "revision": revision, "value": base64.b64encode(value).decode()}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
