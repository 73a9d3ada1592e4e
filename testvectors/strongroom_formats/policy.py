"""Policies: which shares, together, open a slot."""

from dataclasses import dataclass

from .labels import check_group
from .wire import Reader, Refused, bytes8, u8

SHAMIR, GROUPS = 1, 2


@dataclass(frozen=True)
class Shamir:
    threshold: int
    shares: int

    def encode(self) -> bytes:
        return u8(SHAMIR) + u8(self.threshold) + u8(self.shares)

    def __str__(self) -> str:
        return f"shamir({self.threshold} of {self.shares})"


@dataclass(frozen=True)
class Groups:
    required: int
    groups: tuple[tuple[str, Shamir], ...]

    def encode(self) -> bytes:
        nodes = b"".join(bytes8(name.encode()) + node.encode() for name, node in self.groups)
        return u8(GROUPS) + u8(self.required) + u8(len(self.groups)) + nodes

    def __str__(self) -> str:
        named = ", ".join(f"{name}: {node.threshold} of {node.shares}" for name, node in self.groups)
        return f"groups({self.required} of {{{named}}})"


Policy = Shamir | Groups


def decode(encoded: bytes) -> Policy:
    reader = Reader(encoded)
    tag = reader.u8()
    if tag == SHAMIR:
        policy: Policy = _shamir(reader)
    elif tag == GROUPS:
        policy = _groups(reader)
    else:
        raise Refused("unknown policy")
    reader.end()
    return policy


def _shamir(reader: Reader) -> Shamir:
    threshold, shares = reader.u8(), reader.u8()
    if not 1 <= threshold <= shares:
        raise Refused("threshold out of range")
    return Shamir(threshold, shares)


def _groups(reader: Reader) -> Groups:
    required, count = reader.u8(), reader.u8()
    groups = []
    for _ in range(count):
        name = check_group(reader.bytes8())
        if any(name == other for other, _ in groups):
            raise Refused("two groups of one name")
        if reader.u8() != SHAMIR:
            raise Refused("a group that is not shamir")
        groups.append((name, _shamir(reader)))
    if not 1 <= required <= count:
        raise Refused("threshold out of range")
    return Groups(required, tuple(groups))


def holders(policy: Policy) -> list[tuple[int, int, int]]:
    """Group, index and threshold of every share, in the order of the commitments."""
    if isinstance(policy, Shamir):
        return [(0, index, policy.threshold) for index in range(1, policy.shares + 1)]
    return [
        (number, index, node.threshold)
        for number, (_, node) in enumerate(policy.groups, start=1)
        for index in range(1, node.shares + 1)
    ]
