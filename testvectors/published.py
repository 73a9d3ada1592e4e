"""The building blocks against vectors that others published; most come in the package `cryptography-vectors`."""

import json
import re
from pathlib import Path

import cryptography_vectors
from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PrivateKey
from cryptography.hazmat.primitives.ciphers.aead import AESSIV
from kyber_py.ml_kem import ML_KEM_768

from strongroom_formats import bch, floe, hpke, primitives, shamir, xwing

raw = bytes.fromhex


def _open(path: str) -> str:
    with cryptography_vectors.open_vector_file(path, "r") as file:
        return file.read()


def _blocks(path: str) -> list[dict[str, str]]:
    """Vectors written as `name = value` lines, one after the other; the first name starts a vector."""
    vectors: list[dict[str, str]] = []
    for line in _open(path).splitlines():
        name, equals, value = line.partition("=")
        if not equals or line.startswith("#"):
            continue
        if name.strip().lower() == "count":
            vectors.append({})
        elif vectors:
            vectors[-1][name.strip()] = value.strip()
    return vectors


def hkdf() -> int:
    """RFC 5869, appendix A, the vectors with SHA-256."""
    vectors = _blocks("KDF/rfc-5869-HKDF-SHA256.txt")
    for vector in vectors:
        prk = primitives.hkdf_extract(raw(vector["salt"]), raw(vector["IKM"]))
        assert prk == raw(vector["PRK"])
        assert primitives.hkdf_expand(prk, raw(vector["info"]), int(vector["L"])) == raw(vector["OKM"])
    assert len(vectors) == 3
    return len(vectors)


def gcm() -> int:
    """CAVP, AES-256-GCM with a 96-bit nonce and a 128-bit tag, encryption."""
    count, lengths, vector = 0, {}, {}
    for line in _open("ciphers/AES/GCM/gcmEncryptExtIV256.rsp").splitlines():
        if match := re.match(r"\[(\w+) = (\d+)\]", line):
            lengths[match[1]] = int(match[2])
        name, equals, value = line.partition(" =")
        if equals and not line.startswith("["):
            vector[name] = value.strip()
        if name == "Tag" and lengths["IVlen"] == 96 and lengths["Taglen"] == 128:
            sealed = primitives.gcm_seal(raw(vector["Key"]), raw(vector["IV"]), raw(vector["PT"]), raw(vector["AAD"]))
            assert sealed == raw(vector["CT"]) + raw(vector["Tag"])
            count += 1
    assert count > 300
    return count


def siv() -> int:
    """RFC 5297, appendix A, and OpenSSL's vectors with longer keys."""
    vectors = _blocks("ciphers/AES/SIV/openssl.txt")
    with_512_bits = 0
    for vector in vectors:
        associated = [raw(value) for name, value in vector.items() if name.startswith("AAD")]
        key, plaintext = raw(vector["Key"]), raw(vector["Plaintext"])
        expected = raw(vector["Tag"]) + raw(vector["Ciphertext"])
        if plaintext:
            assert AESSIV(key).encrypt(plaintext, associated) == expected
        if len(key) == 64 and len(associated) == 1:
            assert primitives.siv_seal(key, plaintext, associated[0]) == expected
            assert primitives.siv_open(key, expected, associated[0]) == plaintext
            with_512_bits += 1
    assert with_512_bits > 0
    return len(vectors)


def ml_kem() -> int:
    """The NIST-style answers for ML-KEM-768, and `kyber-py` against `cryptography` with the same seeds."""
    vectors = _blocks("asymmetric/MLKEM/kat_MLKEM_768.rsp")[:25]
    for vector in vectors:
        seed = raw(vector["d"]) + raw(vector["z"])
        public, private = ML_KEM_768.key_derive(seed)
        assert public == raw(vector["pk"])
        shared, ciphertext = ML_KEM_768._encaps_internal(public, raw(vector["msg"]))
        assert (shared, ciphertext) == (raw(vector["ss"]), raw(vector["ct"]))
        assert ML_KEM_768.decaps(private, ciphertext) == shared
        other = MLKEM768PrivateKey.from_seed_bytes(seed)
        assert other.public_key().public_bytes_raw() == public and other.decapsulate(ciphertext) == shared
    assert len(vectors) == 25
    return len(vectors)


