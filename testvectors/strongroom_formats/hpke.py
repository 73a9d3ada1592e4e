"""HPKE (RFC 9180) in mode_base and mode_psk, for one message, with the two KEMs that slots use.

DHKEM(P-256, HKDF-SHA256) is RFC 9180, section 4.1; X-Wing as a KEM of HPKE is draft-ietf-hpke-pq-03, its DeriveKeyPair by
SHAKE256's LabeledDerive (draft-ietf-hpke-hpke-02, section 4). The key schedule is RFC 9180's for HKDF-SHA256 with either KEM.
"""

import hashlib
from dataclasses import dataclass

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from . import xwing
from .primitives import gcm_open, gcm_seal, hkdf_expand, hkdf_extract
from .wire import Refused, bytes16, u8, u16

KDF_HKDF_SHA256 = 0x0001
AEAD_AES_256_GCM = 0x0002
MODE_BASE, MODE_PSK = 0, 1


@dataclass
class KeyPair:
    private_key: bytes
    public_key: bytes


@dataclass
class Schedule:
    """What the key schedule yields (RFC 9180, section 5.1)."""

    key: bytes
    base_nonce: bytes
    exporter_secret: bytes


def labeled_extract(suite_id: bytes, salt: bytes, label: bytes, ikm: bytes) -> bytes:
    return hkdf_extract(salt, b"HPKE-v1" + suite_id + label + ikm)


def labeled_expand(suite_id: bytes, prk: bytes, label: bytes, info: bytes, length: int) -> bytes:
    return hkdf_expand(prk, u16(length) + b"HPKE-v1" + suite_id + label + info, length)


class XWing:
    """KEM 0x647A."""

    kem_id = 0x647A
    public_key_length = xwing.PUBLIC_KEY
    enc_length = xwing.CIPHERTEXT
    randomness_length = 64
    suite_id = b"KEM" + u16(kem_id)

    @classmethod
    def derive_key_pair(cls, ikm: bytes) -> KeyPair:
        labeled_ikm = ikm + b"HPKE-v1" + cls.suite_id + bytes16(b"DeriveKeyPair") + u16(32)
        private_key = hashlib.shake_256(labeled_ikm).digest(32)
        return KeyPair(private_key, xwing.public_key(private_key))

    @staticmethod
    def encapsulate(recipient: bytes, randomness: bytes) -> tuple[bytes, bytes]:
        return xwing.encapsulate(recipient, randomness)

    @staticmethod
    def decapsulate(pair: KeyPair, enc: bytes) -> bytes:
        return xwing.decapsulate(pair.private_key, enc)


class P256:
    """KEM 0x0010, DHKEM(P-256, HKDF-SHA256). The randomness of an encapsulation is the ikm of its ephemeral pair."""

    kem_id = 0x0010
    public_key_length = 65
    enc_length = 65
    randomness_length = 32
    suite_id = b"KEM" + u16(kem_id)
    _order = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551

    @classmethod
    def derive_key_pair(cls, ikm: bytes) -> KeyPair:
        prk = labeled_extract(cls.suite_id, b"", b"dkp_prk", ikm)
        for counter in range(256):
            candidate = labeled_expand(cls.suite_id, prk, b"candidate", u8(counter), 32)
            if 0 < int.from_bytes(candidate, "big") < cls._order:
                return KeyPair(candidate, cls._public_key(candidate))
        raise AssertionError("no candidate")

    @classmethod
    def encapsulate(cls, recipient: bytes, randomness: bytes) -> tuple[bytes, bytes]:
        ephemeral = cls.derive_key_pair(randomness)
        shared = cls._extract_and_expand(cls._dh(ephemeral.private_key, recipient), ephemeral.public_key + recipient)
        return shared, ephemeral.public_key

    @classmethod
    def decapsulate(cls, pair: KeyPair, enc: bytes) -> bytes:
        return cls._extract_and_expand(cls._dh(pair.private_key, enc), enc + pair.public_key)

    @classmethod
    def _extract_and_expand(cls, dh: bytes, kem_context: bytes) -> bytes:
        prk = labeled_extract(cls.suite_id, b"", b"eae_prk", dh)
        return labeled_expand(cls.suite_id, prk, b"shared_secret", kem_context, 32)

    @staticmethod
    def _private(scalar: bytes) -> ec.EllipticCurvePrivateKey:
        return ec.derive_private_key(int.from_bytes(scalar, "big"), ec.SECP256R1())

    @classmethod
    def _public_key(cls, scalar: bytes) -> bytes:
        return cls._private(scalar).public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)

    @classmethod
    def _dh(cls, scalar: bytes, point: bytes) -> bytes:
        try:
            peer = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), point)
        except ValueError:
            raise Refused("not a point of P-256") from None
        return cls._private(scalar).exchange(ec.ECDH(), peer)


Kem = type[XWing] | type[P256]


def key_schedule(kem_id: int, aead_id: int, mode: int, shared_secret: bytes, info: bytes, psk: bytes, psk_id: bytes) -> Schedule:
    suite_id = b"HPKE" + u16(kem_id) + u16(KDF_HKDF_SHA256) + u16(aead_id)
    key_length = {1: 16, 2: 32, 3: 32}[aead_id]
    context = (
        u8(mode)
        + labeled_extract(suite_id, b"", b"psk_id_hash", psk_id)
        + labeled_extract(suite_id, b"", b"info_hash", info)
    )
    secret = labeled_extract(suite_id, shared_secret, b"secret", psk)
    return Schedule(
        labeled_expand(suite_id, secret, b"key", context, key_length),
        labeled_expand(suite_id, secret, b"base_nonce", context, 12),
        labeled_expand(suite_id, secret, b"exp", context, 32),
    )


@dataclass
class SealedOnce:
    shared_secret: bytes
    schedule: Schedule
    enc: bytes
    ciphertext: bytes


def seal_psk(kem: Kem, recipient: bytes, randomness: bytes, info: bytes, psk: bytes, psk_id: bytes, plaintext: bytes) -> SealedOnce:
    """SealPSK (RFC 9180, section 6.1) with empty aad; the first message's nonce is the base nonce itself."""
    return _seal(kem, MODE_PSK, recipient, randomness, info, psk, psk_id, plaintext)


def seal_base(kem: Kem, recipient: bytes, randomness: bytes, info: bytes, plaintext: bytes) -> SealedOnce:
    """What anybody can do who knows the public key alone: made for the vectors that must be refused."""
    return _seal(kem, MODE_BASE, recipient, randomness, info, b"", b"", plaintext)


def _seal(kem: Kem, mode: int, recipient: bytes, randomness: bytes, info: bytes, psk: bytes, psk_id: bytes, plaintext: bytes):
    shared_secret, enc = kem.encapsulate(recipient, randomness)
    schedule = key_schedule(kem.kem_id, AEAD_AES_256_GCM, mode, shared_secret, info, psk, psk_id)
    return SealedOnce(shared_secret, schedule, enc, gcm_seal(schedule.key, schedule.base_nonce, plaintext, b""))


def open_psk(kem: Kem, pair: KeyPair, info: bytes, psk: bytes, psk_id: bytes, wrapped: bytes) -> bytes:
    if len(wrapped) < kem.enc_length:
        raise Refused("truncated")
    enc, ciphertext = wrapped[: kem.enc_length], wrapped[kem.enc_length :]
    shared_secret = kem.decapsulate(pair, enc)
    schedule = key_schedule(kem.kem_id, AEAD_AES_256_GCM, MODE_PSK, shared_secret, info, psk, psk_id)
    return gcm_open(schedule.key, schedule.base_nonce, ciphertext, b"")
