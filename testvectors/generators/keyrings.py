"""keyrings.json: section Keyring."""

from dataclasses import asdict, replace

from strongroom_formats import keyring, names, record
from strongroom_formats.keyring import Keyring, NamesGeneration, SlotSecret, Term

from .seeds import CREATED, ROOT_ID, ROOT_KEY, STORE_ID, draw, flip

FILE = "keyrings.json"


def make() -> dict:
    first = _first()
    plaintext = first.encode()
    names_at = 1 + 16 + 8 + 8 + 32 + 8 + 8 + 16 + 32
    terms_at = names_at + 1 + 35 + 2 + 48
    descending = _first()
    descending.terms = [_term(2, keyring.ACTIVE), _term(1, keyring.DEACTIVATED)]
    repeated = _first()
    repeated.terms = [_term(1, keyring.DEACTIVATED), _term(1, keyring.ACTIVE)]
    def changed(**fields) -> bytes:
        return replace(first, **fields).encode()

    def names_of(*states: tuple[int, int]) -> list[NamesGeneration]:
        return [NamesGeneration(generation, state, draw("keyring names key")) for generation, state in states]

    active, left = keyring.NAMES_ACTIVE, keyring.NAMES_BEING_LEFT
    names_reason, terms_reason = "not one active names generation, the last", "not one active term, the last"
    twice = [*first.slots, SlotSecret(first.slots[0].slot_id, draw("keyring psk 2"))]
    destroyed_with_key = plaintext[: terms_at + 8] + b"\x03" + plaintext[terms_at + 9 :]

    def refusal(name: str, reason: str, refused: bytes) -> dict:
        return {"name": name, "reason": reason, "plaintext": refused}

    return {
        "accepted": [_vector("the first", first), _vector("after rotations", _later())],
        "refused": [
            refusal("nothing", "truncated", b""),
            refusal("version 0", "unknown version", flip(plaintext, 0, 1)),
            refusal("version 2", "unknown version", flip(plaintext, 0, 3)),
            refusal("last byte missing", "truncated", plaintext[:-1]),
            refusal("a byte too many", "bytes after the end", plaintext + b"\0"),
            refusal("names state 0", "unknown state of a names generation", flip(plaintext, names_at + 3, 1)),
            refusal("names state 3", "unknown state of a names generation", flip(plaintext, names_at + 3, 2)),
            refusal("more slots than there are", "truncated", flip(plaintext, names_at + 36, 0x80)),
            refusal("more terms than there are", "truncated", flip(plaintext, terms_at, 0x80)),
            refusal("term state 0", "unknown state of a term", flip(plaintext, terms_at + 8, 1)),
            refusal("term state 4", "unknown state of a term", flip(plaintext, terms_at + 8, 5)),
            refusal("term 0", "terms are not ascending", flip(plaintext, terms_at + 7, 1)),
            refusal("a destroyed term with its key", "bytes after the end", destroyed_with_key),
            refusal("terms descending", "terms are not ascending", descending.encode()),
            refusal("a term twice", "terms are not ascending", repeated.encode()),
            refusal("no names", names_reason, changed(names=[])),
            refusal("no active names", names_reason, changed(names=names_of((1, left)))),
            refusal("two active names generations", names_reason, changed(names=names_of((1, active), (2, active)))),
            refusal("active names before those being left", names_reason, changed(names=names_of((1, active), (2, left)))),
            refusal("two names generations being left", names_reason, changed(names=names_of((1, left), (2, left), (3, active)))),
            refusal("names descending", "names generations are not ascending", changed(names=names_of((2, left), (1, active)))),
            refusal("a slot twice", "a slot twice", changed(slots=twice)),
            refusal("no terms", terms_reason, changed(terms=[])),
            refusal("no active term", terms_reason, changed(terms=[_term(1, keyring.DEACTIVATED)])),
            refusal("two active terms", terms_reason, changed(terms=[_term(number, keyring.ACTIVE) for number in (1, 2)])),
            refusal(
                "the active term not the last",
                terms_reason,
                changed(terms=[_term(1, keyring.ACTIVE), _term(2, keyring.DEACTIVATED)]),
            ),
        ],
    }


def _term(number: int, state: int) -> Term:
    installed = CREATED + number * 86_400
    left = 0 if state == keyring.ACTIVE else installed + 86_400
    seals = number * 1_000 if state == keyring.DESTROYED else 0
    key = b"" if state == keyring.DESTROYED else draw(f"keyring term key {number}")
    return Term(number, state, installed, left, seals, key)


def _first() -> Keyring:
    return Keyring(
        STORE_ID,
        1,
        1,
        draw("keyring slots digest"),
        0,
        0,
        ROOT_ID,
        draw("keyring purpose key"),
        [NamesGeneration(1, keyring.NAMES_ACTIVE, draw("keyring names key 1"))],
        [SlotSecret(draw("keyring slot id 1", 16), draw("keyring psk 1"))],
        [_term(1, keyring.ACTIVE)],
    )


def _later() -> Keyring:
    states = {1: keyring.DESTROYED, 2: keyring.DESTROYED, 3: keyring.DEACTIVATED, 7: keyring.DEACTIVATED, 300: keyring.ACTIVE}
    return Keyring(
        STORE_ID,
        41,
        7,
        draw("keyring later slots digest"),
        30 * 86_400,
        2**32,
        ROOT_ID,
        draw("keyring purpose key"),
        [
            NamesGeneration(2, keyring.NAMES_BEING_LEFT, draw("keyring names key 2")),
            NamesGeneration(3, keyring.NAMES_ACTIVE, draw("keyring names key 3")),
        ],
        [SlotSecret(draw(f"keyring slot id {slot}", 16), draw(f"keyring psk {slot}")) for slot in (1, 2, 3)],
        [_term(number, state) for number, state in states.items()],
    )


def _vector(name: str, made: Keyring) -> dict:
    plaintext = made.encode()
    key = keyring.keyring_key(STORE_ID, ROOT_KEY)
    salt, commit = draw(f"keyring salt, {name}", 16), draw(f"keyring commit, {name}", 4)
    sealed = record.seal(key, STORE_ID, 0, salt, commit, 0, names.system("keyring"), plaintext)
    return {
        "name": name,
        **asdict(made),
        "purposes": [
            {"purpose": purpose, "key": keyring.purpose(made.purpose_key, purpose)} for purpose in ("backup", "another purpose")
        ],
        "plaintext": plaintext,
        "root_key": ROOT_KEY,
        "keyring_key": key,
        "storage_key": names.system("keyring"),
        "salt": salt,
        "session_key": sealed.session_key,
        "record": sealed.record,
    }
