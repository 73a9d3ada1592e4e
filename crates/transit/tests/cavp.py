"""Writes cavp.txt: a selection of NIST's published test vectors (CAVP, and the known answers of FIPS 203 and 204), as pyca's
package of vectors carries them, and those of RFC 4231 and RFC 8032. NIST's are in the public domain.

    python3 -m venv /tmp/cavp && /tmp/cavp/bin/pip install cryptography_vectors==50.0.2
    /tmp/cavp/bin/python crates/transit/tests/cavp.py

A line is one case: what it is, then its parts in hex, `-` for nothing.
"""

import hashlib
import pathlib
import re

import cryptography_vectors

VECTORS = pathlib.Path(cryptography_vectors.__file__).parent
HASHES = {"SHA224": "sha2-224", "SHA256": "sha2-256", "SHA384": "sha2-384", "SHA512": "sha2-512"}


def cases(path):
    """The cases of a file: each a dictionary of what was said last, and in which section."""
    section, case = {}, {}
    for line in (VECTORS / path).read_text().splitlines():
        line = line.strip()
        if line.startswith("["):
            if case:
                yield {**section, **case}
            if not re.match(r"\[(PT|AAD|IV|Tag)len", line):
                section = {}
            case = {}
            name, _, value = line.strip("[]").partition("=")
            section[name.strip()] = value.strip()
        elif line == "FAIL":
            case["FAIL"] = True
        elif not line or line.startswith("#"):
            if case:
                yield {**section, **case}
            case = {}
        else:
            name, _, value = line.partition("=")
            # In some files there is nothing between two cases.
            if name.strip() in case:
                yield {**section, **case}
                case = {}
            case[name.strip()] = value.strip()
    if case:
        yield {**section, **case}


def line(*parts):
    return " ".join(part or "-" for part in parts)


def aes_gcm():
    for bits in ["128", "256"]:
        for kind in ["Decrypt", "EncryptExtIV"]:
            seen = {}
            for case in cases(f"ciphers/AES/GCM/gcm{kind}{bits}.rsp"):
                if "Key" not in case or case["IVlen"] != "96" or case["Taglen"] != "128":
                    continue
                lengths = (case["PTlen"], case["AADlen"])
                seen[lengths] = seen.get(lengths, 0) + 1
                if seen[lengths] <= 4:
                    plaintext = "FAIL" if "FAIL" in case else case["PT"]
                    yield line("aes-gcm", case["Key"], case["IV"], case["AAD"], plaintext, case["CT"], case["Tag"])


def ecdsa():
    for case in cases("asymmetric/ECDSA/FIPS_186-3/SigVer.rsp"):
        group = next((name for name in case if name.startswith("P-")), None)
        if group is None or "Msg" not in case:
            continue
        curve, digest = group.split(",")
        digest = HASHES.get(digest.replace("-", ""))
        if curve in ["P-256", "P-384", "P-521"] and digest:
            parts = [case[name] for name in ["Msg", "Qx", "Qy", "R", "S"]]
            yield line("ecdsa", "ecdsa-" + curve.lower().replace("-", ""), digest, *parts, case["Result"][0])


def rsa():
    for padding, path in [("pss", "SigVerPSS_186-3.rsp"), ("pkcs1", "SigVer15_186-3.rsp")]:
        modulus, seen = None, {}
        for case in cases(f"asymmetric/RSA/FIPS_186-2/{path}"):
            modulus = case.get("n", modulus)
            digest = HASHES.get(case.get("SHAAlg"))
            if digest in ["sha2-256", "sha2-384", "sha2-512"] and len(modulus) >= 512:
                result = case["Result"][0]
                group = (len(modulus), digest, result)
                seen[group] = seen.get(group, 0) + 1
                if seen[group] > 3:
                    continue
                exponent = case["e"].lstrip("0").rjust(2, "0")
                exponent = exponent.rjust(len(exponent) + len(exponent) % 2, "0")
                salt = case.get("SaltVal", "") if padding == "pss" else ""
                yield line("rsa", padding, digest, modulus, exponent, case["Msg"], case["S"], salt, result)


def digests():
    names = {f"SHA2/SHA{size}": f"sha2-{size}" for size in [224, 256, 384, 512]}
    names |= {f"SHA3/SHA3_{size}": f"sha3-{size}" for size in [224, 256, 384, 512]}
    for path, name in names.items():
        chosen = [case for case in cases(f"hashes/{path}ShortMsg.rsp") if "Msg" in case]
        for case in chosen[::5]:
            message = "" if case["Len"] == "0" else case["Msg"]
            yield line("hash", name, message, case["MD"])


def key_wrap():
    for bits in ["128", "256"]:
        seen = {}
        for case in cases(f"keywrap/kwtestvectors/KWP_AD_{bits}.txt"):
            length = case.get("PLAINTEXT LENGTH")
            seen[length] = seen.get(length, 0) + 1
            if "K" in case and seen[length] <= 12 and len(case["C"]) <= 600:
                yield line("kwp", case["K"], case["C"], "FAIL" if "FAIL" in case else case["P"])


def hmac():
    for size in ["224", "256", "384", "512"]:
        # Comments stand in the middle of these cases.
        key = message = None
        for text in (VECTORS / f"HMAC/rfc-4231-sha{size}.txt").read_text().splitlines():
            name, _, value = text.partition(" = ")
            key = value if name == "Key" else key
            message = value if name == "Msg" else message
            if name == "MD":
                yield line("hmac", f"sha2-{size}", key, message, value)


def ed25519():
    for text in (VECTORS / "asymmetric/Ed25519/sign.input").read_text().splitlines()[:64]:
        secret, public, message, signed = text.split(":")[:4]
        yield line("ed25519", secret[:64], public, message, signed[:128])


def known_answers(path, most):
    found = [case for case in cases(path) if "count" in case]
    assert len(found) >= most, path
    return found[:most]


def sha256(text):
    return hashlib.sha256(bytes.fromhex(text)).hexdigest()


def ml_kem():
    for size in ["768", "1024"]:
        for case in known_answers(f"asymmetric/MLKEM/kat_MLKEM_{size}.rsp", 6):
            yield line("ml-kem", f"ml-kem-{size}", case["d"] + case["z"], sha256(case["pk"]), case["ct"], case["ss"])
            yield line("ml-kem", f"ml-kem-{size}", case["d"] + case["z"], sha256(case["pk"]), case["ct_n"], case["ss_n"])


def ml_dsa():
    for size in ["44", "65", "87"]:
        for case in known_answers(f"asymmetric/MLDSA/kat_MLDSA_{size}_det_pure.rsp", 100):
            yield line("ml-dsa", f"ml-dsa-{size}", case["xi"], sha256(case["pk"]))


def main():
    lines = []
    for source in [aes_gcm, ecdsa, rsa, digests, key_wrap, hmac, ed25519, ml_kem, ml_dsa]:
        lines += source()
    out = pathlib.Path(__file__).with_suffix(".txt")
    out.write_text("\n".join(lines).lower().replace(" fail", " FAIL") + "\n")


main()
