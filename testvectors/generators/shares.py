"""shares.json: section Share, and the splitting beneath it."""

import base64

from strongroom_formats import bch, shamir, share
from strongroom_formats.share import Share
from strongroom_formats.wire import u8

from .seeds import draw

FILE = "shares.json"


def make() -> dict:
    return {
        "multiplication": _multiplication(),
        "splits": _splits(),
        "accepted": [_text(name, made) for name, made in _shares()],
        "written_otherwise": _written_otherwise(),
        "corrected": _corrected(),
        "refused": _refused(),
        "vault": _vault(),
        "vault_refused": _vault_refused(),
    }


def _multiplication() -> list[dict]:
    """Products and inverses that tell this field from others of 256 elements; FIPS 197 has the first two."""
    pairs = [(0x57, 0x83), (0x57, 0x13), (0x02, 0x80), (0xFF, 0xFF), (0x53, 0xCA), (0x01, 0xB6), (0x00, 0xC3)]
    return [{"a": a, "b": b, "product": shamir.multiply(a, b)} for a, b in pairs]


def _splits() -> list[dict]:
    vectors = []
    for threshold, count in [(1, 1), (1, 3), (2, 2), (2, 3), (3, 5), (5, 8), (8, 8)]:
        name = f"{threshold} of {count}"
        secret = draw(f"split secret, {name}")
        coefficients = [draw(f"split coefficients, {name}, x^{power}") for power in range(1, threshold)]
        xs = list(range(1, count + 1))
        ys = shamir.split(secret, coefficients, xs)
        vectors.append(
            {
                "name": name,
                "threshold": threshold,
                "secret": secret,
                "coefficients": coefficients,
                "shares": [{"x": x, "y": y} for x, y in zip(xs, ys)],
            }
        )
    return vectors


def _shares() -> list[tuple[str, Share]]:
    set_id = draw("share set id", 16)
    return [
        ("of shamir(3 of 5)", Share(set_id, 0, 2, 3, draw("share y"))),
        ("of a group", Share(set_id, 2, 1, 1, draw("share y"))),
        ("of shamir(1 of 1)", Share(set_id, 0, 1, 1, draw("share y"))),
        ("all zeros that may be", Share(bytes(16), 0, 1, 1, bytes(32))),
        ("all ones", Share(b"\xff" * 16, 255, 255, 255, b"\xff" * 32)),
    ]


def _fields(made: Share) -> dict:
    return {"set_id": made.set_id, "group": made.group, "index": made.index, "threshold": made.threshold, "y": made.y}


def _text(name: str, made: Share) -> dict:
    encoded = made.encode()
    data = share.data_symbols(encoded)
    return {
        "name": name,
        **_fields(made),
        "encoded": encoded,
        "data_symbols": bch.text(data),
        "check_symbols": bch.text(bch.check_symbols(share.PREFIX, data)),
        "text": share.to_text(encoded),
    }


def _example() -> tuple[Share, str]:
    made = _shares()[0][1]
    return made, share.to_text(made.encode())


def _written_otherwise() -> list[dict]:
    made, text = _example()
    fours = [text[place : place + 4] for place in range(0, len(text), 4)]
    forms = {
        "upper case": text.upper(),
        "groups of four with spaces": " ".join(fours),
        "groups of four with hyphens, upper case": "-".join(fours).upper(),
        "mixed case": "".join(letter.upper() if place % 3 else letter for place, letter in enumerate(text)),
        "lines, tabs and spaces around": f" {text[:34]}\n\t{text[34:68]}\r\n{text[68:]} ",
        "a space in the prefix": text[0] + " " + text[1:],
    }
    return [{"name": name, "text": form, **_fields(made)} for name, form in forms.items()]


def _replace(text: str, places: list[int], step: int) -> str:
    """Each symbol at the given places after the prefix replaced by the one `step` further in the alphabet."""
    characters = list(text)
    for place in places:
        at = len(share.PREFIX) + 1 + place
        characters[at] = bch.ALPHABET[bch.ALPHABET.index(characters[at]) ^ step]
    return "".join(characters)


def _erase(text: str, places: list[int], marks: str) -> str:
    """The given places after the prefix overwritten with marks, in turn."""
    characters = list(text)
    for number, place in enumerate(places):
        characters[len(share.PREFIX) + 1 + place] = marks[number % len(marks)]
    return "".join(characters)


