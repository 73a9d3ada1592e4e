"""The standard functions below the formats. HKDF is written out; the ciphers come from `cryptography`."""

import hashlib
import hmac as _hmac

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM, AESSIV

from .wire import Refused


def sha256(data: bytes) -> bytes:
    return hashlib.sha256(data).digest()


def hmac(key: bytes, data: bytes) -> bytes:
    """HMAC-SHA-256, FIPS 198-1."""
    return _hmac.new(key, data, "sha256").digest()


def hkdf_extract(salt: bytes, ikm: bytes) -> bytes:
    """RFC 5869, section 2.2. An empty salt and one of 32 zeros are the same HMAC key."""
    return hmac(salt, ikm)


def hkdf_expand(prk: bytes, info: bytes, length: int) -> bytes:
    """RFC 5869, section 2.3."""
    assert length <= 255 * 32
    output, block, counter = b"", b"", 0
    while len(output) < length:
        counter += 1
        block = hmac(prk, block + info + bytes([counter]))
        output += block
    return output[:length]


def hkdf(salt: bytes, ikm: bytes, info: bytes, length: int) -> bytes:
    return hkdf_expand(hkdf_extract(salt, ikm), info, length)


def gcm_seal(key: bytes, nonce: bytes, plaintext: bytes, aad: bytes) -> bytes:
    """AES-256-GCM, SP 800-38D, section 7.1: ciphertext, then the tag of 16 bytes."""
    assert len(key) == 32 and len(nonce) == 12
    return AESGCM(key).encrypt(nonce, plaintext, aad)


def gcm_open(key: bytes, nonce: bytes, sealed: bytes, aad: bytes) -> bytes:
    """SP 800-38D, section 7.2."""
    assert len(key) == 32 and len(nonce) == 12
    if len(sealed) < 16:
        raise Refused("truncated")
    try:
        return AESGCM(key).decrypt(nonce, sealed, aad)
    except InvalidTag:
        raise Refused("forged") from None


def siv_seal(key: bytes, plaintext: bytes, associated: bytes) -> bytes:
    """AEAD_AES_SIV_CMAC_512, RFC 5297, section 6.3, with one associated datum: synthetic IV, then ciphertext."""
    assert len(key) == 64
    return AESSIV(key).encrypt(plaintext, [associated])


def siv_open(key: bytes, sealed: bytes, associated: bytes) -> bytes:
    assert len(key) == 64
    try:
        return AESSIV(key).decrypt(sealed, [associated])
    except InvalidTag:
        raise Refused("forged") from None
