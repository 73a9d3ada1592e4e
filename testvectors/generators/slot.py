"""One slot, and a set of slots, with every secret on the way."""

from dataclasses import dataclass

from strongroom_formats import hpke, policy as policies, slots
from strongroom_formats.policy import Hsm, Policy
from strongroom_formats.primitives import sha256
from strongroom_formats.share import Share, to_text
from strongroom_formats.slots import Slot, SlotSet

from .seeds import CREATED, ROOT_KEY, STORE_ID, draw

XWING, P256 = 1, 2


@dataclass
class Made:
    """A slot with the secrets of its holders and every value on the way."""

    slot: Slot
    secrets: list[bytes]
    hsms: list[slots.HsmKey]
    group_shares: list[bytes]
    shares: list[Share]
    keys: slots.SlotKeys
    info: bytes
    randomness: bytes
    sealed: hpke.SealedOnce | None


def make_slot(
    name: str,
    policy: Policy,
    suite: int,
    generation: int,
    *,
    store_id=STORE_ID,
    root_key=ROOT_KEY,
    pending=False,
    cooling_off=0,
    number=1,
    wrapping="wrapped",
) -> Made:
    kem = slots.SUITES[suite]
    slot_id = draw(f"{name}: slot id", 16)
    shared, shared_secret = policies.sharing(policy), draw(f"{name}: secret")
    ys, group_shares = [], []
    if shared is not None:
        ys, group_shares = slots.split(shared, shared_secret, lambda coefficient: draw(f"{name}: coefficients, {coefficient}"))
    hsms = _hsms(name, policy, store_id, slot_id, wrapping)
    of_hsms = iter(hsms)
    secrets = [next(of_hsms).secret if isinstance(part, Hsm) else shared_secret for part in policies.parts(policy)]
    keys = slots.derive(store_id, slot_id, policy, suite, secrets)
    holders = policies.holders(policy)
    commitments = [
        slots.commitment(store_id, slot_id, group, index, y) for (group, index, _), y in zip(holders, ys)
    ][: slots.share_commitment_count(policy)]
    commitments += [slots.hsm_commitment(store_id, slot_id, place, hsm.secret) for place, hsm in enumerate(hsms, start=1)]
    info = slots.wrap_info(store_id, slot_id, policy, suite, generation)
    randomness = draw(f"{name}: encapsulation", kem.randomness_length)
    sealed, wrapped = None, b""
    if not pending:
        sealed = hpke.seal_psk(kem, keys.pair.public_key, randomness, info, keys.psk, slot_id, root_key)
        wrapped = sealed.enc + sealed.ciphertext
    state = slots.PENDING if pending else slots.ACTIVE
    slot = Slot(
        slot_id,
        state,
        CREATED + number,
        name,
        suite,
        policy,
        keys.pair.public_key,
        commitments,
        wrapped,
        [hsm.wrapped for hsm in hsms],
        CREATED + number + cooling_off if cooling_off else 0,
    )
    set_id = slots.set_id(store_id, slot)
    shares = [Share(set_id, group, index, threshold, y) for (group, index, threshold), y in zip(holders, ys)]
    return Made(slot, secrets, hsms, group_shares, shares, keys, info, randomness, sealed)


def _hsms(name: str, policy: Policy, store_id: bytes, slot_id: bytes, wrapping: str) -> list[slots.HsmKey]:
    """Made up, for here a wrapped secret is opaque; in a slot with two, they are as short and as long as may be."""
    keys = policies.hsm_keys(policy)
    lengths = (1, slots.MAX_WRAPPED_SECRET) if len(keys) == 2 else (60,) * len(keys)
    return [
        slots.HsmKey(
            hsm,
            slots.hsm_context(store_id, slot_id, number, policy),
            draw(f"{name}: {wrapping} by HSM key {number}", length),
            draw(f"{name}: secret of HSM key {number}"),
        )
        for number, (hsm, length) in enumerate(zip(keys, lengths), start=1)
    ]


def share_vector(share: Share) -> dict:
    fields = {"group": share.group, "index": share.index, "threshold": share.threshold, "y": share.y}
    return {**fields, "text": to_text(share.encode())}


def slot_vector(made: Made, store_id: bytes) -> dict:
    slot, kem = made.slot, slots.SUITES[made.slot.suite]
    vector = {
        "slot_id": slot.slot_id,
        "state": slot.state,
        **({"not_before": slot.not_before} if slot.state == slots.PENDING else {}),
        "created": slot.created,
        "label": slot.label,
        "suite": slot.suite,
        "policy": str(slot.policy),
        "policy_encoded": slot.policy.encode(),
        **_secrets(made),
        "group_shares": made.group_shares,
        "kek": made.keys.kek,
        "hpke_seed": made.keys.hpke_seed,
        "private_key": made.keys.pair.private_key,
        "public_key": slot.public_key,
        "psk": made.keys.psk,
        "commitments": slot.commitments,
        "set_id_input_sha256": sha256(
            slots.set_id_input(store_id, slot.slot_id, slot.suite, slot.public_key, slot.policy, slot.commitments)
        ),
        "set_id": slots.set_id(store_id, slot),
        "shares": [share_vector(share) for share in made.shares],
    }
    if made.sealed is not None:
        vector |= {
            "kem_id": kem.kem_id,
            "info": made.info,
            "encapsulation_randomness": made.randomness,
            "shared_secret": made.sealed.shared_secret,
            "hpke_key": made.sealed.schedule.key,
            "hpke_base_nonce": made.sealed.schedule.base_nonce,
            "enc": made.sealed.enc,
            "ciphertext": made.sealed.ciphertext,
            "wrapped": slot.wrapped,
        }
    return vector


def _secrets(made: Made) -> dict:
    """The one secret of a policy of shares; otherwise each part's, and what the HSMs make of theirs."""
    if not made.hsms:
        return {"secret": made.secrets[0]}
    parts = [
        {"policy": str(part), "secret": secret} for part, secret in zip(policies.parts(made.slot.policy), made.secrets)
    ]
    hsms = [
        {
            "number": number,
            "token": each.hsm.token,
            "key": each.hsm.key,
            "context": each.context,
            "secret": each.secret,
            "wrapped_secret": each.wrapped,
        }
        for number, each in enumerate(made.hsms, start=1)
    ]
    return {"parts": parts, "hsms": hsms}


def set_vector(name: str, slot_set: SlotSet, made: list[Made], root_key: bytes) -> dict:
    stored = slot_set.encode()
    return {
        "name": name,
        "store_id": slot_set.store_id,
        "generation": slot_set.generation,
        "root_key": root_key,
        "slots": [slot_vector(each, slot_set.store_id) for each in made],
        "stored": stored,
        "digest": slots.digest(stored),
    }


def texts(shares: list[Share]) -> list[str]:
    return [to_text(share.encode()) for share in shares]
