"""Slots: how the root key is wrapped, and how shares and keys in HSMs open it."""

from dataclasses import dataclass, field
from typing import Callable

from . import hpke, policy as policies, shamir
from .labels import check_label
from .policy import Groups, Hsm, Policy, Shamir, Sharing
from .primitives import hkdf, hkdf_expand, sha256
from .share import Share
from .wire import Reader, Refused, bytes8, bytes16, fixed, u8, u16, u64

MAGIC = b"SRSL"
VERSION = 1
PENDING, ACTIVE = 1, 2
MAX_SLOTS = 32
MAX_COOLING_OFF = 6 * 24 * 60 * 60
MAX_WRAPPED_SECRET = 4096
SUITES: dict[int, hpke.Kem] = {1: hpke.XWing, 2: hpke.P256}


@dataclass
class Slot:
    slot_id: bytes
    state: int
    created: int
    label: str
    suite: int
    policy: Policy
    public_key: bytes
    commitments: list[bytes]
    wrapped: bytes
    wrapped_secrets: list[bytes] = field(default_factory=list)
    not_before: int = 0

    def encode(self) -> bytes:
        return (
            fixed(self.slot_id, 16)
            + u8(self.state)
            + (u64(self.not_before) if self.state == PENDING else b"")
            + u64(self.created)
            + bytes8(self.label.encode())
            + u16(self.suite)
            + bytes16(self.policy.encode())
            + bytes16(self.public_key)
            + u16(len(self.commitments))
            + b"".join(self.commitments)
            + b"".join(bytes16(secret) for secret in self.wrapped_secrets)
            + bytes16(self.wrapped)
        )


@dataclass
class SlotSet:
    store_id: bytes
    generation: int
    slots: list[Slot] = field(default_factory=list)

    def encode(self) -> bytes:
        body = (
            MAGIC
            + u8(VERSION)
            + fixed(self.store_id, 16)
            + u64(self.generation)
            + u8(len(self.slots))
            + b"".join(slot.encode() for slot in self.slots)
        )
        return body + sha256(body)


def decode(stored: bytes) -> SlotSet:
    if len(stored) < 32 or sha256(stored[:-32]) != stored[-32:]:
        raise Refused("checksum does not match")
    reader = Reader(stored[:-32])
    if reader.take(4) != MAGIC:
        raise Refused("wrong magic")
    if reader.u8() != VERSION:
        raise Refused("unknown version")
    slots = SlotSet(reader.take(16), reader.u64())
    count = reader.u8()
    if count > MAX_SLOTS:
        raise Refused("more than 32 slots")
    for _ in range(count):
        slot = _decode_slot(reader)
        if any(other.slot_id == slot.slot_id for other in slots.slots):
            raise Refused("two slots of one id")
        if any((other.label, other.state) == (slot.label, slot.state) for other in slots.slots):
            raise Refused("two slots of one label and state")
        slots.slots.append(slot)
    reader.end()
    return slots


def _decode_slot(reader: Reader) -> Slot:
    slot_id, state = reader.take(16), reader.u8()
    if state not in (PENDING, ACTIVE):
        raise Refused("unknown state of a slot")
    not_before = reader.u64() if state == PENDING else 0
    created = reader.u64()
    if not_before and not created <= not_before <= created + MAX_COOLING_OFF:
        raise Refused("no cooling-off time ends then")
    label = check_label(reader.bytes8())
    suite, policy, public_key = reader.u16(), policies.decode(reader.bytes16()), reader.bytes16()
    if suite not in SUITES:
        raise Refused("unknown suite")
    commitments = [reader.take(32) for _ in range(reader.u16())]
    if len(commitments) != commitment_count(policy):
        raise Refused("commitments do not fit the policy")
    wrapped_secrets = [reader.bytes16() for _ in policies.hsm_keys(policy)]
    if any(not 1 <= len(secret) <= MAX_WRAPPED_SECRET for secret in wrapped_secrets):
        raise Refused("secret wrapped by an HSM is empty or too long")
    wrapped = reader.bytes16()
    if len(public_key) != SUITES[suite].public_key_length:
        raise Refused("public key does not fit the suite")
    if len(wrapped) != (SUITES[suite].enc_length + 48 if state == ACTIVE else 0):
        raise Refused("wrapped root key does not fit the state and suite")
    return Slot(
        slot_id, state, created, label, suite, policy, public_key, commitments, wrapped, wrapped_secrets, not_before
    )


