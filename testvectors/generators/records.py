"""records.json: section Record."""

from strongroom_formats import names, record
from strongroom_formats.wire import u16, u32

from .seeds import OTHER_STORE_ID, STORE_ID, draw, flip

FILE = "records.json"

PLACE = b"\x01" + u16(1) + draw("record place", 16 + 48)
OTHER_PLACE = b"\x01" + u16(1) + draw("another record place", 16 + 48)
TERM_KEY = draw("record term key")
SALT = draw("record salt", 16)
COMMIT = draw("record commit", 4)


def make() -> dict:
    return {"accepted": _accepted(), "refused": _refused()}


def _vector(name: str, plaintext: bytes, *, term=1, term_key=TERM_KEY, store_id=STORE_ID, place=PLACE, commit=COMMIT, counter=0) -> dict:
    sealed = record.seal(term_key, store_id, term, SALT, commit, counter, place, plaintext)
    return {
        "name": name,
        "store_id": store_id,
        "term": term,
        "term_key": term_key,
        "salt": SALT,
        "commit": commit,
        "counter": counter,
        "storage_key": place,
        "plaintext": plaintext,
        "session_key": sealed.session_key,
        "header": sealed.header,
        "nonce": sealed.nonce,
        "aad": sealed.aad,
        "record": sealed.record,
    }


def _accepted() -> list[dict]:
    sizes = [
        _vector(f"{size} bytes", draw("record plaintext", size), counter=counter)
        for counter, size in enumerate([0, 1, 15, 16, 17, 31, 32, 64, 255, 1024])
    ]
    return sizes + [
        _vector("the longest storage key", b"value", place=b"\x01" + u16(0xFFFF) + draw("longest place", 16 + 16 + 256)),
        _vector("the head", b"head", place=names.system("head")),
        _vector("the keyring, term 0", b"keyring", term=0, term_key=draw("keyring key"), place=names.system("keyring")),
        _vector("the last term and counter", b"value", term=2**32 - 1, commit=b"\xff" * 4, counter=2**64 - 1),
        _vector("another store", b"value", store_id=OTHER_STORE_ID),
        _vector("another term", b"value", term=2),
        _vector("another commit", b"value", commit=draw("another record commit", 4)),
    ]


def _refused() -> list[dict]:
    good = record.seal(TERM_KEY, STORE_ID, 1, SALT, COMMIT, 7, PLACE, b"sixteen bytes, 2")
    other_term = good.record[:2] + u32(2) + good.record[6:]

    def refusal(name: str, reason: str, sealed: bytes, *, store_id=STORE_ID, place=PLACE, terms=(1, 2)) -> dict:
        return {
            "name": name,
            "reason": reason,
            "store_id": store_id,
            "terms": [{"term": term, "term_key": TERM_KEY} for term in terms],
            "storage_key": place,
            "record": sealed,
        }

    return [
        refusal("nothing", "truncated", b""),
        refusal("a header alone", "truncated", good.record[:34]),
        refusal("one byte less than an empty record", "truncated", good.record[:49]),
        refusal("format 0", "unknown format", flip(good.record, 0, 1)),
        refusal("format 2", "unknown format", flip(good.record, 0, 3)),
        refusal("suite 0", "unknown suite", flip(good.record, 1, 1)),
        refusal("suite 2", "unknown suite", flip(good.record, 1, 3)),
        refusal("a term that is not in the keyring", "unknown term", good.record, terms=(2,)),
        refusal("relabelled as another term", "forged", other_term),
        refusal("salt changed", "forged", flip(good.record, 6)),
        refusal("commit changed", "forged", flip(good.record, 22)),
        refusal("counter changed", "forged", flip(good.record, 33)),
        refusal("ciphertext changed", "forged", flip(good.record, 34)),
        refusal("tag changed", "forged", flip(good.record, -1, 0x80)),
        refusal("last byte missing", "forged", good.record[:-1]),
        refusal("a byte too many", "forged", good.record + b"\0"),
        refusal("moved to another place", "forged", good.record, place=OTHER_PLACE),
        refusal("moved to a prefix of its place", "forged", good.record, place=PLACE[:-1]),
        refusal("moved to another store", "forged", good.record, store_id=OTHER_STORE_ID),
    ]
