"""audit_chains.json: section Audit chain."""

from strongroom_formats.audit import LABEL, Chain, Key, line
from strongroom_formats.primitives import sha256

from .seeds import draw

FILE = "audit_chains.json"
PURPOSE = "test chain"
KEY, OTHER, LARGER = (
    Key(int.from_bytes(draw(f"audit key {number}"), "big"), curve)
    for number, curve in ((1, "p-256"), (2, "p-256"), (3, "p-384"))
)


def make() -> dict:
    return {
        "sealed": [
            _good("nothing but a seal", _chain(), KEY),
            _good("every value", _every_value(), KEY),
            _good("co-signed and signed on the way", _cosigned(), KEY),
            _good("a clock that was set back", _clock(), KEY),
            _good("a torn line that was repaired", _repaired(), KEY),
            _good("P-384", _chain(), LARGER),
        ],
        "growing": [_growing("a checkpoint at the end", True), _growing("something behind the checkpoint", False)],
        "refused": [
            _refused("nothing", b"", "missing"),
            _refused("no seal", _chain().encode(), "unfinished"),
            _refused("no line feed", _sealed(_chain()).encode()[:-1], "torn"),
            _refused("another key", _sealed(_chain(), OTHER).encode(), "another key"),
            _refused("another purpose", _sealed(Chain(_at(0), draw("chain", 16), "another")).encode(), "purpose"),
            _refused("a line removed", _without(_sealed(_cosigned()), 2), "number"),
            _refused("a line changed", _sealed(_cosigned()).encode().replace(b"Ada", b"Eve"), "previous"),
            _refused("a signature changed", _spoiled(), "signature"),
            _refused("a signature that covers something else", _misplaced(), "signature"),
            _refused("a line behind the seal", _sealed(_sealed(_chain())).encode(), "behind the seal"),
            _refused("not opened", _headless(), "not opened"),
            _refused("opened twice", _twice(), "opened twice"),
            _refused("another version", _version(), "none of the chain's own"),
            _refused("an unknown line of the chain's own", _unknown(), "none of the chain's own"),
            *(_refused(f"a line with {name}", _with_line(*change), "no record") for name, change in BAD_LINES.items()),
        ],
    }


BAD_LINES = {
    "a space": (b'"n":2', b'"n": 2'),
    "an escape": (b'"a word"', b'"a\\u0020word"'),
    "fields in another order": (b'"a":"a word","b":1', b'"b":1,"a":"a word"'),
    "a field twice": (b'"b":1', b'"b":1,"b":1'),
    "a fraction": (b'"b":1', b'"b":1.0'),
    "a number beyond 2^53": (b'"b":1', b'"b":9007199254740992'),
    "null": (b'"b":1', b'"b":null'),
    "an unknown value": (b'"b":1', b'"b":{"secret":"00"}'),
    "capital digits": (b'"b":1', b'"b":{"check":"AA"}'),
    "an empty check value": (b'"b":1', b'"b":{"check":""}'),
    "a point off its curve": (b'"b":1', b'"b":{"p-256":"04' + b"01" * 64 + b'"}'),
    "the 31st of June": (b"2026-11-25", b"2026-06-31"),
    "an empty text": (b'"a word"', b'""'),
    "a space before a text": (b'"a word"', b'" word"'),
    "an invisible character": (b'"a word"', '"a\u200bword"'.encode()),
    "a key in hexadecimal": (b'"a word"', b'"' + b"0a" * 20 + b'"'),
    "a key in groups": (b'"a word"', b'"sr1qpz ry9x8g f2tvdw 0s3jn5 4khce6 mua7lq pzry9x 8gf2tv dw0s3j"'),
    "a share with full stops": (b'"a word"', b'"sr1qpz.ry9x8g.f2tvdw.0s3jn5.4khce6.mua7lq.pzry9x.8gf2tv.dw0s3j"'),
    "a share in numbered groups": (b'"a word"', b'"1: SR1Q, 2: YT64, 3: U5MH, 4: GKT6, 5: 7FFN, 6: 846Q, 7: 2YNJ, 8: 82SQ, 9: QSR4, 10: MAMM"'),
    "half a share": (b'"a word"', '"kt67f·fn846·q2ynj·82sqq·sr4ma·mmtaa·w337r·fmva4·mrcnk"'.encode()),
    "a share letter by letter": (b'"a word"', b'"s r 1 q y t 6 4 u 5 m h g k t 6 7 f f n 8 4 6 q 2 y n j 8 2 s q q s r 4 m a m m"'),
    "a key in hexadecimal with commas": (b'"a word"', b'"0a, b1, ' + b"00, 1f, " * 9 + b'c3"'),
    "a word in capitals": (b'"b":1', b'"B":1'),
    "bytes that are not text": (b'"a word"', b'"\xff"'),
}


