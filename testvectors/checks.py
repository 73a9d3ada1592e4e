"""Reads every committed vector back with nothing but its inputs: what is accepted must open, what is refused must not."""

import base64
import json
from pathlib import Path

from strongroom_formats import audit, backup, bch, entry, envelope, head, keyring, names, policy, record, rewrap, shamir, share, slots
from strongroom_formats.primitives import sha256
from strongroom_formats.share import from_text
from strongroom_formats.wire import Reader, Refused

HERE = Path(__file__).parent
raw = bytes.fromhex


def refuses(reason: str, attempt, *arguments) -> None:
    """`attempt` is refused, and for this very reason."""
    try:
        attempt(*arguments)
    except Refused as refusal:
        assert str(refusal) == reason, f"refused as {refusal}, not as {reason}"
    else:
        raise AssertionError(f"accepted, though: {reason}")


def records(vectors: dict) -> int:
    for vector in vectors["accepted"]:
        terms = {vector["term"]: raw(vector["term_key"])}
        opened = record.open_record(terms, raw(vector["store_id"]), raw(vector["storage_key"]), raw(vector["record"]))
        assert opened == raw(vector["plaintext"])
    for vector in vectors["refused"]:
        terms = {term["term"]: raw(term["term_key"]) for term in vector["terms"]}
        refuses(vector["reason"], record.open_record, terms, raw(vector["store_id"]), raw(vector["storage_key"]), raw(vector["record"]))
    return len(vectors["accepted"]) + len(vectors["refused"])


def storage_keys(vectors: dict) -> int:
    for vector in vectors["accepted"]:
        keys = names.keys(raw(vector["names_key"]), raw(vector["store_id"]), vector["generation"])
        last = vector["path"].removesuffix("/").rpartition("/")[2] + ("/" if vector["path"].endswith("/") else "")
        assert names.open_place(keys, raw(vector["storage_key"])) == last
        assert len(raw(vector["storage_key"])) <= 300
    for vector in vectors["refused_paths"]:
        keys = names.keys(bytes(32), bytes(16), 1)
        refuses(vector["reason"], names.place, keys, bytes(16), vector["path"])
    for vector in vectors["refused"]:
        keys = names.keys(raw(vector["names_key"]), raw(vector["store_id"]), vector["generation"])
        refuses(vector["reason"], names.open_place, keys, raw(vector["storage_key"]))
    stored = [vector["storage_key"] for vector in vectors["system"] + vectors["accepted"]]
    assert len(set(stored)) == len(stored), "two vectors with one storage key"
    return sum(len(vectors[part]) for part in ("system", "accepted", "refused_paths", "refused"))


def entries(vectors: dict) -> int:
    for vector in vectors["accepted"]:
        expected = None if vector["kind"] == "directory" else (vector["revision"], raw(vector["value"]), vector["padding"])
        assert entry.decode(raw(vector["plaintext"])) == expected
    return len(vectors["accepted"]) + _refused_plaintexts(vectors, entry.decode)


def heads(vectors: dict) -> int:
    previous = None
    for vector in vectors["accepted"]:
        sealed = raw(vector["record"])
        terms = {vector["term"]: raw(vector["term_key"])}
        plaintext = record.open_record(terms, raw(vector["store_id"]), names.system("head"), sealed)
        decoded = head.decode(plaintext)
        assert plaintext == raw(vector["plaintext"]) == decoded.encode()
        assert decoded.sequence == vector["sequence"] and [vars(use) for use in decoded.terms] == vector["terms"]
        if decoded.sequence == 2:
            assert decoded.previous == previous
        previous = sha256(sealed)
    return len(vectors["accepted"]) + _refused_plaintexts(vectors, head.decode)


def keyrings(vectors: dict) -> int:
    for vector in vectors["accepted"]:
        key = keyring.keyring_key(raw(vector["store_id"]), raw(vector["root_key"]))
        plaintext = record.open_record({0: key}, raw(vector["store_id"]), names.system("keyring"), raw(vector["record"]))
        decoded = keyring.decode(plaintext)
        assert plaintext == raw(vector["plaintext"]) == decoded.encode()
        assert decoded.generation == vector["generation"] and len(decoded.terms) == len(vector["terms"])
        for purpose in vector["purposes"]:
            assert keyring.purpose(decoded.purpose_key, purpose["purpose"]) == raw(purpose["key"])
    return len(vectors["accepted"]) + _refused_plaintexts(vectors, keyring.decode)


def rewraps(vectors: dict) -> int:
    for vector in vectors["accepted"]:
        assert rewrap.decode(raw(vector["plaintext"])).encode() == raw(vector["plaintext"])
    return len(vectors["accepted"]) + _refused_plaintexts(vectors, rewrap.decode)


def _refused_plaintexts(vectors: dict, decode) -> int:
    for vector in vectors["refused"]:
        refuses(vector["reason"], decode, raw(vector["plaintext"]))
    return len(vectors["refused"])


