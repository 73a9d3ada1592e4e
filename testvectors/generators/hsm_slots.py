"""What slots.json has of slots that keys in HSMs open, alone or together with shares."""

from dataclasses import dataclass, replace

from strongroom_formats import hpke, slots
from strongroom_formats.policy import All, Hsm, Policy, Shamir
from strongroom_formats.share import Share
from strongroom_formats.slots import SlotSet

from .policies import GROUPS_BETWEEN_HSMS, HSM, SHARES_AND_HSM, TWO_OF_THREE
from .seeds import OTHER_STORE_ID, ROOT_KEY, STORE_ID, draw, flip
from .slot import P256, XWING, Made, make_slot, set_vector, texts

ANY_OF_TWO_AND_HSM = All((Shamir(1, 2), HSM))
TWO_HSMS = All((Hsm("main", "first"), Hsm("main", "second")))

OF_ANOTHER = "share of another set"
NOT_AT_HAND = "key in an HSM is not at hand"
NOT_UNWRAPPED = "HSM does not unwrap the secret"
WRONG_SECRET = "secret of an HSM differs from its commitment"
OTHER_PUBLIC_KEY = "shares do not yield the slot's public key"


@dataclass
class MadeSet:
    name: str
    slot_set: SlotSet
    alone: Made
    shares: Made
    groups: Made
    more: list[Made]

    def vector(self) -> dict:
        return set_vector(self.name, self.slot_set, [self.alone, self.shares, self.groups, *self.more], ROOT_KEY)

    def only(self, made: Made, **changes) -> SlotSet:
        return replace(self.slot_set, slots=[replace(made.slot, **changes)])


def make() -> dict:
    xwing, p256 = _make_set("X-Wing, HSMs", XWING, 5), _make_set("P-256, HSMs", P256, 11)
    replaced = _make_set("P-256, HSMs", P256, 12, wrapping="wrapped anew")
    replaced.name = "P-256, HSMs, each key replaced"
    return {
        "sets": [xwing.vector(), p256.vector(), replaced.vector()],
        "opened": _opened(xwing) + _opened(p256) + _opened(replaced, shares_of=p256),
        "refused_sets": _refused_sets(p256),
        "refused_openings": _refused_openings(xwing) + _refused_openings(p256) + _refused_more(p256),
    }


def _make_set(name: str, suite: int, generation: int, *, wrapping="wrapped") -> MadeSet:
    def slot(what: str, policy: Policy, number: int, **state) -> Made:
        label = f"{what}, {name}"
        return make_slot(label, policy, suite, generation, number=number, wrapping=wrapping, **state)

    alone, shares = slot("HSM", HSM, 1), slot("board", SHARES_AND_HSM, 2)
    groups, more = slot("groups", GROUPS_BETWEEN_HSMS, 3), []
    if suite == P256:
        more = [
            slot("any of two", ANY_OF_TWO_AND_HSM, 4),
            slot("two keys", TWO_HSMS, 5),
            slot("pending", SHARES_AND_HSM, 6, pending=True, cooling_off=slots.MAX_COOLING_OFF),
            slot("pending HSM", HSM, 7, pending=True, cooling_off=1),
        ]
    made = [alone, shares, groups, *more]
    return MadeSet(name, SlotSet(STORE_ID, generation, [each.slot for each in made]), alone, shares, groups, more)


def _answer(made: Made, number: int, secret: bytes | None = None) -> dict:
    """What an HSM at hand answers to the wrapped secret that the set's slot has under this number, in its context."""
    right = made.hsms[number - 1].secret
    return {"slot_id": made.slot.slot_id, "number": number, "secret": right if secret is None else secret}


def _opened(of: MadeSet, shares_of: MadeSet | None = None) -> list[dict]:
    held = shares_of or of
    quorums = [
        ("the HSM alone", of.alone, [], [1]),
        ("the first two and the HSM", of.shares, held.shares.shares[:2], [1]),
        ("the last two, from the last, and the HSM", of.shares, [held.shares.shares[2], held.shares.shares[1]], [1]),
        ("all three and the HSM", of.shares, held.shares.shares, [1]),
        ("security, operations and both HSMs", of.groups, [held.groups.shares[place] for place in (0, 1, 3)], [1, 2]),
        ("operations, board and both HSMs", of.groups, held.groups.shares[4:], [2, 1]),
    ]
    if of.more:
        any_of_two, two_hsms = of.more[:2]
        quorums += [
            ("the first of two and the HSM", any_of_two, held.more[0].shares[:1], [1]),
            ("the second of two and the HSM", any_of_two, held.more[0].shares[1:], [1]),
            ("two keys in HSMs", two_hsms, [], [1, 2]),
        ]
    return [
        {
            "name": name,
            "set": of.name,
            "slot_id": made.slot.slot_id,
            "shares": texts(shares),
            "hsms": [_answer(made, number) for number in numbers],
            "root_key": ROOT_KEY,
        }
        for name, made, shares, numbers in quorums
    ]


