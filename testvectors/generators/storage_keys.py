"""storage_keys.json: section Storage keys."""

from strongroom_formats import names
from strongroom_formats.primitives import siv_seal
from strongroom_formats.wire import u8, u16

from .seeds import OTHER_STORE_ID, ROOT_ID, STORE_ID, draw, flip

FILE = "storage_keys.json"

NAMES_KEY = draw("names key")
GENERATION = 1
KEYS = names.keys(NAMES_KEY, STORE_ID, GENERATION)


def make() -> dict:
    return {
        "system": [{"name": name, "storage_key": names.system(name)} for name in names.SYSTEM_NAMES],
        "accepted": _accepted(),
        "refused_paths": _refused_paths(),
        "refused": _refused(),
    }


def _vector(name: str, path: str, *, names_key=NAMES_KEY, store_id=STORE_ID, generation=GENERATION, root_id=ROOT_ID) -> dict:
    keys = names.keys(names_key, store_id, generation)
    place = names.place(keys, root_id, path)
    return {
        "name": name,
        "store_id": store_id,
        "generation": generation,
        "names_key": names_key,
        "root_id": root_id,
        "path": path,
        "directory_key": keys.directory,
        "segment_key": keys.segment,
        "token_input": place.token_input,
        "directory_token": place.token,
        "text": place.text,
        "padded_segment": place.padded,
        "sealed_segment": place.sealed,
        "storage_key": place.storage_key,
    }


def _accepted() -> list[dict]:
    return [
        _vector("a value at the root", "password"),
        _vector("a directory at the root", "password/"),
        _vector("one letter", "a"),
        _vector("a value in a directory", "database/password"),
        _vector("a directory in a directory", "database/replicas/"),
        _vector("four directories deep", "a/b/c/d/e"),
        _vector("segments join otherwise", "ab/c"),
        _vector("segments join otherwise still", "a/bc"),
        _vector("31 bytes fill one block", "x" * 31),
        _vector("32 bytes need two blocks", "x" * 32),
        _vector("31 bytes and the slash need two blocks", "x" * 31 + "/"),
        _vector("254 bytes as a value", "x" * 254),
        _vector("254 bytes as a directory", "x" * 254 + "/"),
        _vector("254 bytes as a directory on the way", "x" * 254 + "/" + "y"),
        _vector("UTF-8, 127 letters of two bytes", "é" * 127),
        _vector("UTF-8, four bytes, with a space", "🔑 ключ"),
        _vector("composed", "\u00e9"),
        _vector("decomposed: not normalised, another place", "e\u0301"),
        _vector("upper case is another place", "Password"),
        _vector("three dots are a name", "..."),
        _vector("a name that ends like padding", "ends in \u0080".replace("\u0080", "\u4000")),
        _vector("another root", "password", root_id=draw("another root id", 16)),
        _vector("another store", "password", store_id=OTHER_STORE_ID),
        _vector("another names generation", "password", generation=2),
        _vector("the last names generation", "password", generation=0xFFFF),
        _vector("another names key", "password", names_key=draw("another names key")),
    ]


def _refused_paths() -> list[dict]:
    too_long = "segment has not 1 to 254 bytes"
    dots = "segment is . or .."
    character = "segment holds a slash or a control character"
    return [
        {"name": "empty", "reason": too_long, "path": ""},
        {"name": "an empty segment", "reason": too_long, "path": "a//b"},
        {"name": "a slash before", "reason": too_long, "path": "/a"},
        {"name": "two slashes after", "reason": too_long, "path": "a//"},
        {"name": "a slash alone", "reason": too_long, "path": "/"},
        {"name": "255 bytes", "reason": too_long, "path": "x" * 255},
        {"name": "255 bytes on the way", "reason": too_long, "path": "x" * 255 + "/a"},
        {"name": "128 letters of two bytes", "reason": too_long, "path": "é" * 128},
        {"name": "dot", "reason": dots, "path": "."},
        {"name": "dot on the way", "reason": dots, "path": "a/./b"},
        {"name": "two dots", "reason": dots, "path": "a/.."},
        {"name": "two dots as a directory", "reason": dots, "path": "../"},
        {"name": "zero", "reason": character, "path": "a\0b"},
        {"name": "line feed", "reason": character, "path": "a\nb"},
        {"name": "delete", "reason": character, "path": "a\x7fb"},
        {"name": "a control character of Latin-1", "reason": character, "path": "a\u0085b"},
    ]


def _refused() -> list[dict]:
    good = names.place(KEYS, ROOT_ID, "database/password")
    keys = {"store_id": STORE_ID, "generation": GENERATION, "names_key": NAMES_KEY}

    def refusal(name: str, reason: str, storage_key: bytes) -> dict:
        return {"name": name, "reason": reason, **keys, "storage_key": storage_key}

    def sealed(padded: bytes) -> bytes:
        return u8(1) + u16(GENERATION) + good.token + siv_seal(KEYS.segment, padded, good.token)

    other = names.place(names.keys(NAMES_KEY, STORE_ID, 2), ROOT_ID, "database/password").storage_key
    return [
        refusal("nothing", "truncated", b""),
        refusal("without a segment", "truncated", good.storage_key[:18]),
        refusal("a synthetic IV alone", "wrong length", good.storage_key[: 19 + 16]),
        refusal("one byte less", "wrong length", good.storage_key[:-1]),
        refusal("one byte more", "wrong length", good.storage_key + b"\0"),
        refusal("a block more than 256", "wrong length", sealed(names.pad(b"x" * 256))),
        refusal("a system entry", "not an entry", names.system("head")),
        refusal("another space", "not an entry", flip(good.storage_key, 0, 3)),
        refusal("another names generation", "unknown names generation", other),
        refusal("relabelled from another names generation", "forged", u8(1) + u16(GENERATION) + other[3:]),
        refusal("directory token changed", "forged", flip(good.storage_key, 3)),
        refusal("synthetic IV changed", "forged", flip(good.storage_key, 19)),
        refusal("segment changed", "forged", flip(good.storage_key, -1)),
        refusal("sealed without padding", "bad padding", sealed(b"x" * 32)),
        refusal("sealed with a block of zeros more", "bad padding", sealed(names.pad(b"x") + bytes(32))),
        refusal("sealed with padding that is not zero", "bad padding", sealed(names.pad(b"x")[:-1] + b"\x01")),
        refusal("sealed with an empty segment", "segment has not 1 to 254 bytes", sealed(names.pad(b""))),
        refusal("sealed with a slash inside", "segment holds a slash or a control character", sealed(names.pad(b"a/b"))),
        refusal("sealed with two dots", "segment is . or ..", sealed(names.pad(b"../"))),
        refusal("sealed with what is not UTF-8", "segment is not UTF-8", sealed(names.pad(b"\xff\xfe"))),
    ]
