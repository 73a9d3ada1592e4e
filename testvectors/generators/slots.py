"""slots.json: section Slots. Sets of each suite, opened by several quorums and HSMs; and attacks on them."""

from dataclasses import replace

from strongroom_formats import hpke, slots
from strongroom_formats.primitives import sha256
from strongroom_formats.share import Share
from strongroom_formats.slots import Slot, SlotSet

from . import hsm_slots
from .policies import GROUPS, ONE_OF_ONE, ONE_OF_THREE, THREE_OF_FIVE, TWO_OF_THREE
from .seeds import OTHER_STORE_ID, ROOT_KEY, STORE_ID, draw, flip
from .slot import P256, XWING, Made, make_slot, set_vector, texts

FILE = "slots.json"


def make() -> dict:
    xwing = [
        make_slot("board", THREE_OF_FIVE, XWING, 4, number=1),
        make_slot("groups", GROUPS, XWING, 4, number=2),
        make_slot("alone", ONE_OF_ONE, XWING, 4, number=3),
    ]
    p256 = [
        make_slot("board, P-256", THREE_OF_FIVE, P256, 9, number=1),
        make_slot("groups, P-256", GROUPS, P256, 9, number=2),
        make_slot("alone, P-256", ONE_OF_ONE, P256, 9, number=3),
        make_slot("any of three, P-256", ONE_OF_THREE, P256, 9, number=4),
        make_slot("pending, P-256", TWO_OF_THREE, P256, 9, pending=True, number=5),
    ]
    xwing_set = SlotSet(STORE_ID, 4, [made.slot for made in xwing])
    p256_set = SlotSet(STORE_ID, 9, [made.slot for made in p256])
    with_hsms = hsm_slots.make()
    return {
        "sets": [
            set_vector("X-Wing", xwing_set, xwing, ROOT_KEY),
            set_vector("P-256", p256_set, p256, ROOT_KEY),
            *with_hsms["sets"],
        ],
        "opened": _opened("X-Wing", xwing) + _opened("P-256", p256) + with_hsms["opened"],
        "refused_sets": _refused_sets(xwing_set.encode(), p256_set) + with_hsms["refused_sets"],
        "refused_openings": _refused_openings("X-Wing", xwing_set, xwing)
        + _refused_openings("P-256", p256_set, p256)
        + with_hsms["refused_openings"],
    }


def _opened(name: str, made: list[Made]) -> list[dict]:
    board, groups, alone, *more = made
    quorums = [
        ("the first three", board, [0, 1, 2]),
        ("the last three, from the last", board, [4, 3, 2]),
        ("one, three and five", board, [0, 2, 4]),
        ("all five", board, [0, 1, 2, 3, 4]),
        ("security and operations", groups, [0, 1, 3]),
        ("security and operations, others", groups, [1, 2, 4]),
        ("operations and board", groups, [4, 5, 6, 7]),
        ("security and board, mixed, one of operations too many", groups, [7, 2, 5, 3, 0, 6]),
        ("the only share", alone, [0]),
    ]
    if more:
        quorums += [(f"share {number + 1} of three", more[0], [number]) for number in range(3)]
    return [
        {
            "name": quorum,
            "set": name,
            "slot_id": each.slot.slot_id,
            "shares": texts([each.shares[place] for place in places]),
            "root_key": ROOT_KEY,
        }
        for quorum, each, places in quorums
    ]


def _reseal(body: bytes) -> bytes:
    return body + sha256(body)


def _pending_without_a_time(pending: Slot) -> bytes:
    stored = SlotSet(STORE_ID, 9, [pending]).encode()[:-32]
    after_state = 4 + 1 + 16 + 8 + 1 + 16 + 1
    return _reseal(stored[:after_state] + stored[after_state + 8 :])


