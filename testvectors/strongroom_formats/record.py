"""Records: a value sealed so that it opens only in its store, at its place and under its term."""

from dataclasses import dataclass

from .primitives import gcm_open, gcm_seal, hkdf_expand
from .wire import Reader, Refused, fixed, u8, u32, u64

FORMAT = 1
SUITE = 1
HEADER = 34
TAG = 16


@dataclass
class Sealed:
    """A record with every value that went into it."""

    session_key: bytes
    header: bytes
    nonce: bytes
    aad: bytes
    record: bytes


def session_key(term_key: bytes, store_id: bytes, term: int, salt: bytes) -> bytes:
    info = b"strongroom record session" + u8(FORMAT) + u8(SUITE) + fixed(store_id, 16) + u32(term) + fixed(salt, 16)
    return hkdf_expand(fixed(term_key, 32), info, 32)


def seal(
    term_key: bytes, store_id: bytes, term: int, salt: bytes, commit: bytes, counter: int, storage_key: bytes, plaintext: bytes
) -> Sealed:
    key = session_key(term_key, store_id, term, salt)
    nonce = fixed(commit, 4) + u64(counter)
    header = fixed(u8(FORMAT) + u8(SUITE) + u32(term) + salt + nonce, HEADER)
    aad = header + store_id + storage_key
    return Sealed(key, header, nonce, aad, header + gcm_seal(key, nonce, plaintext, aad))


def open_record(term_keys: dict[int, bytes], store_id: bytes, storage_key: bytes, record: bytes) -> bytes:
    reader = Reader(record)
    header = reader.take(HEADER)
    sealed = reader.rest()
    if len(sealed) < TAG:
        raise Refused("truncated")
    fields = Reader(header)
    if fields.u8() != FORMAT:
        raise Refused("unknown format")
    if fields.u8() != SUITE:
        raise Refused("unknown suite")
    term, salt, nonce = fields.u32(), fields.take(16), fields.take(12)
    if term not in term_keys:
        raise Refused("unknown term")
    key = session_key(term_keys[term], store_id, term, salt)
    return gcm_open(key, nonce, sealed, header + store_id + storage_key)