def digest(stored: bytes) -> bytes:
    """What the keyring holds of the slots, over the bytes as stored."""
    return sha256(b"strongroom slots digest" + stored)


def commitment_count(policy: Policy) -> int:
    return share_commitment_count(policy) + len(policies.hsm_keys(policy))


def share_commitment_count(policy: Policy) -> int:
    return 0 if isinstance(policy, Shamir) and policy.threshold == 1 else len(policies.holders(policy))


def commitment(store_id: bytes, slot_id: bytes, group: int, index: int, y: bytes) -> bytes:
    label = b"strongroom share commitment"
    return sha256(label + fixed(store_id, 16) + fixed(slot_id, 16) + u8(group) + u8(index) + fixed(y, 32))


def hsm_context(store_id: bytes, slot_id: bytes, number: int, policy: Policy) -> bytes:
    """What an HSM's key is told while it wraps and unwraps the secret of the part with this number."""
    slot = fixed(store_id, 16) + fixed(slot_id, 16) + u8(number)
    return sha256(b"strongroom slot hsm" + slot + bytes16(policy.encode()))


def hsm_commitment(store_id: bytes, slot_id: bytes, number: int, secret: bytes) -> bytes:
    slot = fixed(store_id, 16) + fixed(slot_id, 16) + u8(number)
    return sha256(b"strongroom hsm commitment" + slot + fixed(secret, 32))


def set_id_input(store_id: bytes, slot_id: bytes, suite: int, public_key: bytes, policy: Policy, commitments: list[bytes]) -> bytes:
    slot = fixed(store_id, 16) + fixed(slot_id, 16) + u16(suite) + bytes16(public_key) + bytes16(policy.encode())
    return b"strongroom share set" + slot + b"".join(commitments)


def set_id(store_id: bytes, slot: Slot) -> bytes:
    return sha256(set_id_input(store_id, slot.slot_id, slot.suite, slot.public_key, slot.policy, slot.commitments))[:16]


@dataclass
class SlotKeys:
    """What the secrets of a policy's parts yield for its slot."""

    kek: bytes
    hpke_seed: bytes
    pair: hpke.KeyPair
    psk: bytes


def derive(store_id: bytes, slot_id: bytes, policy: Policy, suite: int, secrets: list[bytes]) -> SlotKeys:
    info = b"strongroom slot kek" + fixed(slot_id, 16) + bytes16(policy.encode())
    kek = hkdf(fixed(store_id, 16), b"".join(fixed(secret, 32) for secret in secrets), info, 32)
    seed = hkdf_expand(kek, b"strongroom slot hpke", 32)
    psk = hkdf_expand(kek, b"strongroom slot psk", 32)
    return SlotKeys(kek, seed, SUITES[suite].derive_key_pair(seed), psk)


def wrap_info(store_id: bytes, slot_id: bytes, policy: Policy, suite: int, generation: int) -> bytes:
    slot = fixed(store_id, 16) + fixed(slot_id, 16) + bytes16(policy.encode()) + u16(suite)
    return b"strongroom slot" + slot + u64(generation)


def split(policy: Sharing, secret: bytes, draw: Callable[[str], bytes]) -> tuple[list[bytes], list[bytes]]:
    """Every share's y, in the order of the commitments, and each group's share. `draw` names each coefficient."""
    if isinstance(policy, Shamir):
        return _split_node(policy, secret, draw, "leaf"), []
    coefficients = [draw(f"groups x^{power}") for power in range(1, policy.required)]
    group_shares = shamir.split(secret, coefficients, list(range(1, len(policy.groups) + 1)))
    ys = []
    for number, ((_, node), share) in enumerate(zip(policy.groups, group_shares), start=1):
        ys += _split_node(node, share, draw, f"group {number}")
    return ys, group_shares


def _split_node(node: Shamir, secret: bytes, draw: Callable[[str], bytes], name: str) -> list[bytes]:
    coefficients = [draw(f"{name} x^{power}") for power in range(1, node.threshold)]
    return shamir.split(secret, coefficients, list(range(1, node.shares + 1)))