def _refused_sets(of: MadeSet) -> list[dict]:
    alone, shares, groups = of.alone.slot, of.shares.slot, of.groups.slot
    pending, a_commitment = of.more[2].slot, draw("a commitment too many")
    no_fit, length = "commitments do not fit the policy", "secret wrapped by an HSM is empty or too long"
    wrapped_root = "wrapped root key does not fit the state and suite"
    vectors = [
        ("a key without its commitment", no_fit, alone, {"commitments": []}),
        ("a key with two commitments", no_fit, alone, {"commitments": [*alone.commitments, a_commitment]}),
        ("shares and a key without a commitment", no_fit, shares, {"commitments": []}),
        ("shares and a key, a commitment of the shares alone", no_fit, shares, {"commitments": shares.commitments[:3]}),
        ("shares and a key, a commitment of the key alone", no_fit, shares, {"commitments": shares.commitments[3:]}),
        ("shares and a key, a commitment too many", no_fit, shares, {"commitments": [*shares.commitments, a_commitment]}),
        ("groups and two keys, a commitment missing", no_fit, groups, {"commitments": groups.commitments[:-1]}),
        ("wrapped secret of no bytes", length, alone, {"wrapped_secrets": [b""]}),
        ("wrapped secret of 4097 bytes", length, alone, {"wrapped_secrets": [draw("too long", 4097)]}),
        ("second of two wrapped secrets of no bytes", length, groups, {"wrapped_secrets": [groups.wrapped_secrets[0], b""]}),
        ("wrapped secret of no bytes while pending", length, pending, {"wrapped_secrets": [b""]}),
        # What is missing is made up of what follows: the root key is taken for the secret, and then the bytes end.
        ("wrapped secret missing", "truncated", alone, {"wrapped_secrets": []}),
        ("a wrapped secret too many", wrapped_root, alone, {"wrapped_secrets": 2 * alone.wrapped_secrets}),
        ("a wrapped secret in a slot without a key", wrapped_root, alone, {"policy": TWO_OF_THREE, "commitments": 3 * [a_commitment]}),
        ("a key and no wrapped root key", wrapped_root, alone, {"wrapped": b""}),
        ("pending with a key and a wrapped root key", wrapped_root, pending, {"wrapped": b"\x01" * 113}),
    ]
    return [
        {"name": name, "reason": reason, "stored": SlotSet(STORE_ID, 11, [replace(slot, **changes)]).encode()}
        for name, reason, slot, changes in vectors
    ]


def _refusal(
    of: MadeSet, name: str, reason: str, which: Made, shares: list[Share], hsms: list[int | dict], attacked: SlotSet | None
) -> dict:
    return {
        "name": name,
        "set": of.name,
        "reason": reason,
        "stored": None if attacked is None else attacked.encode(),
        "slot_id": which.slot.slot_id,
        "shares": texts(shares),
        "hsms": [_answer(which, each) if isinstance(each, int) else each for each in hsms],
    }