def x_wing() -> int:
    """draft-connolly-cfrg-xwing-kem-10, appendix C; the long values by their SHA-256."""
    for seed, eseed, public_hash, ciphertext_hash, expected in _XWING:
        public = xwing.public_key(raw(seed))
        shared, ciphertext = xwing.encapsulate(public, raw(eseed))
        assert primitives.sha256(public) == raw(public_hash) and primitives.sha256(ciphertext) == raw(ciphertext_hash)
        assert shared == raw(expected) == xwing.decapsulate(raw(seed), ciphertext)
    return len(_XWING)


def hpke_p256() -> int:
    """RFC 9180's vectors with DHKEM(P-256) and HKDF-SHA256, in mode_base and mode_psk, with every AEAD that encrypts."""
    count = 0
    for vector in json.loads(_open("HPKE/test-vectors.json")):
        if vector["kem_id"] == 0x0010 and vector["kdf_id"] == 1 and vector["mode"] in (0, 1) and vector["aead_id"] in (1, 2, 3):
            _hpke(hpke.P256, vector)
            count += 1
    assert count == 6
    return count


def hpke_x_wing() -> int:
    """draft-ietf-hpke-pq's vectors with MLKEM768-X25519 and HKDF-SHA256."""
    count = 0
    for vector in json.loads(_open("HPKE/hpke-pq-test-vectors.json")):
        if vector["kem_id"] == 0x647A and vector["kdf_id"] == 1:
            _hpke(hpke.XWing, vector)
            count += 1
    assert count == 1
    return count


def _hpke(kem, vector: dict) -> None:
    pair = kem.derive_key_pair(raw(vector["ikmR"]))
    assert (pair.private_key, pair.public_key) == (raw(vector["skRm"]), raw(vector["pkRm"]))
    shared, enc = kem.encapsulate(pair.public_key, raw(vector["ikmE"]))
    assert (shared, enc) == (raw(vector["shared_secret"]), raw(vector["enc"])) and kem.decapsulate(pair, enc) == shared
    psk, psk_id, info = raw(vector.get("psk", "")), raw(vector.get("psk_id", "")), raw(vector["info"])
    schedule = hpke.key_schedule(vector["kem_id"], vector["aead_id"], vector["mode"], shared, info, psk, psk_id)
    assert (schedule.key, schedule.base_nonce) == (raw(vector["key"]), raw(vector["base_nonce"]))
    assert schedule.exporter_secret == raw(vector["exporter_secret"])
    first = vector["encryptions"][0]
    plaintext, sealed = raw(first.get("plaintext", first.get("pt", ""))), raw(first.get("ciphertext", first.get("ct", "")))
    if vector["aead_id"] == hpke.AEAD_AES_256_GCM:
        assert primitives.gcm_seal(schedule.key, schedule.base_nonce, plaintext, raw(first["aad"])) == sealed


def long_code() -> int:
    """BIP-93, test vector 5, which is the only long one; and that no single wrong symbol passes."""
    residue = "secretshare32ex"
    data = bch.symbols(_BIP93_LONG[3:].lower())
    assert bch.is_valid("ms", data, residue)
    assert bch.check_symbols("ms", data[:-15], residue) == data[-15:]
    for place in range(len(data)):
        for error in range(1, 32):
            assert not bch.is_valid("ms", [*data[:place], data[place] ^ error, *data[place + 1 :]], residue)
    assert bch.polymod(bch.expand("ms")) == 0x23181B3, "BIP-93's initial residue is that of its prefix"
    assert bch.number(bch.symbols(residue)) == 0x43381E570BF4798AB26, "BIP-93's MS32_LONG_CONST"
    return 1 + 31 * len(data)


