"""envelopes.json: section Envelope."""

from strongroom_formats import envelope, floe
from strongroom_formats.envelope import Wrapped
from strongroom_formats.wire import u16

from .seeds import draw, flip

FILE = "envelopes.json"

KEY = draw("envelope data key")
ID = draw("envelope object id", 8)
WRAPPED = Wrapped(b"invoices", 3, draw("envelope wrapped key", 60))
REWRAPPED = Wrapped(b"invoices", 4, draw("envelope rewrapped key", 60))
ASSOCIATED = b"invoice 4711"


def make() -> dict:
    return {
        "small": _small(),
        "streams": _streams(),
        "refused_small": _refused_small(),
        "refused_streams": _refused_streams(),
    }


def _keys(*wrapped: Wrapped) -> list[dict]:
    """What the wrapping key would unwrap, so that none is needed."""
    return [{"name": each.name.decode(), "version": each.version, "wrapped": each.wrapped, "data_key": KEY} for each in wrapped]


def _small() -> list[dict]:
    def vector(name: str, plaintext: bytes, *, wrapped=WRAPPED, associated=ASSOCIATED) -> dict:
        return {
            "name": name,
            "keys": _keys(wrapped),
            "context": envelope.context(envelope.prologue(envelope.SMALL, ID)),
            "associated": associated,
            "plaintext": plaintext,
            "object": envelope.seal(KEY, ID, wrapped, associated, plaintext),
        }

    return [vector(f"{size} bytes", draw("envelope plaintext", size)) for size in (0, 1, 15, 16, 17, 1000)] + [
        vector("no associated data", b"value", associated=b""),
        vector("after a rewrap", b"value", wrapped=REWRAPPED),
        vector("the shortest wrapped key", b"value", wrapped=Wrapped(b"k", 0, b"\0")),
        vector("the longest name and wrapped key", b"value", wrapped=Wrapped("ü".encode() * 127 + b"k", 2**32 - 1, draw("envelope long", 4096))),
    ]


BEGIN = envelope.prologue(envelope.STREAM, ID)
OLD = envelope.slot(KEY, BEGIN, 512, 1, WRAPPED)
NEW = envelope.slot(KEY, BEGIN, 512, 2, REWRAPPED)