def _refused_sets(stored: bytes, p256_set: SlotSet) -> list[dict]:
    body = stored[:-32]
    slot_state = 4 + 1 + 16 + 8 + 1 + 16
    suite = slot_state + 1 + 8 + 1 + len("board")
    short = replace(p256_set.slots[0], commitments=p256_set.slots[0].commitments[:4])
    first, disguise = p256_set.slots[0], "name holds a character that may disguise it"
    no_fit = "wrapped root key does not fit the state and suite"
    many = [replace(p256_set.slots[2], slot_id=bytes([number] * 16), label=f"slot {number}") for number in range(33)]
    alone = replace(p256_set.slots[2], commitments=[draw("a commitment too many")])
    pending = p256_set.slots[4]
    wrapped = replace(pending, wrapped=b"\x01" * 113)
    untimed, no_time = _pending_without_a_time(pending), "no cooling-off time ends then"

    def of(*these: Slot) -> bytes:
        return SlotSet(STORE_ID, 9, list(these)).encode()

    vectors = [
        ("nothing", "checksum does not match", b""),
        ("checksum changed", "checksum does not match", flip(stored, -1)),
        ("a byte changed", "checksum does not match", flip(stored, 100)),
        ("last byte missing", "checksum does not match", stored[:-1]),
        ("another magic", "wrong magic", _reseal(flip(body, 0))),
        ("version 0", "unknown version", _reseal(flip(body, 4, 1))),
        ("version 2", "unknown version", _reseal(flip(body, 4, 3))),
        ("more slots than there are", "truncated", _reseal(flip(body, 29, 4))),
        ("33 slots", "more than 32 slots", SlotSet(STORE_ID, 9, many).encode()),
        ("fewer slots than there are", "bytes after the end", _reseal(flip(body, 29, 1))),
        ("slot state 0", "unknown state of a slot", _reseal(flip(body, slot_state, 2))),
        ("slot state 3", "unknown state of a slot", _reseal(flip(body, slot_state, 1))),
        ("suite 0", "unknown suite", _reseal(flip(body, suite + 1, 1))),
        ("a commitment missing", "commitments do not fit the policy", of(short)),
        ("a commitment for 1 of 1", "commitments do not fit the policy", of(alone)),
        ("active without a wrapped root key", no_fit, of(replace(first, wrapped=b""))),
        ("pending with a wrapped root key", no_fit, of(wrapped)),
        ("pending until long before it was made", no_time, of(replace(pending, not_before=1))),
        ("pending until a second before it was made", no_time, of(replace(pending, not_before=pending.created - 1))),
        ("pending for a second more than 6 days", no_time, of(replace(pending, not_before=pending.created + 6 * 86400 + 1))),
        ("pending until the end of time", no_time, of(replace(pending, not_before=2**64 - 1))),
        ("pending as it was written before there was such a time", no_time, untimed),
        ("wrapped root key shortened", no_fit, of(replace(first, wrapped=first.wrapped[:-1]))),
        ("wrapped root key shorter than an encapsulated key", no_fit, of(replace(first, wrapped=first.wrapped[:9]))),
        ("public key shortened", "public key does not fit the suite", of(replace(first, public_key=first.public_key[:-1]))),
        ("suite of another public key", "public key does not fit the suite", of(replace(first, suite=XWING))),
        ("two slots of one id", "two slots of one id", of(first, replace(first, label="another"))),
        ("two slots of one label", "two slots of one label and state", of(first, replace(first, slot_id=bytes(16)))),
        ("an empty label", "name is empty or has a space at an end", of(replace(first, label=""))),
        ("a label with a space after", "name is empty or has a space at an end", of(replace(first, label="a "))),
        ("a label that clears the screen", disguise, of(replace(first, label="a\x1b[2Jb"))),
        ("a label with a character that does not show", disguise, of(replace(first, label="a\u200bb"))),
        ("a label with a space that does not break", disguise, of(replace(first, label="a\u00a0b"))),
    ]
    return [{"name": name, "reason": reason, "stored": refused} for name, reason, refused in vectors]


