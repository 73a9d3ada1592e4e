"""Policies: which shares and which keys in HSMs, together, open a slot."""

from dataclasses import dataclass

from .labels import check_group, check_hsm
from .wire import Reader, Refused, bytes8, u8

SHAMIR, GROUPS, HSM, ALL = 1, 2, 3, 4
MIN_NODES, MAX_NODES = 2, 8
MAX_GROUP_NAMES = 32768


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


@dataclass(frozen=True)
class Hsm:
    token: str
    key: str

    def encode(self) -> bytes:
        return u8(HSM) + bytes8(self.token.encode()) + bytes8(self.key.encode())

    def __str__(self) -> str:
        return f"hsm({self.token}, {self.key})"


Sharing = Shamir | Groups
Part = Sharing | Hsm


@dataclass(frozen=True)
class All:
    nodes: tuple[Part, ...]

    def encode(self) -> bytes:
        return u8(ALL) + u8(len(self.nodes)) + b"".join(node.encode() for node in self.nodes)

    def __str__(self) -> str:
        return f"all({', '.join(str(node) for node in self.nodes)})"


Policy = Part | All


def decode(encoded: bytes) -> Policy:
    reader = Reader(encoded)
    tag = reader.u8()
    policy = _all(reader) if tag == ALL else _part(tag, reader)
    reader.end()
    return policy


def _all(reader: Reader) -> All:
    count = reader.u8()
    if not MIN_NODES <= count <= MAX_NODES:
        raise Refused("all of fewer than 2 or more than 8")
    nodes: list[Part] = []
    for _ in range(count):
        tag = reader.u8()
        if tag == ALL:
            raise Refused("all within all")
        node = _part(tag, reader)
        if isinstance(node, Hsm) and node in nodes:
            raise Refused("one key twice")
        if isinstance(node, Sharing) and any(isinstance(other, Sharing) for other in nodes):
            raise Refused("two nodes with shares")
        nodes.append(node)
    return All(tuple(nodes))


def _part(tag: int, reader: Reader) -> Part:
    if tag == SHAMIR:
        return _shamir(reader)
    if tag == GROUPS:
        return _groups(reader)
    if tag == HSM:
        return Hsm(check_hsm(reader.bytes8()), check_hsm(reader.bytes8()))
    raise Refused("unknown policy")


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
    if sum(len(name.encode()) for name, _ in groups) > MAX_GROUP_NAMES:
        raise Refused("names of groups are too long together")
    if not 1 <= required <= count:
        raise Refused("threshold out of range")
    return Groups(required, tuple(groups))


def parts(policy: Policy) -> tuple[Part, ...]:
    """What has a secret of its own, in the order of the policy."""
    return policy.nodes if isinstance(policy, All) else (policy,)


def sharing(policy: Policy) -> Sharing | None:
    """The part whose secret is split into shares."""
    return next((part for part in parts(policy) if isinstance(part, Sharing)), None)


def hsm_keys(policy: Policy) -> list[Hsm]:
    """The keys in HSMs; each one's number is its place here, from 1."""
    return [part for part in parts(policy) if isinstance(part, Hsm)]


def holders(policy: Policy) -> list[tuple[int, int, int]]:
    """Group, index and threshold of every share, in the order of the commitments."""
    shared = sharing(policy)
    if shared is None:
        return []
    if isinstance(shared, Shamir):
        return [(0, index, shared.threshold) for index in range(1, shared.shares + 1)]
    return [
        (number, index, node.threshold)
        for number, (_, node) in enumerate(shared.groups, start=1)
        for index in range(1, node.shares + 1)
    ]
