"""Section Audit chain: lines of JSON, each with the hash of the one before, and a signature over all of them."""

import itertools
import json
import re
from datetime import datetime, timezone

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from .primitives import sha256
from .wire import Refused

LABEL = b"strongroom audit chain\n"
START = bytes(32)
WORD = re.compile(r"[a-z][a-z0-9-]{0,39}\Z")
TIME = re.compile(r"(19[7-9]\d|[2-9]\d{3})-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z\Z")
CURVES = {"p-256": (ec.SECP256R1(), hashes.SHA256(), 32), "p-384": (ec.SECP384R1(), hashes.SHA384(), 48)}
SIGNATURES = {"ecdsa-p-256-sha-256": "p-256", "ecdsa-p-384-sha-384": "p-384"}
LENGTHS = {"sha256": (32, 32), "id": (16, 16), "hmac": (32, 32), "check": (1, 32), "object": (1, 64), "fingerprint": (32, 32)}
OWN = {
    "chain-opened": {"format": int, "id": "id", "purpose": str},
    "chain-signed": {"key": "key", "signature": "signature"},
    "chain-cosigned": {"key": "key", "name": str, "signature": "signature"},
    "chain-sealed": {"key": "key", "signature": "signature"},
    "chain-repaired": {"bytes": int, "sha256": "sha256"},
}


class Key:
    """A key that signs, always the same way (RFC 6979)."""

    def __init__(self, number: int, curve: str = "p-256"):
        self.tag, (self.curve, self.hash, self.size) = curve, CURVES[curve]
        self.secret = ec.derive_private_key(number, self.curve)
        self.public = self.secret.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)

    def sign(self, message: bytes) -> bytes:
        r, s = decode_dss_signature(self.secret.sign(message, ec.ECDSA(self.hash, deterministic_signing=True)))
        return r.to_bytes(self.size, "big") + s.to_bytes(self.size, "big")

    def value(self) -> dict:
        return {self.tag: self.public.hex()}

    def signature(self, message: bytes) -> dict:
        tag = next(tag for tag, curve in SIGNATURES.items() if curve == self.tag)
        return {tag: self.sign(message).hex()}

    def fingerprint(self) -> bytes:
        return sha256(self.public)


class Chain:
    """A chain that is being written."""

    def __init__(self, at: str, chain_id: bytes, purpose: str):
        self.lines: list[bytes] = []
        self.append(at, "chain-opened", {"format": 1, "id": {"id": chain_id.hex()}, "purpose": purpose})

    def append(self, at: str, event: str, fields: dict) -> None:
        self.lines.append(line(at, event, fields, len(self.lines) + 1, self.tip()) + b"\n")

    def sign(self, at: str, event: str, key: Key, **fields) -> None:
        fields = {**fields, "key": key.value()}
        message = LABEL + line(at, event, fields, len(self.lines) + 1, self.tip())
        self.append(at, event, {**fields, "signature": key.signature(message)})

    def tip(self) -> bytes:
        return sha256(self.lines[-1]) if self.lines else START

    def encode(self) -> bytes:
        return b"".join(self.lines)