def _body(plaintext: bytes, segment: int) -> bytes:
    count = max(1, -(-len(plaintext) // (segment - floe.OVERHEAD)))
    ivs = [draw(f"envelope segment {number}", 12) for number in range(count)]
    return floe.encrypt(envelope.body_key(KEY, BEGIN), ASSOCIATED, segment, draw("envelope IV"), ivs, plaintext)


def _streams() -> list[dict]:
    def vector(name: str, size: int = 100, segment: int = 64, slots=(OLD, OLD), wrapped=(WRAPPED, REWRAPPED)) -> dict:
        plaintext = draw("envelope stream", size)
        return {
            "name": name,
            "keys": _keys(*wrapped),
            "context": envelope.context(BEGIN),
            "body_key": envelope.body_key(KEY, BEGIN),
            "associated": ASSOCIATED,
            "plaintext": plaintext,
            "object": envelope.area(BEGIN, list(slots)) + _body(plaintext, segment),
        }

    long = Wrapped(b"hsm", 1, draw("envelope long", 4096))
    long_slot = envelope.slot(KEY, BEGIN, 5120, 1, long)
    return [vector(f"{size} bytes in segments of {segment}", size, segment) for size, segment in _SIZES] + [
        vector("rewrapped", slots=(NEW, NEW)),
        vector("rewrapped, then killed before the second slot", slots=(OLD, NEW)),
        vector("rewrapped, then killed before the first slot", slots=(NEW, OLD)),
        vector("killed in the first slot", slots=(NEW[:100] + OLD[100:], OLD)),
        vector("killed in the second slot", slots=(OLD, NEW[:20] + OLD[20:])),
        vector("a slot of a higher generation forged", slots=(OLD, envelope.checked(flip(OLD[:-8], 7, 2)))),
        vector("a slot of the same generation forged", slots=(envelope.checked(flip(OLD[:-8], 8 + len(WRAPPED.encode()))), OLD)),
        vector("two of one generation", slots=(OLD, envelope.slot(KEY, BEGIN, 512, 1, REWRAPPED))),
        vector("long slots", slots=(long_slot, long_slot), wrapped=(long,)),
    ]


_SIZES = [(0, 64), (1, 64), (31, 64), (32, 64), (33, 64), (64, 64), (100, 64), (700, 100), (5000, 4096), (1000, 2**20)]


def _refused_small() -> list[dict]:
    good = envelope.seal(KEY, ID, WRAPPED, ASSOCIATED, b"value")
    header = 14 + len(WRAPPED.encode())

    def refusal(name: str, reason: str, sealed: bytes, *, associated=ASSOCIATED) -> dict:
        context = envelope.context(envelope.prologue(envelope.SMALL, ID))
        return {"name": name, "reason": reason, "keys": _keys(WRAPPED), "context": context, "associated": associated, "object": sealed}

    def with_wrapped(encoded: bytes) -> bytes:
        return good[:14] + encoded + good[header:]

    return [
        refusal("nothing", "truncated", b""),
        refusal("a prologue alone", "truncated", good[:14]),
        refusal("a header alone", "truncated", good[:header]),
        refusal("one byte less than an empty object", "truncated", good[: header + 47]),
        refusal("another magic", "not an object", flip(good, 0)),
        refusal("format 2", "unknown format", flip(good, 4, 3)),
        refusal("algorithm 3", "unknown algorithm", flip(good, 5, 2)),
        refusal("relabelled as a stream", "is a stream", flip(good, 5, 3)),
        refusal("another id", "unwrapping", flip(good, 6)),
        refusal("another name", "unwrapping", flip(good, 15)),
        refusal("another version", "unwrapping", flip(good, 26)),
        refusal("another wrapped key", "unwrapping", flip(good, 30)),
        refusal("an empty name", "wrapped key is empty", with_wrapped(Wrapped(b"", 3, b"w").encode())),
        refusal("an empty wrapped key", "wrapped key is empty", with_wrapped(Wrapped(b"k", 3, b"").encode())),
        refusal("a name that is not UTF-8", "name is not UTF-8", with_wrapped(Wrapped(b"\xff", 3, b"w").encode())),
        refusal("a wrapped key of 4097 bytes", "wrapped key is too long", with_wrapped(Wrapped(b"k", 3, bytes(4097)).encode())),
        refusal("ciphertext changed", "forged", flip(good, header)),
        refusal("tag changed", "forged", flip(good, -1)),
        refusal("last byte missing", "forged", good[:-1]),
        refusal("a byte too many", "forged", good + b"\0"),
        refusal("other associated data", "forged", good, associated=b"invoice 4712"),
        refusal("no commitment", "forged", envelope.seal(KEY, ID, WRAPPED, ASSOCIATED, b"value", bytes(31) + b"\1")),
        refusal("longer than 64 KiB", "too long", good[:header] + bytes(65536 + 49)),
    ]


def _refused_streams() -> list[dict]:
    good = envelope.area(BEGIN, [OLD, OLD]) + _body(draw("envelope stream", 100), 64)
    floe_at, body = 512 + 1024, 512 + 1024 + 74
    segments = [good[at : at + 64] for at in range(body, len(good), 64)]

    def refusal(name: str, reason: str, sealed: bytes, *, associated=ASSOCIATED) -> dict:
        return {
            "name": name,
            "reason": reason,
            "keys": _keys(WRAPPED, REWRAPPED),
            "context": envelope.context(BEGIN),
            "associated": associated,
            "object": sealed,
        }

    def with_slots(first: bytes, second: bytes) -> bytes:
        return envelope.area(BEGIN, [first, second]) + good[floe_at:]

    forged, unknown, padded = (envelope.checked(flip(OLD[:-8], *change)) for change in ((7, 2), (30,), (500,)))
    return [
        refusal("a sector less", "truncated", good[:512]),
        refusal("no message", "truncated", good[:floe_at]),
        refusal("no segments", "truncated", good[:body]),
        refusal("relabelled as small", "is small", flip(good, 5, 3)),
        refusal("slots of no length", "slots have an impossible length", good[:14] + u16(0) + good[16:]),
        refusal("slots of 513 bytes", "slots have an impossible length", good[:14] + u16(513) + good[16:]),
        refusal("slots of 5632 bytes", "slots have an impossible length", good[:14] + u16(5632) + good[16:]),
        refusal("something after the prologue", "padding is not zero", flip(good, 511)),
        refusal("another id", "unwrapping", flip(good, 6)),
        refusal("both slots torn", "slots are torn", with_slots(flip(OLD, 9), flip(OLD, 9))),
        refusal("another generation in both slots, with checksums", "header forged", with_slots(forged, forged)),
        refusal("another wrapped key in both slots, with checksums", "unwrapping", with_slots(unknown, unknown)),
        refusal("something after both tags", "padding is not zero", with_slots(padded, padded)),
        refusal("segments of 63 bytes", "segments have an impossible length", good[:floe_at] + _with_segment(good[floe_at:], 63)),
        refusal("segments of 2^20 + 1 bytes", "segments have an impossible length", good[:floe_at] + _with_segment(good[floe_at:], 2**20 + 1)),
        refusal("another AEAD", "segments have an impossible length", flip(good, floe_at)),
        refusal("segments of 65 bytes", "forged", good[:floe_at] + _with_segment(good[floe_at:], 65)),
        refusal("message IV changed", "forged", flip(good, floe_at + 10)),
        refusal("message tag changed", "forged", flip(good, floe_at + 42)),
        refusal("other associated data", "forged", good, associated=b""),
        refusal("first IV changed", "forged", flip(good, body + 4)),
        refusal("first ciphertext changed", "forged", flip(good, body + 16)),
        refusal("last tag changed", "forged", flip(good, -1)),
        refusal("last byte missing", "forged", good[:-1]),
        refusal("a byte too many", "forged", good + b"\0"),
        refusal("cut off after a segment", "truncated", good[: body + 128]),
        refusal("a segment after the end", "bytes after the end", good[:body] + b"".join([*segments[:3], segments[3].ljust(64, b"\0"), segments[3]])),
        refusal("two segments exchanged", "forged", good[:body] + b"".join([segments[1], segments[0], *segments[2:]])),
        refusal("the first segment missing", "forged", good[:body] + b"".join(segments[1:])),
    ]


def _with_segment(message: bytes, length: int) -> bytes:
    return message[:2] + length.to_bytes(4, "big") + message[6:]