def policies(vectors: dict) -> int:
    for vector in vectors["accepted"]:
        decoded = policy.decode(raw(vector["encoded"]))
        assert decoded.encode() == raw(vector["encoded"]) and len(policy.holders(decoded)) == vector["holder_count"]
        assert str(decoded) == vector.get("text", str(decoded))
        keys = [(hsm.token, hsm.key) for hsm in policy.hsm_keys(decoded)]
        assert keys == [(key["token"], key["key"]) for key in vector.get("hsm_keys", [])]
    for vector in vectors["refused"]:
        refuses(vector["reason"], policy.decode, raw(vector["encoded"]))
    return len(vectors["accepted"]) + len(vectors["refused"])


def shares(vectors: dict) -> int:
    for vector in vectors["multiplication"]:
        assert shamir.multiply(vector["a"], vector["b"]) == vector["product"]
    for vector in vectors["splits"] + vectors["vault"]:
        held = [(each["x"], raw(each["y"])) for each in vector["shares"]]
        count = vector["threshold"]
        for first in range(len(held) - count + 1):
            assert shamir.combine(held[first : first + count]) == raw(vector["secret"])
        if count > 1:
            assert shamir.combine(held[: count - 1]) != raw(vector["secret"])
    for vector in vectors["accepted"] + vectors["written_otherwise"] + vectors["corrected"]:
        decoded, places = from_text(vector["text"])
        assert places == vector.get("places", [])
        assert (decoded.set_id, decoded.y) == (raw(vector["set_id"]), raw(vector["y"]))
        assert (decoded.group, decoded.index, decoded.threshold) == (vector["group"], vector["index"], vector["threshold"])
    for vector in vectors["refused"]:
        refuses(vector["reason"], from_text, vector["text"])
    for vector in vectors["vault"]:
        for each in vector["shares"]:
            for form in (each["hex"], each["hex"].upper(), each["base64"]):
                assert share.from_vault(form) == (raw(each["y"]), each["x"])
            assert base64.b64decode(each["base64"]).hex() == each["hex"]
    for vector in vectors["vault_refused"]:
        refuses(vector["reason"], share.from_vault, vector["text"])
    return sum(len(part) for part in vectors.values() if isinstance(part, list))


def slot_sets(vectors: dict) -> int:
    stored = {vector["name"]: vector for vector in vectors["sets"]}
    for vector in stored.values():
        decoded = slots.decode(raw(vector["stored"]))
        assert decoded.encode() == raw(vector["stored"]) and slots.digest(raw(vector["stored"])) == raw(vector["digest"])
        assert len(decoded.slots) == len(vector["slots"])
        for slot, expected in zip(decoded.slots, vector["slots"]):
            assert slot.not_before == expected.get("not_before", 0)
            _hsm_parts(decoded.store_id, slot, expected)
    for vector in vectors["opened"]:
        of = stored[vector["set"]]
        opened = slots.open_slot(raw(of["stored"]), raw(of["digest"]), raw(vector["slot_id"]), *_held(of, vector))
        assert opened == raw(vector["root_key"])
    for vector in vectors["refused_sets"]:
        refuses(vector["reason"], slots.decode, raw(vector["stored"]))
    for vector in vectors["refused_openings"]:
        of = stored[vector["set"]]
        held = _held(of, vector)
        attacked = raw(vector["stored"] or of["stored"])
        refuses(vector["reason"], slots.open_slot, attacked, None, raw(vector["slot_id"]), *held)
        if vector["stored"]:
            # A running store, which has the keyring, is not even asked for shares.
            refuses("digest differs from the keyring's", slots.open_slot, attacked, raw(of["digest"]), raw(vector["slot_id"]), *held)
    return sum(len(vectors[part]) for part in ("sets", "opened", "refused_sets", "refused_openings"))


def _hsm_parts(store_id: bytes, slot: slots.Slot, expected: dict) -> None:
    hsms = expected.get("hsms", [])
    assert [raw(hsm["wrapped_secret"]) for hsm in hsms] == slot.wrapped_secrets
    assert [(hsm["token"], hsm["key"]) for hsm in hsms] == [(hsm.token, hsm.key) for hsm in policy.hsm_keys(slot.policy)]
    for hsm in hsms:
        number = hsm["number"]
        assert slots.hsm_context(store_id, slot.slot_id, number, slot.policy) == raw(hsm["context"])
        commitment = slots.hsm_commitment(store_id, slot.slot_id, number, raw(hsm["secret"]))
        assert commitment == slot.commitments[number - 1 - len(hsms)]


def _held(of: dict, vector: dict) -> tuple[list[share.Share], list[slots.HsmKey]]:
    """The shares of a vector, and the HSMs that answer in it."""
    hsms = []
    for answer in vector.get("hsms", []):
        slot = next(slot for slot in of["slots"] if slot["slot_id"] == answer["slot_id"])
        of_key = slot["hsms"][answer["number"] - 1]
        hsm = policy.Hsm(of_key["token"], of_key["key"])
        hsms.append(slots.HsmKey(hsm, raw(of_key["context"]), raw(of_key["wrapped_secret"]), raw(answer["secret"])))
    return [from_text(text)[0] for text in vector["shares"]], hsms


