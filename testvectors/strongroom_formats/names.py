"""Storage keys: where an entry lies, telling nothing of its name."""

import unicodedata
from dataclasses import dataclass

from .primitives import hkdf_expand, hmac, siv_open, siv_seal
from .wire import Reader, Refused, bytes8, fixed, u8, u16

SYSTEM_SPACE = 0
ENTRY_SPACE = 1
SYSTEM_NAMES = ("head", "keyring", "slots", "rewrap")
BLOCK = 32


@dataclass
class NamesKeys:
    """The two keys of a names generation."""

    generation: int
    directory: bytes
    segment: bytes


@dataclass
class Place:
    """The storage key of an entry with every value that went into it."""

    token_input: bytes
    token: bytes
    text: bytes
    padded: bytes
    sealed: bytes
    storage_key: bytes


def system(name: str) -> bytes:
    assert name in SYSTEM_NAMES
    return u8(SYSTEM_SPACE) + name.encode()


def keys(names_key: bytes, store_id: bytes, generation: int) -> NamesKeys:
    context = fixed(store_id, 16) + u16(generation)
    return NamesKeys(
        generation,
        hkdf_expand(fixed(names_key, 32), b"strongroom names directory" + context, 32),
        hkdf_expand(names_key, b"strongroom names segment" + context, 64),
    )


def check_segment(segment: str) -> None:
    if segment in (".", ".."):
        raise Refused("segment is . or ..")
    if not 1 <= len(segment.encode()) <= 254:
        raise Refused("segment has not 1 to 254 bytes")
    if "/" in segment or any(unicodedata.category(character) == "Cc" for character in segment):
        raise Refused("segment holds a slash or a control character")


def pad(text: bytes) -> bytes:
    padded = text + b"\x80"
    return padded + bytes(-len(padded) % BLOCK)


def unpad(padded: bytes) -> bytes:
    text, mark, zeros = padded.rpartition(b"\x80")
    if not mark or zeros.strip(b"\0") or pad(text) != padded:
        raise Refused("bad padding")
    return text


def place(names: NamesKeys, root_id: bytes, path: str) -> Place:
    """The place of a value (`a/b/c`) or of a directory (`a/b/`) below the root."""
    is_directory = path.endswith("/")
    *directories, last = (path[:-1] if is_directory else path).split("/")
    for segment in (*directories, last):
        check_segment(segment)
    token_input = fixed(root_id, 16) + b"".join(bytes8(segment.encode()) for segment in directories)
    token = hmac(names.directory, token_input)[:16]
    text = last.encode() + (b"/" if is_directory else b"")
    padded = pad(text)
    sealed = siv_seal(names.segment, padded, token)
    return Place(token_input, token, text, padded, sealed, u8(ENTRY_SPACE) + u16(names.generation) + token + sealed)


def open_place(names: NamesKeys, storage_key: bytes) -> str:
    """The last segment that a storage key hides; a directory's ends with a slash."""
    reader = Reader(storage_key)
    if reader.u8() != ENTRY_SPACE:
        raise Refused("not an entry")
    if reader.u16() != names.generation:
        raise Refused("unknown names generation")
    token = reader.take(16)
    sealed = reader.rest()
    length = len(sealed) - 16
    if length < BLOCK or length > 256 or length % BLOCK:
        raise Refused("wrong length")
    text = unpad(siv_open(names.segment, sealed, token))
    try:
        name = text.decode()
    except UnicodeDecodeError:
        raise Refused("segment is not UTF-8") from None
    check_segment(name.removesuffix("/"))
    return name