def line(at: str, event: str, fields: dict, number: int, previous: bytes) -> bytes:
    record = {"at": at, "event": event, "fields": fields, "n": number, "prev": previous.hex()}
    return json.dumps(record, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def verify(chain: bytes, purpose: str, fingerprint: bytes, *, growing: bool = False) -> list[dict]:
    """The records of a chain that this key signed up to its end."""
    records: list[dict] = []
    previous, ends = START, {"chain-sealed", "chain-signed"} if growing else {"chain-sealed"}
    for raw_line in re.findall(rb"[^\n]*\n|[^\n]+", chain):
        if not raw_line.endswith(b"\n"):
            raise Refused("torn")
        if records and records[-1]["event"] == "chain-sealed":
            raise Refused("behind the seal")
        record = read_line(raw_line[:-1])
        if record["n"] != len(records) + 1:
            raise Refused("number")
        if record["prev"] != previous.hex():
            raise Refused("previous")
        _check_own(record, records)
        previous = sha256(raw_line)
        records.append(record)
    if not records:
        raise Refused("missing")
    if records[0]["fields"]["purpose"] != purpose:
        raise Refused("purpose")
    if records[-1]["event"] not in ends:
        raise Refused("unfinished")
    (key,) = records[-1]["fields"]["key"].values()
    if sha256(bytes.fromhex(key)) != fingerprint:
        raise Refused("another key")
    return records


def read_line(raw_line: bytes) -> dict:
    try:
        record = json.loads(raw_line.decode())
        fields = record["fields"]
        good = (
            len(raw_line) <= 65536
            and set(record) == {"at", "event", "fields", "n", "prev"}
            and _is_time(record["at"])
            and WORD.match(record["event"])
            and len(fields) <= 24
            and all(WORD.match(name) and is_value(value) for name, value in fields.items())
            and _is_number(record["n"])
            and line(record["at"], record["event"], fields, record["n"], bytes.fromhex(record["prev"])) == raw_line
        )
    except (ValueError, KeyError, TypeError, AttributeError):
        good = False
    if not good:
        raise Refused("no record")
    return record


def is_value(value) -> bool:
    if isinstance(value, bool):
        return True
    if isinstance(value, int):
        return _is_number(value)
    if isinstance(value, str):
        return _is_text(value)
    ((tag, content),) = value.items()
    if tag == "time":
        return _is_time(content)
    if not re.fullmatch("([0-9a-f]{2})*", content):
        return False
    content = bytes.fromhex(content)
    if tag in LENGTHS:
        least, most = LENGTHS[tag]
        return least <= len(content) <= most
    if tag in CURVES:
        curve, _, size = CURVES[tag]
        # Raises ValueError for a point that is not on the curve.
        ec.EllipticCurvePublicKey.from_encoded_point(curve, content)
        return len(content) == 1 + 2 * size and content[0] == 4
    return tag in SIGNATURES and len(content) == 2 * CURVES[SIGNATURES[tag]][2]


def _check_own(record: dict, before: list[dict]) -> None:
    event, fields = record["event"], record["fields"]
    if not event.startswith("chain-"):
        if not before:
            raise Refused("not opened")
        return
    wanted = OWN.get(event)
    if wanted is None or set(fields) != set(wanted) or not all(_is_kind(fields[name], kind) for name, kind in wanted.items()):
        raise Refused("none of the chain's own")
    if event == "chain-opened":
        if fields["format"] != 1:
            raise Refused("none of the chain's own")
        if before:
            raise Refused("opened twice")
        return
    if not before:
        raise Refused("not opened")
    if "signature" in fields:
        unsigned = {name: value for name, value in fields.items() if name != "signature"}
        message = LABEL + line(record["at"], event, unsigned, record["n"], bytes.fromhex(record["prev"]))
        if not _is_signed(fields["key"], fields["signature"], message):
            raise Refused("signature")


def _is_kind(value, kind) -> bool:
    if kind == "key":
        return isinstance(value, dict) and set(value) <= set(CURVES)
    if kind == "signature":
        return isinstance(value, dict) and set(value) <= set(SIGNATURES)
    if isinstance(kind, str):
        return isinstance(value, dict) and set(value) == {kind}
    return isinstance(value, kind) and not isinstance(value, bool)


def _is_signed(key: dict, signature: dict, message: bytes) -> bool:
    ((curve_tag, point),), ((tag, content),) = key.items(), signature.items()
    if SIGNATURES[tag] != curve_tag:
        return False
    curve, digest, size = CURVES[curve_tag]
    content = bytes.fromhex(content)
    r, s = int.from_bytes(content[:size], "big"), int.from_bytes(content[size:], "big")
    public = ec.EllipticCurvePublicKey.from_encoded_point(curve, bytes.fromhex(point))
    try:
        public.verify(encode_dss_signature(r, s), message, ec.ECDSA(digest))
    except InvalidSignature:
        return False
    return True


def _is_number(value) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**53


def _is_time(text: str) -> bool:
    if not TIME.match(text):
        return False
    datetime.strptime(text, "%Y-%m-%dT%H:%M:%S.%fZ").replace(tzinfo=timezone.utc)
    return True


def _is_text(text: str) -> bool:
    invisible = any(ord(c) < 32 or 127 <= ord(c) < 160 or (c != " " and c.isspace()) or _is_invisible(c) for c in text)
    return 1 <= len(text.encode()) <= 1024 and not invisible and text == text.strip(" ") and not looks_like_a_key(text)


def _is_invisible(c: str) -> bool:
    ranges = "ad-ad 61c-61c 180e-180e 200b-200f 2028-202e 2060-206f fe00-fe0f feff-feff fff9-fffb e0000-e0fff"
    spans = (span.split("-") for span in ranges.split())
    return any(int(first, 16) <= ord(c) <= int(last, 16) for first, last in spans)


BECH32 = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"


def looks_like_a_key(text: str) -> bool:
    for pattern in ("[A-Za-z0-9+=]+", "[0-9A-Fa-f :-]+"):
        for part in re.findall(pattern, text):
            if len(re.findall("[A-Za-z0-9]", part)) >= 40 and re.search("[0-9]", part):
                return True
    for words in map(_joined, _stretches(text)):
        counted = [word for word in words if not re.fullmatch("[0-9]{1,2}", word)]
        if _hexadecimal(words) or _is_share(counted) or _is_random(counted):
            return True
    return False


def _stretches(text: str) -> list[list[str]]:
    """The words between which nothing stands but separators."""
    separators = "0-bf 2000-2bff 3000-303f fe00-fe6f feff-ff0f fffd-fffd e0000-e0fff"
    spans = [tuple(int(end, 16) for end in span.split("-")) for span in separators.split()]
    parts, found = [""], []
    for c in text:
        parts[-1] += c
        if not any(first <= ord(c) <= last for first, last in spans):
            parts.append("")
    for part in parts:
        found.append(re.findall("[A-Za-z0-9]+", part))
    return found


def _joined(words: list[str]) -> list[str]:
    """Ten single characters or more, one after another, are one word."""
    joined = []
    for single, run in itertools.groupby(words, lambda word: len(word) == 1):
        run = list(run)
        joined += ["".join(run)] if single and len(run) >= 10 else run
    return joined


def _hexadecimal(words: list[str]) -> bool:
    for is_hexadecimal, run in itertools.groupby(words, lambda word: bool(re.fullmatch("[0-9A-Fa-f]+", word))):
        digits = "".join(run)
        numbers = len(re.findall("[0-9]", digits))
        if is_hexadecimal and len(digits) >= 40 and min(numbers, len(digits) - numbers) >= 4:
            return True
    return False


def _is_share(words: list[str]) -> bool:
    return any(re.match(f"sr1[{BECH32}]{{37}}", "".join(words[first:]).lower()) for first in range(len(words)))


def _is_random(words: list[str]) -> bool:
    letters = []
    for word in words:
        turns = [bool(re.match("[A-Za-z][0-9]|[0-9][A-Za-z]|[a-z][A-Z]", word[place - 1 :])) for place in range(1, len(word))]
        mixed = len(word) >= 4 and any(turns)
        left = max(4, len(word) // 4)
        for c, turn in zip(word, [False, *turns]):
            counts = mixed and turn and left > 0
            left -= counts
            letters.append((mixed, counts, c.lower() in BECH32))
    for start in range(len(letters) - 39):
        mixed, turns, bech32 = map(sum, zip(*letters[start : start + 40]))
        if (mixed >= 20 and turns >= 10) or (bech32 == 40 and mixed >= 12 and turns >= 5):
            return True
    return False
