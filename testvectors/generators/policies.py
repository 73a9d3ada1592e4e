"""policies.json: section Slots, the policy."""

from strongroom_formats import policy
from strongroom_formats.policy import All, Groups, Hsm, Shamir
from strongroom_formats.wire import bytes8

from .seeds import flip

FILE = "policies.json"

THREE_OF_FIVE = Shamir(3, 5)
ONE_OF_ONE = Shamir(1, 1)
ONE_OF_THREE = Shamir(1, 3)
TWO_OF_THREE = Shamir(2, 3)
GROUPS = Groups(2, (("security", Shamir(2, 3)), ("operations", Shamir(1, 2)), ("board", Shamir(3, 3))))

HSM = Hsm("main", "root")
SHARES_AND_HSM = All((TWO_OF_THREE, HSM))
GROUPS_BETWEEN_HSMS = All((HSM, GROUPS, Hsm("backup", "root")))
EIGHT_HSMS = All(tuple(Hsm("main", f"root {number}") for number in range(1, 9)))


def make() -> dict:
    most = Groups(255, tuple((f"group {number}", ONE_OF_ONE) for number in range(1, 256)))
    longest = Groups(1, (("x" * 255, TWO_OF_THREE),))
    accepted = [THREE_OF_FIVE, ONE_OF_ONE, ONE_OF_THREE, Shamir(255, 255), Shamir(1, 255), GROUPS, longest, most]
    accepted += [HSM, SHARES_AND_HSM, GROUPS_BETWEEN_HSMS, *_more_with_hsms(), policy.decode(_long_names(32768))]
    groups = GROUPS.encode()
    a_key = b"\x03\x01t\x01k"

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
            refusal("tag 5", "unknown policy", b"\x05\x03\x05"),
            refusal("tag 255", "unknown policy", b"\xff\x03\x05"),
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
            refusal("a key in groups", "a group that is not shamir", b"\x02\x01\x01\x01a" + a_key),
            refusal("all in groups", "a group that is not shamir", b"\x02\x01\x01\x01a" + SHARES_AND_HSM.encode()),
            refusal("names of groups with 32769 bytes", "names of groups are too long together", _long_names(32769)),
            *(refusal(*each) for each in _refused_hsms(a_key)),
            *(refusal(*each) for each in _refused_alls(a_key)),
        ],
    }


def _more_with_hsms() -> list[policy.Policy]:
    """Every kind of part at every place, the fewest and the most, and the longest names."""
    longest = Hsm("x" * 255, "y" * 255)
    return [
        Hsm("token: a", "key: b"),
        Hsm("Schl\u00fcssel", "\u2603 \U0001f5dd"),
        longest,
        All((HSM, TWO_OF_THREE)),
        All((ONE_OF_ONE, HSM)),
        All((GROUPS, HSM)),
        All((HSM, Hsm("main", "other"))),
        All((HSM, Hsm("other", "root"))),
        EIGHT_HSMS,
        All((*EIGHT_HSMS.nodes[:7], THREE_OF_FIVE)),
        All((*(Hsm("x" * 255, f"{number}" * 255) for number in range(1, 8)), Groups(1, (("x" * 255, Shamir(1, 255)),)))),
    ]