def _refused_openings(name: str, slot_set: SlotSet, made: list[Made]) -> list[dict]:
    """Faults of holders, then attacks by whoever can write to the storage."""
    board, groups, alone, *more = made
    slot, kem = board.slot, slots.SUITES[board.slot.suite]
    quorum = board.shares[:3]
    planted_root = draw("planted root key")
    foreign = make_slot("foreign", THREE_OF_FIVE, slot.suite, slot_set.generation, store_id=OTHER_STORE_ID)
    attacker = make_slot(f"attacker {name}", THREE_OF_FIVE, slot.suite, slot_set.generation, root_key=planted_root)
    older = make_slot(slot.label, THREE_OF_FIVE, slot.suite, slot_set.generation - 1)
    alone_attacker = make_slot(f"attacker alone {name}", ONE_OF_ONE, slot.suite, slot_set.generation, root_key=planted_root)

    base = hpke.seal_base(kem, slot.public_key, draw(f"{name}: planted", kem.randomness_length), board.info, planted_root)
    guessed = hpke.seal_psk(
        kem, slot.public_key, draw(f"{name}: planted", kem.randomness_length), board.info, bytes(32), slot.slot_id, planted_root
    )

    def only(attacked: Slot = slot, **changes) -> SlotSet:
        return SlotSet(STORE_ID, slot_set.generation, [replace(attacked, **changes)])

    def refusal(what: str, reason: str, shares: list[Share], *, which=board, attacked: SlotSet | None = None) -> dict:
        return {
            "name": what,
            "set": name,
            "reason": reason,
            "stored": None if attacked is None else attacked.encode(),
            "slot_id": which.slot.slot_id,
            "shares": texts(shares),
        }

    wrong_y = replace(quorum[2], y=flip(quorum[2].y, 31))
    wrong_index = replace(quorum[2], index=4)
    alone_wrong = replace(alone.shares[0], y=flip(alone.shares[0].y, 0))
    of_another = "share of another set"
    vectors = [
        refusal("no share", "too few shares", []),
        refusal("two of three", "too few shares", quorum[:2]),
        refusal("one share twice", "share given twice", [*quorum[:2], quorum[1]]),
        refusal("a wrong share", "share differs from its commitment", [*quorum[:2], wrong_y]),
        refusal("a wrong share first, with a full quorum", "share differs from its commitment", [wrong_y, *board.shares[2:]]),
        refusal("a share renumbered", "share differs from its commitment", [*quorum[:2], wrong_index]),
        refusal("an index that is not", "policy has no such share", [*quorum[:2], replace(quorum[2], index=6)]),
        refusal("a group that is not", "policy has no such share", [*quorum[:2], replace(quorum[2], group=1)]),
        refusal("another threshold", "policy has no such share", [*quorum[:2], replace(quorum[2], threshold=2)]),
        refusal("a share of another slot", of_another, [*quorum[:2], groups.shares[0]]),
        refusal("a share of another store", of_another, [*quorum[:2], foreign.shares[2]]),
        refusal("one group alone", "too few shares", groups.shares[:3], which=groups),
        refusal("one of each group but operations", "too few shares", [groups.shares[0], *groups.shares[5:7]], which=groups),
        refusal("a share moved between groups", "share differs from its commitment", [replace(groups.shares[0], group=3, threshold=3)], which=groups),
        refusal("the wrong share of 1 of 1", "shares do not yield the slot's public key", [alone_wrong], which=alone),
        refusal("root key planted in mode_base", "forged", quorum, attacked=only(wrapped=base.enc + base.ciphertext)),
        refusal("root key planted with a guessed psk", "forged", quorum, attacked=only(wrapped=guessed.enc + guessed.ciphertext)),
        refusal("root key wrapped in an older generation", "forged", quorum, attacked=only(wrapped=older.slot.wrapped)),
        refusal("wrapped root key of another slot", "forged", quorum, attacked=only(wrapped=alone.slot.wrapped)),
        refusal("wrapped root key changed", "forged", quorum, attacked=only(wrapped=flip(slot.wrapped, -1))),
        refusal("encapsulated key changed", "forged", quorum, attacked=only(wrapped=_change_enc(slot))),
        refusal("generation changed", "forged", quorum, attacked=replace(only(), generation=slot_set.generation + 1)),
        refusal("public key of another", of_another, quorum, attacked=only(public_key=attacker.slot.public_key)),
        refusal("commitments of another", of_another, quorum, attacked=only(commitments=attacker.slot.commitments)),
        refusal("policy weakened", of_another, quorum, attacked=only(policy=replace(THREE_OF_FIVE, threshold=2))),
        refusal("store id changed", of_another, quorum, attacked=replace(only(), store_id=OTHER_STORE_ID)),
        refusal(
            "slot of another under this id",
            of_another,
            quorum,
            attacked=only(attacker.slot, slot_id=slot.slot_id),
        ),
        refusal(
            "1 of 1, public key and wrapped root key of another",
            of_another,
            alone.shares,
            which=alone,
            attacked=only(alone.slot, public_key=alone_attacker.slot.public_key, wrapped=alone_attacker.slot.wrapped),
        ),
        refusal("slot that is not", "no such slot", quorum, attacked=only(alone.slot)),
    ]
    if more:
        pending = more[1]
        vectors.append(refusal("a pending slot", "slot is pending", pending.shares[:2], which=pending))
    return vectors


def _change_enc(slot: Slot) -> bytes:
    """Another valid encapsulated key: for P-256 the point's negative would need arithmetic, so another pair's public key."""
    if slot.suite == P256:
        other = hpke.P256.derive_key_pair(draw("another encapsulated key")).public_key
        return other + slot.wrapped[len(other) :]
    return flip(slot.wrapped, 0)
