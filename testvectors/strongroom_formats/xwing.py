"""X-Wing (draft-connolly-cfrg-xwing-kem-10): ML-KEM-768 (FIPS 203) and X25519 (RFC 7748) in one.

ML-KEM comes from `kyber-py`, which lets the randomness of an encapsulation be given.
"""

import hashlib

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from kyber_py.ml_kem import ML_KEM_768

LABEL = rb"\.//^" + b"\\"
PUBLIC_KEY = 1216
CIPHERTEXT = 1120


def _x25519(scalar: bytes, point: bytes) -> bytes:
    return X25519PrivateKey.from_private_bytes(scalar).exchange(X25519PublicKey.from_public_bytes(point))


def _x25519_base(scalar: bytes) -> bytes:
    return X25519PrivateKey.from_private_bytes(scalar).public_key().public_bytes_raw()


def _expand(private_key: bytes) -> tuple[bytes, bytes, bytes, bytes]:
    """expandDecapsulationKey: the ML-KEM pair and the X25519 pair."""
    expanded = hashlib.shake_256(private_key).digest(96)
    encapsulation, decapsulation = ML_KEM_768.key_derive(expanded[:64])
    return decapsulation, expanded[64:], encapsulation, _x25519_base(expanded[64:])


def _combine(shared_m: bytes, shared_x: bytes, ciphertext_x: bytes, public_x: bytes) -> bytes:
    return hashlib.sha3_256(shared_m + shared_x + ciphertext_x + public_x + LABEL).digest()


def public_key(private_key: bytes) -> bytes:
    _, _, public_m, public_x = _expand(private_key)
    return public_m + public_x


def encapsulate(recipient: bytes, randomness: bytes) -> tuple[bytes, bytes]:
    """Shared secret and ciphertext, from 64 bytes of randomness (EncapsulateDerand)."""
    assert len(recipient) == PUBLIC_KEY and len(randomness) == 64
    public_m, public_x = recipient[:1184], recipient[1184:]
    shared_m, ciphertext_m = ML_KEM_768._encaps_internal(public_m, randomness[:32])
    ciphertext_x = _x25519_base(randomness[32:])
    shared_x = _x25519(randomness[32:], public_x)
    return _combine(shared_m, shared_x, ciphertext_x, public_x), ciphertext_m + ciphertext_x


def decapsulate(private_key: bytes, ciphertext: bytes) -> bytes:
    assert len(ciphertext) == CIPHERTEXT
    private_m, private_x, _, public_x = _expand(private_key)
    ciphertext_m, ciphertext_x = ciphertext[:1088], ciphertext[1088:]
    shared_m = ML_KEM_768.decaps(private_m, ciphertext_m)
    return _combine(shared_m, _x25519(private_x, ciphertext_x), ciphertext_x, public_x)