def _corrected() -> list[dict]:
    made, text = _example()
    errors = {
        "the first symbol": [0],
        "the last symbol of the data": [83],
        "the first check symbol": [84],
        "the last check symbol": [98],
        "two beside each other": [40, 41],
        "three spread": [3, 50, 97],
        "four spread": [1, 30, 60, 90],
        "four beside each other": [20, 21, 22, 23],
        "four check symbols": [84, 88, 93, 98],
    }
    written = {name: (places, _replace(text, places, 1 + number)) for number, (name, places) in enumerate(errors.items())}
    eight = [2, 12, 21, 33, 40, 61, 70, 83]
    written |= {
        "one unreadable": ([50], _erase(text, [50], "?")),
        "eight unreadable": (eight, _erase(text, eight, "?")),
        "eight unreadable beside each other": (list(range(88, 96)), _erase(text, list(range(88, 96)), "?")),
        "letters that the alphabet has not": (eight, _erase(text, eight, "bio1BIO1")),
        "two unreadable and three wrong": (eight[:5], _erase(_replace(text, eight[2:5], 9), eight[:2], "?")),
        "six unreadable and one wrong": (eight[:7], _erase(_replace(text, eight[6:7], 9), eight[:6], "?")),
    }
    return [
        {"name": name, "text": wrong, "places": places, "corrected": text, **_fields(made)}
        for name, (places, wrong) in written.items()
    ]


def _refused() -> list[dict]:
    made, text = _example()
    data = share.data_symbols(made.encode())

    def refusal(name: str, reason: str, refused: str) -> dict:
        return {"name": name, "reason": reason, "text": refused}

    def finished(values: list[int], residue: str = bch.RESIDUE, prefix: str = share.PREFIX) -> str:
        return share.PREFIX + "1" + bch.text(values + bch.check_symbols(prefix, values, residue))

    version_2 = share.data_symbols(u8(2) + made.encode()[1:])
    index_0 = share.data_symbols(Share(made.set_id, 0, 0, 3, made.y).encode())
    threshold_0 = share.data_symbols(Share(made.set_id, 0, 2, 0, made.y).encode())
    return [
        refusal("nothing", "wrong prefix", ""),
        refusal("the prefix alone", "wrong length", "sr1"),
        refusal("another prefix", "wrong prefix", "ms1" + text[3:]),
        refusal("without the separator", "wrong prefix", "sr" + text[3:]),
        refusal("one symbol less", "wrong length", text[:-1]),
        refusal("one symbol more", "wrong length", text + "q"),
        refusal("five errors", "too many errors", _replace(text, [2, 21, 40, 61, 83], 7)),
        refusal("eight errors", "too many errors", _replace(text, [2, 12, 21, 33, 40, 61, 70, 83], 7)),
        refusal("nine unreadable", "too many errors", _erase(text, list(range(0, 90, 10)), "?")),
        refusal("seven unreadable and one wrong", "too many errors", _erase(_replace(text, [80], 9), list(range(0, 70, 10)), "?")),
        refusal("one unreadable and four wrong", "too many errors", _erase(_replace(text, [5, 25, 45, 65], 9), [0], "?")),
        refusal("a character that stands in no share", "a character that stands in no share", text[:50] + "!" + text[51:]),
        refusal("a letter like one of the alphabet", "a character that stands in no share", text[:50] + "\u0430" + text[51:]),
        refusal("BIP-93's own residue", "too many errors", finished(data, residue="secretshare32ex")),
        refusal("checked with another prefix", "too many errors", finished(data, prefix="ms")),
        refusal("version 0", "unknown version", finished(share.data_symbols(u8(0) + made.encode()[1:]))),
        refusal("version 2", "unknown version", finished(version_2)),
        refusal("index 0", "index 0", finished(index_0)),
        refusal("threshold 0", "threshold 0", finished(threshold_0)),
        refusal("last 4 bits not zero", "last 4 bits are not zero", finished(data[:-1] + [data[-1] | 1])),
    ]


def _vault() -> list[dict]:
    vectors = []
    for threshold, xs in [(2, [7, 200, 255]), (3, [1, 99, 128, 254, 77])]:
        name = f"{threshold} of {len(xs)}"
        secret = draw(f"vault secret, {name}")
        coefficients = [draw(f"vault coefficients, {name}, x^{power}") for power in range(1, threshold)]
        shares = []
        for x, y in zip(xs, shamir.split(secret, coefficients, xs)):
            raw = share.to_vault(y, x)
            shares.append({"x": x, "y": y, "hex": raw.hex(), "base64": base64.b64encode(raw).decode()})
        vectors.append({"name": name, "threshold": threshold, "secret": secret, "shares": shares})
    return vectors


def _vault_refused() -> list[dict]:
    raw = share.to_vault(draw("vault refused y"), 9)
    return [
        {"name": "nothing", "reason": "too short", "text": ""},
        {"name": "x alone", "reason": "too short", "text": "09"},
        {"name": "x is 0", "reason": "x is 0", "text": (raw[:-1] + b"\0").hex()},
        {"name": "x is 0, base64", "reason": "x is 0", "text": base64.b64encode(raw[:-1] + b"\0").decode()},
        {"name": "half a byte less", "reason": "neither hex nor base64", "text": raw.hex()[:-1]},
        {"name": "a letter that is neither", "reason": "neither hex nor base64", "text": "!" + raw.hex()[1:]},
    ]