def _at(second: int) -> str:
    return f"2026-11-25T18:30:{second:02}.{second:03}Z"


def _chain() -> Chain:
    return Chain(_at(0), draw("chain", 16), PURPOSE)


def _sealed(chain: Chain, key: Key = KEY) -> Chain:
    chain.sign(_at(59), "chain-sealed", key)
    return chain


def _every_value() -> Chain:
    chain = _chain()
    chain.append(
        _at(1),
        "every-value-1",
        {
            "check": {"check": "a1b2c3"},
            "fingerprint": {"fingerprint": KEY.fingerprint().hex()},
            "flag": True,
            "hmac": {"hmac": draw("hmac").hex()},
            "id": {"id": draw("id", 16).hex()},
            "key": KEY.value(),
            "large-key": LARGER.value(),
            "large-signature": LARGER.signature(b"x"),
            "least": 0,
            "most": 2**53 - 1,
            "object": {"object": draw("object", 20).hex()},
            "sha256": {"sha256": draw("hash").hex()},
            "signature": KEY.signature(b"x"),
            "text": 'Ada "the first" Lovelace \\ Zoë 安全',
            "time": {"time": "9999-12-31T23:59:59.999Z"},
        },
    )
    chain.append(_at(2), "e" * 40, {})
    return chain


def _cosigned() -> Chain:
    chain = _chain()
    chain.append(_at(1), "present", {"name": "Ada"})
    chain.sign(_at(2), "chain-cosigned", LARGER, name="Grace")
    chain.append(_at(3), "more", {})
    chain.sign(_at(4), "chain-signed", KEY)
    return chain


def _clock() -> Chain:
    chain = _chain()
    for second in (9, 3):
        chain.append(_at(second), "tick", {"second": second})
    return chain


def _repaired() -> Chain:
    chain = _chain()
    torn = b'{"at":"2026'
    chain.append(_at(1), "chain-repaired", {"bytes": len(torn), "sha256": {"sha256": sha256(torn).hex()}})
    return chain


def _good(name: str, chain: Chain, key: Key) -> dict:
    _sealed(chain, key)
    return {"name": name, "purpose": PURPOSE, "key": key.fingerprint(), "lines": len(chain.lines), "chain": chain.encode()}


def _growing(name: str, good: bool) -> dict:
    chain = _cosigned()
    if not good:
        chain.append(_at(5), "more", {})
    return {"name": name, "purpose": PURPOSE, "key": KEY.fingerprint(), "good": good, "chain": chain.encode()}


def _refused(name: str, chain: bytes, reason: str) -> dict:
    return {"name": name, "reason": reason, "purpose": PURPOSE, "key": KEY.fingerprint(), "chain": chain}


def _without(chain: Chain, place: int) -> bytes:
    return b"".join(chain.lines[:place] + chain.lines[place + 1 :])


def _spoiled() -> bytes:
    chain = _sealed(_chain())
    digits = chain.lines[-1].index(b'-sha-256":"') + len(b'-sha-256":"') + 5
    sealed = bytearray(chain.lines[-1])
    sealed[digits] = ord("0") if sealed[digits] != ord("0") else ord("1")
    return b"".join(chain.lines[:-1]) + bytes(sealed)


def _misplaced() -> bytes:
    """A seal over one line, behind another."""
    chain = _chain()
    fields = {"key": KEY.value()}
    message = LABEL + line(_at(9), "chain-sealed", fields, 2, chain.tip())
    chain.append(_at(1), "more", {})
    chain.append(_at(9), "chain-sealed", {**fields, "signature": KEY.signature(message)})
    return chain.encode()


def _headless() -> bytes:
    chain = _chain()
    chain.lines.clear()
    chain.append(_at(1), "more", {})
    return _sealed(chain).encode()


def _twice() -> bytes:
    chain = _chain()
    chain.append(_at(1), "chain-opened", {"format": 1, "id": {"id": draw("chain", 16).hex()}, "purpose": PURPOSE})
    return _sealed(chain).encode()


def _version() -> bytes:
    chain = _chain()
    chain.lines.clear()
    chain.append(_at(1), "chain-opened", {"format": 2, "id": {"id": draw("chain", 16).hex()}, "purpose": PURPOSE})
    return _sealed(chain).encode()


def _unknown() -> bytes:
    chain = _chain()
    chain.append(_at(1), "chain-other", {})
    return _sealed(chain).encode()


def _with_line(old: bytes, new: bytes) -> bytes:
    chain = _chain()
    chain.append(_at(1), "present", {"a": "a word", "b": 1})
    assert chain.lines[-1].count(old) == 1
    chain.lines[-1] = chain.lines[-1].replace(old, new)
    return _sealed(chain).encode()