@dataclass
class HsmKey:
    """A key in an HSM, and the one wrapped secret that it unwraps, under the one context."""

    hsm: Hsm
    context: bytes
    wrapped: bytes
    secret: bytes


def unwrap(hsms: list[HsmKey], hsm: Hsm, context: bytes, wrapped: bytes) -> bytes:
    """What the HSMs at hand make of a wrapped secret; how a real one wraps is not for this section."""
    at_hand = [each for each in hsms if each.hsm == hsm]
    if not at_hand:
        raise Refused("key in an HSM is not at hand")
    for each in at_hand:
        if (each.context, each.wrapped) == (context, wrapped):
            return each.secret
    raise Refused("HSM does not unwrap the secret")


def open_slot(
    stored: bytes, expected_digest: bytes | None, slot_id: bytes, shares: list[Share], hsms: list[HsmKey]
) -> bytes:
    """The root key; every share and every HSM's secret is checked by itself before any are combined.

    Before the root key is known there is no keyring, and so no digest (`None`): then the caller must compare it after
    opening the keyring.
    """
    slots = decode(stored)
    if expected_digest is not None and digest(stored) != expected_digest:
        raise Refused("digest differs from the keyring's")
    slot = next((slot for slot in slots.slots if slot.slot_id == slot_id), None)
    if slot is None:
        raise Refused("no such slot")
    if slot.state != ACTIVE:
        raise Refused("slot is pending")
    seen: dict[tuple[int, int], bytes] = {}
    for share in shares:
        check_share(slots.store_id, slot, share)
        if (share.group, share.index) in seen:
            raise Refused("share given twice")
        seen[share.group, share.index] = share.y
    secrets, number = [], 0
    for part in policies.parts(slot.policy):
        if isinstance(part, Hsm):
            number += 1
            secrets.append(_unwrap_part(slots.store_id, slot, number, part, hsms))
        else:
            secrets.append(_combine(part, seen))
    derived = derive(slots.store_id, slot.slot_id, slot.policy, slot.suite, secrets)
    if derived.pair.public_key != slot.public_key:
        raise Refused("shares do not yield the slot's public key")
    info = wrap_info(slots.store_id, slot.slot_id, slot.policy, slot.suite, slots.generation)
    root_key = hpke.open_psk(SUITES[slot.suite], derived.pair, info, derived.psk, slot.slot_id, slot.wrapped)
    return fixed(root_key, 32)


def check_share(store_id: bytes, slot: Slot, share: Share) -> None:
    """Whether a share belongs to a slot and is whole, without any other share."""
    if share.set_id != set_id(store_id, slot):
        raise Refused("share of another set")
    holders = policies.holders(slot.policy)
    if (share.group, share.index, share.threshold) not in holders:
        raise Refused("policy has no such share")
    if share_commitment_count(slot.policy):
        expected = slot.commitments[holders.index((share.group, share.index, share.threshold))]
        if commitment(store_id, slot.slot_id, share.group, share.index, share.y) != expected:
            raise Refused("share differs from its commitment")


def _unwrap_part(store_id: bytes, slot: Slot, number: int, hsm: Hsm, hsms: list[HsmKey]) -> bytes:
    context = hsm_context(store_id, slot.slot_id, number, slot.policy)
    secret = unwrap(hsms, hsm, context, slot.wrapped_secrets[number - 1])
    expected = slot.commitments[share_commitment_count(slot.policy) + number - 1]
    if hsm_commitment(store_id, slot.slot_id, number, secret) != expected:
        raise Refused("secret of an HSM differs from its commitment")
    return secret


def _combine(policy: Sharing, shares: dict[tuple[int, int], bytes]) -> bytes:
    if isinstance(policy, Groups):
        groups = []
        for number, (_, node) in enumerate(policy.groups, start=1):
            own = [(index, y) for (group, index), y in sorted(shares.items()) if group == number]
            if len(own) >= node.threshold:
                groups.append((number, shamir.combine(own[: node.threshold])))
        if len(groups) < policy.required:
            raise Refused("too few shares")
        return shamir.combine(groups[: policy.required])
    own = [(index, y) for (_, index), y in sorted(shares.items())]
    if len(own) < policy.threshold:
        raise Refused("too few shares")
    return shamir.combine(own[: policy.threshold])
