"""Writes rsa_weak.txt: RSA-2048 keys that fit together and are weak, and two that are not, which are the controls.

    python3 crates/transit/tests/rsa_weak.py

A line is a name and a PKCS #8 document in base64. The keys are drawn from a fixed seed: they are for tests alone.
"""

import base64
import math
import pathlib
import random

DRAW = random.Random("strongroom: weak RSA keys")


def is_prime(n):
    if any(n % small == 0 for small in (2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37)):
        return False
    odd, twos = n - 1, 0
    while odd % 2 == 0:
        odd, twos = odd // 2, twos + 1
    for _ in range(16):
        x = pow(DRAW.randrange(2, n - 1), odd, n)
        if x in (1, n - 1):
            continue
        for _ in range(twos - 1):
            x = x * x % n
            if x == n - 1:
                break
        else:
            return False
    return True


def fits(prime, e):
    return math.gcd(prime - 1, e) == 1


def draw_prime(bits, e=65537):
    while True:
        candidate = DRAW.getrandbits(bits) | 3 << (bits - 2) | 1
        if fits(candidate, e) and is_prime(candidate):
            return candidate


def next_prime(n, e=65537):
    n |= 1
    while not (fits(n, e) and is_prime(n)):
        n += 2
    return n


def tlv(tag, content):
    size = len(content)
    width = 0 if size < 128 else (size.bit_length() + 7) // 8
    header = bytes([size]) if width == 0 else bytes([0x80 | width]) + size.to_bytes(width, "big")
    return bytes([tag]) + header + content


def integer(n):
    return tlv(2, n.to_bytes(n.bit_length() // 8 + 1, "big"))


def document(p, q, e=65537):
    """The key of two factors, computed as if both were primes."""
    n, d = p * q, pow(e, -1, (p - 1) * (q - 1))
    assert n.bit_length() == 2048
    numbers = [0, n, e, d, p, q, d % (p - 1), d % (q - 1), pow(q, -1, p)]
    key = tlv(0x30, b"".join(map(integer, numbers)))
    algorithm = tlv(0x30, bytes.fromhex("06092a864886f70d0101010500"))
    return tlv(0x30, integer(0) + algorithm + tlv(4, key))


def composite(e=65537):
    while True:
        product = draw_prime(512) * draw_prime(512)
        if product.bit_length() == 1024 and fits(product, e):
            return product


def tiny():
    while True:
        q = draw_prime(2038)
        if (1009 * q).bit_length() == 2048:
            return document(1009, q)


def main():
    p, q = draw_prime(1024), draw_prime(1024)
    keys = {
        "good": document(p, q),
        "apart": document(p, next_prime(p + (1 << 930))),
        "exponent-3": document(draw_prime(1024, 3), draw_prime(1024, 3), 3),
        "exponent-65535": document(draw_prime(1024, 65535), draw_prime(1024, 65535), 65535),
        "close": document(p, next_prime(p + (1 << 920))),
        "neighbours": document(p, next_prime(p + 2)),
        "unequal": document(draw_prime(1000), draw_prime(1048)),
        "tiny": tiny(),
        "composite": document(composite(), q),
    }
    lines = [f"{name} {base64.b64encode(key).decode()}\n" for name, key in keys.items()]
    pathlib.Path(__file__).with_name("rsa_weak.txt").write_text("".join(lines))


main()
