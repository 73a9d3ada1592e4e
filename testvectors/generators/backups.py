"""backups.json: section Backup. A small store, complete: slots, keyring, head and entries under two terms; once in each suite."""

from strongroom_formats import backup, entry, keyring, names, record, slots
from strongroom_formats.backup import Backup
from strongroom_formats.head import Head, TermUse
from strongroom_formats.keyring import Keyring, NamesGeneration, SlotSecret, Term
from strongroom_formats.primitives import hmac, sha256
from strongroom_formats.wire import u16, u64

from .policies import ONE_OF_ONE, TWO_OF_THREE
from .seeds import CREATED, ROOT_ID, ROOT_KEY, STORE_ID, draw, flip
from .slot import P256, XWING, make_slot, set_vector

FILE = "backups.json"

SLOTS_GENERATION, KEYRING_GENERATION, SEQUENCE = 1, 2, 6
TERM_KEYS = {1: draw("backup term key 1"), 2: draw("backup term key 2")}
NAMES_KEY = draw("backup names key")

# Path, term, revision, value: a directory has neither of the last two.
CONTENT = [
    ("database/", 1, None, None),
    ("database/password", 1, 2, b"correct horse battery staple"),
    ("database/replicas/", 1, None, None),
    ("database/replicas/eu-central", 1, 3, draw("backup value", 300)),
    ("readme", 2, 5, "Grüße".encode()),
    ("empty", 2, 6, b""),
]


def make() -> dict:
    xwing, _, _ = _store("X-Wing", XWING)
    p256, whole, mac_key = _store("P-256", P256)
    return {"accepted": [xwing, p256], "refused": _refused(whole, mac_key)}


def _store(name: str, suite: int) -> tuple[dict, Backup, bytes]:
    made = [
        make_slot(f"backup board, {name}", TWO_OF_THREE, suite, SLOTS_GENERATION),
        make_slot(f"backup break-glass, {name}", ONE_OF_ONE, P256, SLOTS_GENERATION, number=2),
    ]
    slot_set = slots.SlotSet(STORE_ID, SLOTS_GENERATION, [each.slot for each in made])
    stored_slots = slot_set.encode()
    ring = _keyring(stored_slots, made)
    entries, described = _entries()
    entries |= {
        names.system("slots"): stored_slots,
        names.system("keyring"): _seal("keyring", 0, keyring.keyring_key(STORE_ID, ROOT_KEY), ring.encode()),
        names.system("head"): _seal("head", 2, TERM_KEYS[2], _head().encode()),
    }
    mac_key = keyring.purpose(ring.purpose_key, "backup")
    whole = Backup(STORE_ID, CREATED + 1_000, SEQUENCE, stored_slots, entries)
    return _vector(name, whole, mac_key, ring, set_vector("backup", slot_set, made, ROOT_KEY), described), whole, mac_key


def _keyring(stored_slots: bytes, made: list) -> Keyring:
    return Keyring(
        STORE_ID,
        KEYRING_GENERATION,
        SLOTS_GENERATION,
        slots.digest(stored_slots),
        90 * 86_400,
        0,
        ROOT_ID,
        draw("backup purpose key"),
        [NamesGeneration(1, keyring.NAMES_ACTIVE, NAMES_KEY)],
        [SlotSecret(each.slot.slot_id, each.keys.psk) for each in made],
        [
            Term(1, keyring.DEACTIVATED, CREATED, CREATED + 500, 0, TERM_KEYS[1]),
            Term(2, keyring.ACTIVE, CREATED + 500, 0, 0, TERM_KEYS[2]),
        ],
    )


def _head() -> Head:
    live = {term: sum(each[1] == term for each in CONTENT) for term in TERM_KEYS}
    uses = [TermUse(1, live[1], 8, 64), TermUse(2, live[2], 5, 40)]
    return Head(SEQUENCE, draw("backup previous head"), KEYRING_GENERATION, SLOTS_GENERATION, 1, 0, uses)


def _seal(name: str, term: int, term_key: bytes, plaintext: bytes) -> bytes:
    salt, commit = draw(f"backup salt, {name}", 16), draw(f"backup commit, {name}", 4)
    return record.seal(term_key, STORE_ID, term, salt, commit, 0, names.system(name), plaintext).record


