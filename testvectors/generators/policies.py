"""policies.json: section Slots, the policy."""

from strongroom_formats import policy
from strongroom_formats.policy import Groups, Shamir
from strongroom_formats.wire import bytes8

from .seeds import flip

FILE = "policies.json"

THREE_OF_FIVE = Shamir(3, 5)
ONE_OF_ONE = Shamir(1, 1)
ONE_OF_THREE = Shamir(1, 3)
TWO_OF_THREE = Shamir(2, 3)
GROUPS = Groups(2, (("security", Shamir(2, 3)), ("operations", Shamir(1, 2)), ("board", Shamir(3, 3))))


def make() -> dict:
    most = Groups(255, tuple((f"group {number}", ONE_OF_ONE) for number in range(1, 256)))
    longest = Groups(1, (("x" * 255, TWO_OF_THREE),))
    accepted = [THREE_OF_FIVE, ONE_OF_ONE, ONE_OF_THREE, Shamir(255, 255), Shamir(1, 255), GROUPS, longest, most]
    groups = GROUPS.encode()

    def group(name: bytes) -> bytes:
        return b"\x02\x01\x01" + bytes8(name) + ONE_OF_ONE.encode()

    def refusal(name: str, reason: str, encoded: bytes) -> dict:
        return {"name": name, "reason": reason, "encoded": encoded}

    return {
        "accepted": [_vector(made) for made in accepted],
        "refused": [
            refusal("nothing", "truncated", b""),
            refusal("threshold 0", "threshold out of range", b"\x01\x00\x05"),
            refusal("no shares", "threshold out of range", b"\x01\x00\x00"),
            refusal("more needed than there are", "threshold out of range", b"\x01\x06\x05"),
            refusal("a byte missing", "truncated", b"\x01\x03"),
            refusal("a byte too many", "bytes after the end", b"\x01\x03\x05\x00"),
            refusal("tag 0", "unknown policy", b"\x00\x03\x05"),
            refusal("tag 3, reserved", "unknown policy", b"\x03\x03\x05"),
            refusal("tag 4, reserved", "unknown policy", b"\x04\x03\x05"),
            refusal("no groups", "threshold out of range", b"\x02\x00\x00"),
            refusal("no group needed", "threshold out of range", flip(groups, 1, 2)),
            refusal("more groups needed than there are", "threshold out of range", flip(groups, 1, 6)),
            refusal("groups in groups", "a group that is not shamir", b"\x02\x01\x01\x01a" + groups),
            refusal("a group whose threshold is 0", "threshold out of range", b"\x02\x01\x01\x01a\x01\x00\x01"),
            refusal("a name that is not UTF-8", "name is not UTF-8", group(b"\xff")),
            refusal("a name without a character", "name is empty or has a space at an end", group(b"")),
            refusal("a name with a space before", "name is empty or has a space at an end", group(b" a")),
            refusal("a name with a line feed", "name holds a character that may disguise it", group(b"a\nb")),
            refusal("a name that turns direction", "name holds a character that may disguise it", group("a\u202eb".encode())),
            refusal("a name with a colon", "name of a group holds punctuation", group(b"a:b")),
            refusal("two groups of one name", "two groups of one name", b"\x02\x01\x02" + 2 * b"\x01a\x01\x01\x01"),
            refusal("groups, a byte missing", "truncated", groups[:-1]),
            refusal("groups, a byte too many", "bytes after the end", groups + b"\0"),
        ],
    }


def _vector(made: policy.Policy) -> dict:
    holders = [{"group": group, "index": index, "threshold": threshold} for group, index, threshold in policy.holders(made)]
    name = str(made) if len(str(made)) < 100 else f"{str(made)[:20]}… {len(holders)} holders"
    few = {"text": str(made), "holders": holders} if len(holders) <= 8 else {}
    return {"name": name, "encoded": made.encode(), "holder_count": len(holders), **few}