def field() -> int:
    """FIPS 197, section 4.2, and that every element but 0 has one inverse."""
    assert shamir.multiply(0x57, 0x83) == 0xC1 and shamir.multiply(0x57, 0x13) == 0xFE
    for a in range(1, 256):
        assert sum(shamir.multiply(a, b) == 1 for b in range(256)) == 1
    return 257


def floe_answers() -> int:
    """Known answers that an independent implementation carries (`floe/published.json`), opened and made again."""
    document = json.loads((Path(__file__).parent / "floe" / "published.json").read_text())
    key, associated = bytes(32), document["associated_data"].encode()
    for answer in document["answers"]:
        sealed, plaintext = raw(answer["ciphertext"]), raw(answer["plaintext"])
        segment = int.from_bytes(sealed[2:6], "big")
        assert floe.decrypt(key, associated, sealed, answer["rotation"], shortest=40) == plaintext
        ivs = [sealed[at + 4 : at + 16] for at in range(floe.HEADER, len(sealed), segment)]
        assert floe.encrypt(key, associated, segment, sealed[10:42], ivs, plaintext, answer["rotation"]) == sealed
    return len(document["answers"])


CHECKS = (hkdf, gcm, siv, ml_kem, x_wing, hpke_p256, hpke_x_wing, long_code, field, floe_answers)

_XWING = (
    (
        "7f9c2ba4e88f827d616045507605853ed73b8093f6efbc88eb1a6eacfa66ef26",
        "3cb1eea988004b93103cfb0aeefd2a686e01fa4a58e8a3639ca8a1e3f9ae57e235b8cc873c23dc62b8d260169afa2f75ab916a58d974918835d25e6a435085b2",
        "2e816deebcd76c5c80d0cd2d174478871658e8e2ff42bc9d4a6e486372e856bb",
        "17cd532d657e44c897ca6583e548a5424fc70bf54f99515a4d2bcf99e3469f33",
        "d2df0522128f09dd8e2c92b1e905c793d8f57a54c3da25861f10bf4ca613e384",
    ),
    (
        "badfd6dfaac359a5efbb7bcc4b59d538df9a04302e10c8bc1cbf1a0b3a5120ea",
        "17cda7cfad765f5623474d368ccca8af0007cd9f5e4c849f167a580b14aabdefaee7eef47cb0fca9767be1fda69419dfb927e9df07348b196691abaeb580b32d",
        "c42ba5f8430d7d2c83739338203819f090e8303ce9c8b02107c272bfa5376916",
        "1661ea86d608a1924ba30840cb0a65f13ae051e3aec9cf0f064efc0bc92f2154",
        "f2e86241c64d60f6649fbc6c5b7d17180b780a3f34355e64a85749949c45f150",
    ),
    (
        "ef58538b8d23f87732ea63b02b4fa0f4873360e2841928cd60dd4cee8cc0d4c9",
        "22a96188d032675c8ac850933c7aff1533b94c834adbb69c6115bad4692d8619f90b0cdf8a7b9c264029ac185b70b83f2801f2f4b3f70c593ea3aeeb613a7f1b",
        "6b080d6b84f095342092fa7a22423e58bd681397ad0ef00eac92bd254db4fa95",
        "d3ca5578500344b5896cffc4fd740c9311946b82951df155e6fd86a7966b43c6",
        "953f7f4e8c5b5049bdc771d1dffada0dd961477d1a2ae0988baa7ea6898d893f",
    ),
)

_BIP93_LONG = (
    "MS100C8VSM32ZXFGUHPCHTLUPZRY9X8GF2TVDW0S3JN54KHCE6MUA7LQPZYGSFJD6AN074RXVCEMLH8WU3TK925ACDEFGHJKLMNPQRSTUVWXY06F"
    "HPV80UNDVARHRAK"
)
