"""What a slot, a group or a key in an HSM may be called: shown before anything is authentic, it must not disguise itself."""

import unicodedata

from .wire import Refused

_INVISIBLE = (
    *(0xAD, 0x61C, 0x180E, 0xFEFF),
    *range(0x200B, 0x2010),
    *range(0x2028, 0x202F),
    *range(0x2060, 0x2070),
    *range(0xFE00, 0xFE10),
    *range(0xFFF9, 0xFFFC),
    *range(0xE0000, 0xE1000),
)


def check_label(encoded: bytes) -> str:
    try:
        label = encoded.decode()
    except UnicodeDecodeError:
        raise Refused("name is not UTF-8") from None
    if not label or label != label.strip(" "):
        raise Refused("name is empty or has a space at an end")
    for character in label:
        hidden = ord(character) in _INVISIBLE or unicodedata.category(character) == "Cc"
        if hidden or (character.isspace() and character != " "):
            raise Refused("name holds a character that may disguise it")
    return label


def check_group(encoded: bytes) -> str:
    name = check_label(encoded)
    if any(character in ":,(){}" for character in name):
        raise Refused("name of a group holds punctuation")
    return name


def check_hsm(encoded: bytes) -> str:
    """The name of a token or of a key on it."""
    name = check_label(encoded)
    if any(character in ",(){}" for character in name):
        raise Refused("name in an HSM holds punctuation")
    return name
