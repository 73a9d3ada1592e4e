"""Writes interop_pyca.json: keys, signatures and ciphertexts by pyca/cryptography, which is OpenSSL underneath.

    python3 -m venv /tmp/pyca && /tmp/pyca/bin/pip install 'cryptography>=48'
    /tmp/pyca/bin/python crates/transit/tests/interop_pyca.py

The keys are new each time and protect nothing. Bytes are hex.
"""

import json
import pathlib

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, mldsa, mlkem, padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

MESSAGE = b"the message that is signed"
HASHES = {
    "sha2-224": hashes.SHA224(),
    "sha2-256": hashes.SHA256(),
    "sha2-384": hashes.SHA384(),
    "sha2-512": hashes.SHA512(),
    "sha3-224": hashes.SHA3_224(),
    "sha3-256": hashes.SHA3_256(),
    "sha3-384": hashes.SHA3_384(),
    "sha3-512": hashes.SHA3_512(),
}
RSA_HASHES = ["sha2-256", "sha2-384", "sha2-512"]


def keys():
    for bits in (2048, 3072, 4096):
        yield f"rsa-{bits}", rsa.generate_private_key(65537, bits)
    for name, curve in (("p256", ec.SECP256R1()), ("p384", ec.SECP384R1()), ("p521", ec.SECP521R1())):
        yield f"ecdsa-{name}", ec.generate_private_key(curve)
    yield "ed25519", ed25519.Ed25519PrivateKey.generate()
    for name, kind in (("44", mldsa.MLDSA44PrivateKey), ("65", mldsa.MLDSA65PrivateKey), ("87", mldsa.MLDSA87PrivateKey)):
        yield f"ml-dsa-{name}", kind.generate()
    for name, kind in (("768", mlkem.MLKEM768PrivateKey), ("1024", mlkem.MLKEM1024PrivateKey)):
        yield f"ml-kem-{name}", kind.generate()


def encodings(key):
    private = lambda encoding, form: key.private_bytes(encoding, form, NoEncryption())
    public = lambda encoding: key.public_key().public_bytes(encoding, PublicFormat.SubjectPublicKeyInfo)
    texts = [private(Encoding.PEM, PrivateFormat.PKCS8).decode()]
    if isinstance(key, (rsa.RSAPrivateKey, ec.EllipticCurvePrivateKey)):
        texts.append(private(Encoding.PEM, PrivateFormat.TraditionalOpenSSL).decode())
    return {
        "pkcs8": private(Encoding.DER, PrivateFormat.PKCS8).hex(),
        "private_pem": texts,
        "spki": public(Encoding.DER).hex(),
        "public_pem": public(Encoding.PEM).decode(),
    }


def signatures(name, key):
    if name.startswith("rsa"):
        for hash_name in RSA_HASHES:
            hash_ = HASHES[hash_name]
            pkcs1 = key.sign(MESSAGE, padding.PKCS1v15(), hash_)
            yield {"hash": hash_name, "padding": "pkcs1v15", "salt": "hash", "signature": pkcs1.hex()}
            longest = padding.calculate_max_pss_salt_length(key, hash_)
            for salt in (0, hash_.digest_size, longest):
                scheme = padding.PSS(padding.MGF1(hash_), salt)
                pss = key.sign(MESSAGE, scheme, hash_)
                yield {"hash": hash_name, "padding": "pss", "salt": str(salt), "signature": pss.hex()}
    elif name.startswith("ecdsa"):
        for hash_name, hash_ in HASHES.items():
            signature = key.sign(MESSAGE, ec.ECDSA(hash_))
            yield {"hash": hash_name, "padding": "", "salt": "", "signature": signature.hex()}
    elif not name.startswith("ml-kem"):
        yield {"hash": "sha2-256", "padding": "", "salt": "", "signature": key.sign(MESSAGE).hex()}


def ciphertexts(name, key):
    if not name.startswith("rsa"):
        return
    for hash_name, hash_ in {"sha1": hashes.SHA1(), **{name: HASHES[name] for name in RSA_HASHES}}.items():
        oaep = padding.OAEP(padding.MGF1(hash_), hash_, None)
        yield {"hash": hash_name, "ciphertext": key.public_key().encrypt(b"a data key", oaep).hex()}


def encapsulations(name, key):
    if name.startswith("ml-kem"):
        for _ in range(4):
            shared, ciphertext = key.public_key().encapsulate()
            yield {"ciphertext": ciphertext.hex(), "shared": shared.hex()}


def main():
    made = [
        {
            "type": name,
            **encodings(key),
            "signatures": list(signatures(name, key)),
            "ciphertexts": list(ciphertexts(name, key)),
            "encapsulations": list(encapsulations(name, key)),
        }
        for name, key in keys()
    ]
    text = json.dumps({"message": MESSAGE.hex(), "keys": made}, indent=1)
    pathlib.Path(__file__).with_suffix(".json").write_text(text + "\n")


main()