def _entries() -> tuple[dict[bytes, bytes], list[dict]]:
    keys = names.keys(NAMES_KEY, STORE_ID, 1)
    entries, described = {}, []
    for counter, (path, term, revision, value) in enumerate(CONTENT):
        place = names.place(keys, ROOT_ID, path).storage_key
        plaintext = b"" if value is None else entry.encode(revision, value, -(12 + len(value)) % 64)
        salt = draw(f"backup salt of term {term}", 16)
        entries[place] = record.seal(
            TERM_KEYS[term], STORE_ID, term, salt, draw("backup commit", 4), counter, place, plaintext
        ).record
        described.append(
            {
                "path": path,
                "term": term,
                "revision": revision,
                "value": value,
                "storage_key": place,
                "plaintext": plaintext,
                "record": entries[place],
            }
        )
    return entries, described


def _vector(name: str, whole: Backup, mac_key: bytes, ring: Keyring, slot_set: dict, described: list[dict]) -> dict:
    before = whole.before_mac()
    return {
        "name": name,
        "store_id": whole.store_id,
        "created": whole.created,
        "sequence": whole.sequence,
        "root_key": ROOT_KEY,
        "slot_set": slot_set,
        "keyring_generation": ring.generation,
        "keyring_plaintext": ring.encode(),
        "head_plaintext": _head().encode(),
        "terms": [{"term": term, "term_key": key} for term, key in TERM_KEYS.items()],
        "names_key": NAMES_KEY,
        "root_id": ROOT_ID,
        "entries": described,
        "stored_entries": len(whole.entries),
        "header": whole.header(),
        "purpose_key": ring.purpose_key,
        "mac_key": mac_key,
        "sha256_before_mac": sha256(before),
        "mac": hmac(mac_key, sha256(before)),
        "file": whole.encode(mac_key),
    }


def _refused(whole: Backup, mac_key: bytes) -> list[dict]:
    file = whole.encode(mac_key)
    header = len(whole.header())
    places = sorted(whole.entries)
    an_entry = next(place for place in places if place[0] == 1)
    mac = "authentication code does not match"

    def signed(before: bytes) -> bytes:
        return before + hmac(mac_key, sha256(before))

    def without(place: bytes) -> Backup:
        kept = {key: value for key, value in whole.entries.items() if key != place}
        return Backup(whole.store_id, whole.created, whole.sequence, whole.slots, kept)

    first = len(u16(0)) + 4 + len(places[0]) + len(whole.entries[places[0]])
    second = len(u16(0)) + 4 + len(places[1]) + len(whole.entries[places[1]])
    before = whole.before_mac()
    swapped = before[:header] + before[header + first : header + first + second] + before[header : header + first] + before[header + first + second :]
    repeated = before[: header + first] + before[header : header + first] + before[header + first : -8] + u64(len(places) + 1)

    def refusal(name: str, reason: str, refused: bytes) -> dict:
        return {"name": name, "reason": reason, "mac_key": mac_key, "file": refused}

    return [
        refusal("nothing", "truncated", b""),
        refusal("another magic", "wrong magic", flip(file, 0)),
        refusal("version 2", "unknown version", flip(file, 9, 3)),
        refusal("time of creation changed", "checksum of the header does not match", flip(file, 33)),
        refusal("slots changed", "checksum of the header does not match", flip(file, 200)),
        refusal("cut in the midst of an entry", "truncated", file[: header + 20]),
        refusal("cut before the end", "truncated", file[: header + first + second]),
        refusal("last byte missing", "truncated", file[:-1]),
        refusal("a byte too many", "bytes after the end", file + b"\0"),
        refusal("a value changed", mac, flip(file, header + first - 1)),
        refusal("authentication code changed", mac, flip(file, -1)),
        refusal("made with another key", mac, whole.encode(draw("another backup key"))),
        refusal("an entry taken out, the count adjusted", mac, without(an_entry).before_mac() + file[-32:]),
        refusal("the count alone changed", "count does not match", signed(before[:-8] + u64(len(places) + 1))),
        refusal("two entries swapped", "keys are not ascending", signed(swapped)),
        refusal("an entry twice", "keys are not ascending", signed(repeated)),
    ]