def backups(vectors: dict) -> int:
    for vector in vectors["accepted"]:
        _restore(vector)
    for vector in vectors["refused"]:
        refuses(vector["reason"], _read_backup, raw(vector["file"]), raw(vector["mac_key"]))
    return len(vectors["accepted"]) + len(vectors["refused"])


def _read_backup(file: bytes, mac_key: bytes) -> backup.Backup:
    read, hashed, mac = backup.decode(file)
    backup.check_mac(mac_key, hashed, mac)
    return read


def _restore(vector: dict) -> None:
    """From the file and two shares to every value, as somebody without our code would."""
    file = raw(vector["file"])
    header = backup.decode_header(Reader(file))
    board = vector["slot_set"]["slots"][0]
    held = [from_text(each["text"])[0] for each in board["shares"][1:]]
    root_key = slots.open_slot(header.slots, None, raw(board["slot_id"]), held, [])
    read, hashed, mac = backup.decode(file)
    store_id = read.store_id
    ring_key = keyring.keyring_key(store_id, root_key)
    ring = keyring.decode(record.open_record({0: ring_key}, store_id, names.system("keyring"), read.entries[names.system("keyring")]))
    assert ring.slots_digest == slots.digest(header.slots) == slots.digest(read.entries[names.system("slots")])
    backup.check_mac(keyring.purpose(ring.purpose_key, "backup"), hashed, mac)
    terms = {term.term: term.key for term in ring.terms}
    summit = head.decode(record.open_record(terms, store_id, names.system("head"), read.entries[names.system("head")]))
    assert (summit.sequence, summit.keyring_generation) == (read.sequence, ring.generation)
    name_keys = names.keys(ring.names[0].key, store_id, ring.names[0].generation)
    found = {}
    for place, sealed in read.entries.items():
        if place[0] == names.ENTRY_SPACE:
            found[place] = (names.open_place(name_keys, place), entry.decode(record.open_record(terms, store_id, place, sealed)))
    assert len(found) == len(vector["entries"]) == sum(use.live_records for use in summit.terms)
    for expected in vector["entries"]:
        name, content = found[names.place(name_keys, ring.root_id, expected["path"]).storage_key]
        assert expected["path"].endswith(name)
        assert (content is None) == (expected["value"] is None)
        if content is not None:
            assert content[:2] == (expected["revision"], raw(expected["value"]))


def envelopes(vectors: dict) -> int:
    openers = {"small": envelope.open_small, "streams": envelope.open_stream}
    for form, opener in openers.items():
        for vector in vectors[form]:
            assert opener(_unwrapping(vector), raw(vector["associated"]), raw(vector["object"])) == raw(vector["plaintext"])
        for vector in vectors[f"refused_{form}"]:
            refuses(vector["reason"], opener, _unwrapping(vector), raw(vector["associated"]), raw(vector["object"]))
    return sum(len(part) for part in vectors.values() if isinstance(part, list))


def _unwrapping(vector: dict) -> envelope.Unwrap:
    """In the place of a wrapping key: knows the wrapped keys of one vector, each in its context."""

    def unwrap(wrapped: envelope.Wrapped, context: bytes) -> bytes:
        for key in vector["keys"]:
            known = envelope.Wrapped(key["name"].encode(), key["version"], raw(key["wrapped"]))
            if wrapped == known and context == raw(vector["context"]):
                return raw(key["data_key"])
        raise Refused("unwrapping")

    return unwrap


def audit_chains(vectors: dict) -> int:
    for vector in vectors["sealed"]:
        records = audit.verify(raw(vector["chain"]), vector["purpose"], raw(vector["key"]))
        assert len(records) == vector["lines"]
    for vector in vectors["growing"]:
        arguments = raw(vector["chain"]), vector["purpose"], raw(vector["key"])
        refuses("unfinished", audit.verify, *arguments)
        if vector["good"]:
            audit.verify(*arguments, growing=True)
    for vector in vectors["refused"]:
        refuses(vector["reason"], audit.verify, raw(vector["chain"]), vector["purpose"], raw(vector["key"]))
    return sum(len(vectors[name]) for name in ("sealed", "growing", "refused"))


CHECKS = {
    "records.json": records,
    "storage_keys.json": storage_keys,
    "entries.json": entries,
    "heads.json": heads,
    "keyrings.json": keyrings,
    "policies.json": policies,
    "shares.json": shares,
    "slots.json": slot_sets,
    "rewraps.json": rewraps,
    "backups.json": backups,
    "envelopes.json": envelopes,
    "audit_chains.json": audit_chains,
}


def run(file: str) -> int:
    vectors = json.loads((HERE / file).read_text())
    return CHECKS[file](vectors)