def _refused_openings(of: MadeSet) -> list[dict]:
    """Parts that are missing or wrong, then attacks by whoever can write to the storage."""
    alone, shares, groups = of.alone, of.shares, of.groups
    quorum, of_groups = shares.shares[:2], groups.shares[3:8]
    slot, kem = alone.slot, slots.SUITES[alone.slot.suite]
    planted_root = draw("planted root key")
    attacker = make_slot(f"attacker {of.name}", HSM, slot.suite, of.slot_set.generation, root_key=planted_root)
    older = make_slot(slot.label, HSM, slot.suite, of.slot_set.generation - 1)
    base = hpke.seal_base(kem, slot.public_key, draw(f"{of.name}: planted", kem.randomness_length), alone.info, planted_root)
    renamed = Hsm("attacker", "root")

    def wrong(made: Made, number: int) -> dict:
        return _answer(made, number, flip(made.hsms[number - 1].secret, 31))

    def swapped(made: Made) -> list[dict]:
        return [_answer(made, 1, made.hsms[1].secret), _answer(made, 2, made.hsms[0].secret)]

    def other_commitment(made: Made) -> list[bytes]:
        return [*made.slot.commitments[:-1], flip(made.slot.commitments[-1], 0)]

    without_hsm = of.only(shares, policy=TWO_OF_THREE, commitments=shares.slot.commitments[:3], wrapped_secrets=[])
    both = [1, 2]
    vectors = [
        ("no HSM", NOT_AT_HAND, alone, [], [], None),
        ("a quorum without the HSM", NOT_AT_HAND, shares, quorum, [], None),
        ("all shares without the HSM", NOT_AT_HAND, shares, shares.shares, [], None),
        ("the HSM without a share", "too few shares", shares, [], [1], None),
        ("the HSM and one share", "too few shares", shares, quorum[:1], [1], None),
        ("both HSMs without a share", "too few shares", groups, [], both, None),
        ("both HSMs and one group", "too few shares", groups, groups.shares[:3], both, None),
        ("the first of two HSMs", NOT_AT_HAND, groups, of_groups, [1], None),
        ("the second of two HSMs", NOT_AT_HAND, groups, of_groups, [2], None),
        ("neither of two HSMs", NOT_AT_HAND, groups, of_groups, [], None),
        ("a wrong secret of the HSM alone", WRONG_SECRET, alone, [], [wrong(alone, 1)], None),
        ("a wrong secret of the HSM, with a quorum", WRONG_SECRET, shares, quorum, [wrong(shares, 1)], None),
        ("a wrong secret of the first HSM", WRONG_SECRET, groups, of_groups, [wrong(groups, 1), 2], None),
        ("a wrong secret of the second HSM", WRONG_SECRET, groups, of_groups, [1, wrong(groups, 2)], None),
        ("the secrets of two HSMs exchanged", WRONG_SECRET, groups, of_groups, swapped(groups), None),
        (
            "a wrong share, with the HSM",
            "share differs from its commitment",
            shares,
            [quorum[0], replace(quorum[1], y=flip(quorum[1].y, 0))],
            [1],
            None,
        ),
        ("a share of another slot, with the HSM", OF_ANOTHER, shares, [quorum[0], groups.shares[0]], [1], None),
        ("a share of a slot without shares", "policy has no such share", alone, [_share_of(alone)], [1], None),
        ("wrapped secret changed", NOT_UNWRAPPED, alone, [], [1], of.only(alone, wrapped_secrets=[flip(slot.wrapped_secrets[0], 0)])),
        (
            "wrapped secret of another slot",
            NOT_UNWRAPPED,
            shares,
            quorum,
            [1, _answer(alone, 1)],
            of.only(shares, wrapped_secrets=slot.wrapped_secrets),
        ),
        (
            "wrapped secrets of two HSMs exchanged",
            NOT_UNWRAPPED,
            groups,
            of_groups,
            both,
            of.only(groups, wrapped_secrets=groups.slot.wrapped_secrets[::-1]),
        ),
        ("key of another token", NOT_AT_HAND, alone, [], [1], of.only(alone, policy=renamed)),
        ("store id changed", NOT_UNWRAPPED, alone, [], [1], replace(of.only(alone), store_id=OTHER_STORE_ID)),
        ("commitment of the HSM alone changed", WRONG_SECRET, alone, [], [1], of.only(alone, commitments=other_commitment(alone))),
        ("commitment of the HSM changed", OF_ANOTHER, shares, quorum, [1], of.only(shares, commitments=other_commitment(shares))),
        ("HSM left out of the policy", OF_ANOTHER, shares, quorum, [1], without_hsm),
        ("HSM and shares in another order", OF_ANOTHER, shares, quorum, [1], of.only(shares, policy=All((HSM, TWO_OF_THREE)))),
        ("public key of another", OTHER_PUBLIC_KEY, alone, [], [1], of.only(alone, public_key=attacker.slot.public_key)),
        ("root key planted in mode_base", "forged", alone, [], [1], of.only(alone, wrapped=base.enc + base.ciphertext)),
        ("root key wrapped in an older generation", "forged", alone, [], [1], of.only(alone, wrapped=older.slot.wrapped)),
        ("wrapped root key of another slot", "forged", shares, quorum, [1], of.only(shares, wrapped=slot.wrapped)),
        ("wrapped root key changed", "forged", shares, quorum, [1], of.only(shares, wrapped=flip(shares.slot.wrapped, -1))),
        ("generation changed", "forged", alone, [], [1], replace(of.only(alone), generation=of.slot_set.generation + 1)),
    ]
    return [_refusal(of, *each) for each in vectors]


def _refused_more(of: MadeSet) -> list[dict]:
    any_of_two, two_hsms, pending, pending_hsm = of.more
    share = any_of_two.shares[0]
    wrong = replace(share, y=flip(share.y, 0))
    vectors = [
        ("1 of 2 without the HSM", NOT_AT_HAND, any_of_two, [share], [], None),
        ("the HSM without any of two", "too few shares", any_of_two, [], [1], None),
        ("a wrong share of 1 of 2, with the HSM", "share differs from its commitment", any_of_two, [wrong], [1], None),
        ("the first of two keys alone", NOT_AT_HAND, two_hsms, [], [1], None),
        ("the second of two keys alone", NOT_AT_HAND, two_hsms, [], [2], None),
        ("a pending slot of shares and an HSM", "slot is pending", pending, pending.shares[:2], [1], None),
        ("a pending slot of an HSM", "slot is pending", pending_hsm, [], [1], None),
    ]
    refused = [_refusal(of, *each) for each in vectors]
    other_id = draw("another slot id", 16)
    moved = _refusal(of, "another slot id", NOT_UNWRAPPED, of.alone, [], [1], of.only(of.alone, slot_id=other_id))
    return [*refused, {**moved, "slot_id": other_id}]


def _share_of(made: Made) -> Share:
    """Whole, and of the right set, though nobody was given it."""
    return Share(slots.set_id(STORE_ID, made.slot), 0, 1, 1, draw("a share that was never given"))