def _long_names(total: int) -> bytes:
    """Groups whose names have so many bytes together: 128 of 255 bytes, and one that makes up the rest."""
    names = [bytes([97 + number % 26, 97 + number // 26]) * 127 + b"z" for number in range(128)]
    names.append(b"x" * (total - sum(len(name) for name in names)))
    nodes = b"".join(bytes8(name) + ONE_OF_ONE.encode() for name in names)
    return b"\x02\x01" + bytes([len(names)]) + nodes


def _refused_hsms(a_key: bytes) -> list[tuple[str, str, bytes]]:
    empty, disguise = "name is empty or has a space at an end", "name holds a character that may disguise it"

    def hsm(token: bytes, key: bytes) -> bytes:
        return b"\x03" + bytes8(token) + bytes8(key)

    punctuation = [
        (f"a {what} with {character}", "name in an HSM holds punctuation", hsm(*names))
        for character in ",(){}"
        for what, names in (
            ("token", (f"a{character}b".encode(), b"k")),
            ("key", (b"t", f"a{character}b".encode())),
        )
    ]
    return [
        ("a key, only its tag", "truncated", b"\x03"),
        ("a key, its last byte missing", "truncated", a_key[:-1]),
        ("a key without its name", "truncated", b"\x03\x01t"),
        ("a token shorter than it says", "truncated", b"\x03\x09t\x01k"),
        ("a key, a byte too many", "bytes after the end", a_key + b"\0"),
        ("a token without a character", empty, hsm(b"", b"k")),
        ("a key without a character", empty, hsm(b"t", b"")),
        ("a token with a space after", empty, hsm(b"t ", b"k")),
        ("a key with a space before", empty, hsm(b"t", b" k")),
        ("a token that is not UTF-8", "name is not UTF-8", hsm(b"\xff", b"k")),
        ("a key that is not UTF-8", "name is not UTF-8", hsm(b"t", b"\xc3")),
        ("a token with a character that does not show", disguise, hsm("a\u200bb".encode(), b"k")),
        ("a key with a line feed", disguise, hsm(b"t", b"a\nb")),
        *punctuation,
    ]


def _refused_alls(a_key: bytes) -> list[tuple[str, str, bytes]]:
    out_of_range = "all of fewer than 2 or more than 8"
    shamir, groups, both = TWO_OF_THREE.encode(), GROUPS.encode(), SHARES_AND_HSM.encode()

    def all_of(*nodes: bytes) -> bytes:
        return b"\x04" + bytes([len(nodes)]) + b"".join(nodes)

    nine = [Hsm("main", f"root {number}").encode() for number in range(1, 10)]
    return [
        ("all, only its tag", "truncated", b"\x04"),
        ("all of nothing", out_of_range, all_of()),
        ("all of one key", out_of_range, all_of(a_key)),
        ("all of one shamir", out_of_range, all_of(shamir)),
        ("all of nine", out_of_range, all_of(*nine)),
        ("all, its last byte missing", "truncated", both[:-1]),
        ("all, its last node missing", "truncated", b"\x04\x02" + shamir),
        ("all, a byte too many", "bytes after the end", both + b"\0"),
        ("all, a node too many", "bytes after the end", both + a_key),
        ("all within all, first", "all within all", all_of(both, a_key)),
        ("all within all, last", "all within all", all_of(a_key, all_of(shamir, HSM.encode()))),
        ("tag 5 within all", "unknown policy", all_of(a_key, b"\x05\x01t\x01k")),
        ("tag 0 within all", "unknown policy", all_of(b"\x00\x02\x03", a_key)),
        ("two shamirs", "two nodes with shares", all_of(shamir, ONE_OF_ONE.encode())),
        ("one shamir twice, a key between", "two nodes with shares", all_of(shamir, a_key, shamir)),
        ("shamir and groups", "two nodes with shares", all_of(shamir, groups)),
        ("groups twice", "two nodes with shares", all_of(groups, groups, a_key)),
        ("one key twice", "one key twice", all_of(a_key, a_key)),
        ("one key twice, shamir between", "one key twice", all_of(a_key, shamir, a_key)),
        ("a threshold of 0 within all", "threshold out of range", all_of(b"\x01\x00\x03", a_key)),
        ("a name with a comma within all", "name in an HSM holds punctuation", all_of(shamir, b"\x03\x01t\x03a,b")),
        ("all of groups in groups", "a group that is not shamir", all_of(b"\x02\x01\x01\x01a" + groups, a_key)),
    ]


def _vector(made: policy.Policy) -> dict:
    holders = [{"group": group, "index": index, "threshold": threshold} for group, index, threshold in policy.holders(made)]
    name = str(made) if len(str(made)) < 100 else f"{str(made)[:20]}… {len(holders)} holders"
    few = {"text": str(made), "holders": holders} if len(holders) <= 8 else {}
    keys = [
        {"number": number, "token": hsm.token, "key": hsm.key}
        for number, hsm in enumerate(policy.hsm_keys(made), start=1)
    ]
    hsms = {"hsm_keys": keys} if keys else {}
    return {"name": name, "encoded": made.encode(), "holder_count": len(holders), **few, **hsms}
