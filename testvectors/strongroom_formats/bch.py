"""BIP-93's long code with another prefix and another residue, and its correction of up to four symbols."""

ALPHABET = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"
CHECK = 15
RESIDUE = "strngrmsharekey"

# The five multiples of the generator, from BIP-93 (section "Long codex32").
_GENERATOR = (
    0x3D59D273535EA62D897,
    0x7A9BECB6361C6C51507,
    0x543F9B7E6C38D8A2A0E,
    0x0C577EAECCF1990D13C,
    0x1887F74F8DC71B10651,
)


def symbols(text: str) -> list[int]:
    return [ALPHABET.index(character) for character in text]


def text(values: list[int]) -> str:
    return "".join(ALPHABET[value] for value in values)


def number(values: list[int]) -> int:
    """Symbols as one integer, the first the most significant."""
    result = 0
    for value in values:
        result = result << 5 | value
    return result


def polymod(values: list[int], state: int = 1) -> int:
    for value in values:
        carry = state >> 70
        state = (state & (1 << 70) - 1) << 5 ^ value
        for bit in range(5):
            if carry >> bit & 1:
                state ^= _GENERATOR[bit]
    return state


def expand(prefix: str) -> list[int]:
    """BIP-173's expansion of the human-readable part."""
    return [ord(character) >> 5 for character in prefix] + [0] + [ord(character) & 31 for character in prefix]


def check_symbols(prefix: str, data: list[int], residue: str = RESIDUE) -> list[int]:
    remainder = polymod(expand(prefix) + data + [0] * CHECK) ^ number(symbols(residue))
    return [remainder >> 5 * (CHECK - 1 - place) & 31 for place in range(CHECK)]


def is_valid(prefix: str, data: list[int], residue: str = RESIDUE) -> bool:
    """Whether `data`, check symbols included, leaves the residue."""
    return polymod(expand(prefix) + data) == number(symbols(residue))


def correct(prefix: str, data: list[int], unreadable: list[int]) -> list[int] | None:
    """`data` with symbols replaced so that it is valid, or nothing.

    The generator has eight consecutive powers of γ among its roots, so that Peterson's decoder finds up to four errors at
    unknown places; each place that is known to be unreadable takes up one root instead of two.
    """
    difference = polymod(expand(prefix) + data) ^ number(symbols(RESIDUE))
    remainder = [difference >> 5 * place & 31 for place in range(CHECK)]
    syndromes = [_evaluate(remainder, _power(_GAMMA, _FIRST_ROOT + root)) for root in range(8)]
    erased = [len(data) - 1 - place for place in unreadable]
    for errors in range((8 - len(erased)) // 2 + 1):
        corrected = _correct_exactly(data, syndromes, erased, errors)
        if corrected is not None and is_valid(prefix, corrected):
            return corrected
    return None


# GF(32) is BIP-173's: modulo x^5+x^3+1. GF(1024) adjoins ζ with ζ² = ζ + 1; an element a + bζ is the pair (a, b).
_ONE = (1, 0)
_GAMMA = (ALPHABET.index("e"), ALPHABET.index("x"))
_FIRST_ROOT = 1019


def _times32(a: int, b: int) -> int:
    product = 0
    for bit in range(5):
        if b >> bit & 1:
            product ^= a << bit
    for bit in range(8, 4, -1):
        if product >> bit & 1:
            product ^= 0b101001 << (bit - 5)
    return product


def _times(a: tuple[int, int], b: tuple[int, int]) -> tuple[int, int]:
    low, high = _times32(a[0], b[0]), _times32(a[1], b[1])
    return low ^ high, _times32(a[0], b[1]) ^ _times32(a[1], b[0]) ^ high


def _plus(a: tuple[int, int], b: tuple[int, int]) -> tuple[int, int]:
    return a[0] ^ b[0], a[1] ^ b[1]


def _power(a: tuple[int, int], exponent: int) -> tuple[int, int]:
    result, exponent = _ONE, exponent % 1023
    while exponent:
        if exponent & 1:
            result = _times(result, a)
        a, exponent = _times(a, a), exponent >> 1
    return result


def _evaluate(coefficients: list[int], x: tuple[int, int]) -> tuple[int, int]:
    result = (0, 0)
    for coefficient in reversed(coefficients):
        result = _plus(_times(result, x), (coefficient, 0))
    return result


def _solve(rows: list[list[tuple[int, int]]]) -> list[tuple[int, int]] | None:
    """Gauss and Jordan; each row ends with its right-hand side. Nothing where the matrix is singular."""
    size = len(rows)
    for column in range(size):
        pivot = next((row for row in range(column, size) if rows[row][column] != (0, 0)), None)
        if pivot is None:
            return None
        rows[column], rows[pivot] = rows[pivot], rows[column]
        inverse = _power(rows[column][column], 1022)
        rows[column] = [_times(value, inverse) for value in rows[column]]
        for row in range(size):
            factor = rows[row][column]
            if row != column and factor != (0, 0):
                rows[row] = [_plus(value, _times(factor, other)) for value, other in zip(rows[row], rows[column])]
    return [row[-1] for row in rows]


def _correct_exactly(data: list[int], syndromes: list[tuple[int, int]], erased: list[int], errors: int) -> list[int] | None:
    """With just so many errors beside the erased places; both are counted from the end."""
    # What the erased places contribute is annihilated by one step of this recurrence for each of them.
    reduced = syndromes
    for place in erased:
        x = _power(_GAMMA, place)
        reduced = [_plus(after, _times(x, before)) for before, after in zip(reduced, reduced[1:])]
    locator = _solve([[reduced[row + column] for column in range(errors + 1)] for row in range(errors)])
    if locator is None:
        return None
    # The locator's roots are γ to the place of each error.
    found = []
    for place in range(len(data)):
        x, value = _power(_GAMMA, place), (0, 0)
        for coefficient in reversed([*locator, _ONE]):
            value = _plus(_times(value, x), coefficient)
        if value == (0, 0):
            found.append(place)
    if len(found) != errors or set(found) & set(erased):
        return None
    places = found + erased
    values = _solve(
        [[_power(_GAMMA, place * (_FIRST_ROOT + row)) for place in places] + [syndromes[row]] for row in range(len(places))]
    )
    if values is None or any(value[1] for value in values):
        return None
    corrected = list(data)
    for place, value in zip(places, values):
        corrected[len(data) - 1 - place] ^= value[0]
    return corrected
