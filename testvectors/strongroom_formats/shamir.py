"""Shamir's secret sharing, byte by byte over GF(2^8) modulo x^8+x^4+x^3+x+1."""

from .wire import Refused

MODULUS = 0x11B


def multiply(a: int, b: int) -> int:
    """Schoolbook multiplication of polynomials, then reduction."""
    product = 0
    for bit in range(8):
        if b >> bit & 1:
            product ^= a << bit
    for bit in range(14, 7, -1):
        if product >> bit & 1:
            product ^= MODULUS << (bit - 8)
    return product


def invert(a: int) -> int:
    return next(b for b in range(1, 256) if multiply(a, b) == 1)


def split(secret: bytes, coefficients: list[bytes], xs: list[int]) -> list[bytes]:
    """The shares' y for each x. `coefficients` are those of x, x^2, …: one string for each, a byte for each byte."""
    assert all(len(coefficient) == len(secret) for coefficient in coefficients)
    shares = []
    for x in xs:
        assert 1 <= x <= 255
        y = bytes(len(secret))
        for coefficient in reversed([secret, *coefficients]):
            y = bytes(multiply(value, x) ^ addend for value, addend in zip(y, coefficient))
        shares.append(y)
    return shares


def combine(shares: list[tuple[int, bytes]]) -> bytes:
    """Lagrange interpolation at 0 over all the given shares."""
    xs = [x for x, _ in shares]
    if not shares or 0 in xs or len(set(xs)) != len(xs) or len({len(y) for _, y in shares}) != 1:
        raise Refused("shares do not fit together")
    secret = bytes(len(shares[0][1]))
    for x, y in shares:
        weight = 1
        for other in xs:
            if other != x:
                weight = multiply(weight, multiply(other, invert(other ^ x)))
        secret = bytes(total ^ multiply(weight, value) for total, value in zip(secret, y))
    return secret
