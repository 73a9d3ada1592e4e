//! The registry: what is claimed, and the command that shows it. Later work adds its rows here.

/// What is claimed, and the command that shows it.
pub(super) struct Proof {
    pub(super) id: &'static str,
    pub(super) requirement: &'static str,
    /// The words after `cargo`.
    pub(super) cargo: &'static str,
}

/// The tests of one file name, in every crate that has one, in the build that `cargo xtask test` makes.
macro_rules! tests {
    ($file:literal) => {
        concat!("test --locked --workspace --all-features --no-fail-fast --test ", $file, " -- --nocapture")
    };
}

const fn proof(id: &'static str, requirement: &'static str, cargo: &'static str) -> Proof {
    Proof { id, requirement, cargo }
}

/// Builds what the proofs below run, so that no test waits for a compiler in between.
pub(super) const BUILD: &str = "test --locked --workspace --all-features --no-run";

/// All of them.
pub(super) const PROOFS: &[Proof] = &[
    // Shamir's secret sharing.
    proof(
        "shamir/memcheck",
        "0 errors over split and combine with poisoned secrets; some in a table-driven control",
        "xtask memcheck",
    ),
    proof(
        "shamir/subsets",
        "every (t, n) up to 8: all subsets of t or more recover, all smaller ones give another key",
        tests!("sharing"),
    ),
    proof(
        "shamir/coefficients",
        "χ² of every coefficient position that of uniform bytes: 140 to 400",
        tests!("coefficients"),
    ),
    proof(
        "shamir/coefficients-control",
        "coefficients that are never zero give χ² above 400, and only there",
        tests!("coefficients"),
    ),
    proof("shamir/text", "up to 4 wrong letters anywhere are mended and named: all", tests!("text")),
    proof("shamir/text-single", "every wrong letter at every place is mended: all", tests!("text")),
    proof("shamir/text-beyond", "more errors never pass silently for a share", tests!("text")),
    proof(
        "shamir/openbao",
        "every 3 of OpenBao's 5 shares open its keys, in hex and base64",
        tests!("interop"),
    ),
    proof("shamir/openbao-too-few", "no 2 of them open anything", tests!("interop")),
    // Cryptography.
    proof(
        "crypto/wycheproof-aes-gcm",
        "all applicable cases pass with both providers, none skipped in silence",
        tests!("vectors"),
    ),
    proof(
        "crypto/wycheproof-hkdf-sha-256",
        "all applicable cases pass, none skipped in silence",
        tests!("vectors"),
    ),
    proof(
        "crypto/wycheproof-hmac-sha-256",
        "all applicable cases pass, none skipped in silence",
        tests!("vectors"),
    ),
    proof("crypto/rfc-5869", "HKDF gives appendix A's answers", tests!("vectors")),
    proof("crypto/rfc-9180", "HPKE derives the published key pairs, X-Wing and P-256", tests!("vectors")),
    proof("crypto/hpke", "whatever was changed is refused, in both suites", tests!("vectors")),
    proof("crypto/providers", "aws-lc-rs and RustCrypto agree on every message", tests!("providers")),
    proof("crypto/record-flips", "every flipped bit of a record is refused: 100 %", tests!("record")),
    proof("crypto/nonces", "no nonce twice under one key", tests!("record")),
    proof("crypto/randomness", "randomness that fails at any draw: 0 ciphertexts", tests!("record")),
    proof(
        "crypto/secret-memory",
        "pages of secrets are locked, not dumped, wiped on fork",
        tests!("secret_memory"),
    ),
    proof("crypto/guard-pages", "whoever runs over an edge is killed", tests!("secret_memory")),
    proof(
        "crypto/locking",
        "2,048 keys under the usual limit of 64 KiB, then a refusal",
        tests!("secret_memory"),
    ),
    proof("crypto/undumpable", "a hardened process is not dumpable; it was before", tests!("secret_memory")),
    proof(
        "crypto/traces",
        "0 copies of a key in memory after its drop; found while it lives",
        tests!("traces"),
    ),
    // Known answers of an independent implementation.
    proof(
        "vectors/python",
        "the implementation in Python agrees with published answers and every file",
        "xtask vectors",
    ),
    proof("vectors/records", "every vector is run, none is left out", tests!("formats")),
    proof("vectors/storage-keys", "every vector is run, none is left out", tests!("formats")),
    proof("vectors/entries", "every vector is run, none is left out", tests!("formats")),
    proof("vectors/heads", "every vector is run, none is left out", tests!("formats")),
    proof("vectors/keyrings", "every vector is run, none is left out", tests!("formats")),
    proof("vectors/policies", "every vector is run, none is left out", tests!("formats")),
    proof("vectors/shares", "every vector is run, none is left out", tests!("formats")),
    proof("vectors/slots", "every vector is run, none is left out", tests!("formats")),
    proof("vectors/rewraps", "every vector is run, none is left out", tests!("formats")),
    proof("vectors/audit-chains", "every vector is run, none is left out", tests!("formats")),
    proof("vectors/envelopes", "every vector is run, none is left out", tests!("formats")),
    proof("vectors/backups", "whole stores made in Python are restored, opened and read", tests!("formats")),
    // Storage.
    proof("storage/conformance-memory", "the whole suite passes", tests!("conformance")),
    proof("storage/conformance-redb", "the whole suite passes", tests!("conformance")),
    proof(
        "storage/conformance-redb-background",
        "the whole suite passes while it checkpoints all the time",
        tests!("conformance"),
    ),
    proof(
        "storage/conformance-redb-inline",
        "the whole suite passes while it checkpoints all the time",
        tests!("conformance"),
    ),
    proof("storage/conformance-sled", "the whole suite passes", tests!("conformance")),
    proof(
        "storage/crash-points",
        "power lost at every operation, and again in recovery: 0 acknowledged writes lost",
        tests!("crashes"),
    ),
    proof("storage/crash-control", "an engine that does not sync its log is caught", tests!("crashes")),
    proof(
        "storage/faults",
        "a failure of any one operation loses nothing that was acknowledged",
        tests!("crashes"),
    ),
    proof(
        "storage/damaged-log",
        "a flipped bit in the log is reported, or took the last frame alone",
        tests!("crashes"),
    ),
    proof("storage/full-disk", "a full or read-only disk is an error that loses nothing", tests!("faults")),
    proof("storage/kill", "a killed process loses nothing that it acknowledged", tests!("faults")),
    proof("storage/permissions", "files 0600 and directories 0700 whatever the umask", tests!("faults")),
    proof(
        "storage/second-process",
        "a second process is refused, and told who holds the store",
        tests!("faults"),
    ),
    // The seal.
    proof(
        "seal/quorums",
        "every (t, n) up to 8: all quorums open, one share less is refused",
        tests!("quorums"),
    ),
    proof("seal/groups", "exactly those sets of holders open that complete enough groups", tests!("quorums")),
    proof(
        "seal/lowered-threshold",
        "a threshold lowered in storage gives a minority another key",
        tests!("quorums"),
    ),
    proof(
        "seal/attacks",
        "planted and replayed keys and slots: each attack refused, each control opens",
        tests!("attacks"),
    ),
    proof(
        "seal/flips-x-wing",
        "every flipped byte of a slot set is refused or left to the digest",
        tests!("attacks"),
    ),
    proof(
        "seal/flips-p256",
        "every flipped byte of a slot set is refused or left to the digest",
        tests!("attacks"),
    ),
    proof("seal/randomness", "randomness that fails at any draw: 0 slots", tests!("set")),
    proof("seal/randomness-wrapping", "randomness that fails at any draw: 0 wrapped keys", tests!("set")),
    // The barrier and the store.
    proof(
        "tamper/records",
        "every byte flipped, every pair swapped, every cut: 100 % refused",
        tests!("tamper"),
    ),
    proof("barrier/model", "random sequences agree with a map after every step", tests!("model")),
    proof("tamper/opening", "slots, keyring and head flipped and swapped: 100 % refused", tests!("attacks")),
    proof(
        "attacks/storage",
        "planted root key and slot, replayed and foreign parts: each refused with its error",
        tests!("attacks"),
    ),
    proof("tamper/backup", "every flipped byte and every cut of a backup is refused", tests!("backup")),
    proof(
        "strongroom/restore-drill",
        "a backup is restored, opened with its shares and compared: all equal",
        tests!("backup"),
    ),
    proof("crash/init", "at every operation: no store, or a whole one", tests!("crashes")),
    proof("crash/put", "at every operation: opens, loses nothing that was acknowledged", tests!("crashes")),
    proof(
        "crash/rotate",
        "at every operation: opens, loses nothing that was acknowledged",
        tests!("crashes"),
    ),
    proof(
        "crash/rewrap-records",
        "at every operation: opens, loses nothing, the rewrap is finished",
        tests!("crashes"),
    ),
    proof(
        "crash/rewrap-names",
        "at every operation: opens, loses nothing, the rewrap is finished",
        tests!("crashes"),
    ),
    proof(
        "crash/rekey",
        "at every operation: opens with the old or the new shares, loses nothing",
        tests!("crashes"),
    ),
    proof("crash/rotate-root", "at every operation: opens with its shares, loses nothing", tests!("crashes")),
    proof(
        "crash/slots",
        "at every operation of adding and removing a slot: opens, loses nothing",
        tests!("crashes"),
    ),
    proof("crash/control", "a log that is not synced loses writes, and is caught", tests!("crashes")),
    proof(
        "faults/operations",
        "every operation fails in three ways: nothing that was acknowledged is lost",
        tests!("faults"),
    ),
    proof(
        "randomness/draws",
        "randomness that fails at any draw of any change: nothing is written",
        tests!("randomness"),
    ),
    proof(
        "memory/sealed",
        "0 keys in a forced memory image after sealing; found in one before",
        tests!("memory"),
    ),
    proof("memory/core", "an unsealed, hardened process leaves no core", tests!("memory")),
    proof(
        "dump/disk",
        "0 names, contents and shares in the raw files; a planted control is found",
        tests!("dump"),
    ),
    proof(
        "demo/raw-dump",
        "0 paths, segments, windows of contents and shares in the demo's raw files; each plant is found",
        tests!("raw_dump"),
    ),
    // Root keys in an HSM.
    proof(
        "hsm/life-softhsm",
        "init, unseal, rotate the root key, rewrap, add and remove slots on SoftHSM: no record lost",
        tests!("softhsm"),
    ),
    proof("hsm/life-kryoptic", "the same on Kryoptic", tests!("kryoptic")),
    proof(
        "hsm/migration-softhsm",
        "Shamir → HSM → all(…) → Shamir on one store: no record lost; neither side of all(…) alone opens it",
        tests!("softhsm"),
    ),
    proof("hsm/migration-kryoptic", "the same on Kryoptic", tests!("kryoptic")),
    proof(
        "hsm/flips-softhsm",
        "every changed byte of a slot's wrapped part is refused: 100 %",
        tests!("softhsm"),
    ),
    proof("hsm/flips-kryoptic", "the same on Kryoptic", tests!("kryoptic")),
    proof(
        "hsm/faults",
        "each PKCS #11 function answered with failures and lies while a store is unsealed and changed: 0 stores broken, 0 \
         secrets told, a refused PIN tried once",
        tests!("hsm_faults"),
    ),
    proof(
        "hsm/removed",
        "a token directory removed and restored under load: requests fail cleanly, the pool recovers by itself",
        tests!("removed"),
    ),
    proof(
        "hsm/network",
        "a network token killed and restarted under load: requests fail cleanly, the pool recovers by itself",
        tests!("network"),
    ),
    // Named keys.
    proof(
        "transit/parameters",
        "every parameter × every type, plain, derived, convergent: a result that holds or a reason, no panic",
        tests!("parameters"),
    ),
    proof(
        "transit/caller-nonces",
        "a nonce of the caller's: refused 100 % unless the key is convergent, without effect then",
        tests!("parameters"),
    ),
    proof(
        "transit/batches",
        "every operation that takes a batch: a result for each item, in order; a bad one stops nothing",
        tests!("parameters"),
    ),
    proof(
        "transit/matrix-sign",
        "every signing parameter × every type: signs and verifies, or the error that the rules name",
        tests!("algorithms_matrix"),
    ),
    proof(
        "transit/matrix-verify",
        "garbage as signatures of every type: 0 accepted, no panic",
        tests!("algorithms_matrix"),
    ),
    proof(
        "transit/matrix-export",
        "every kind and format of export × every type: comes in again as the same key, or a reason",
        tests!("algorithms_matrix"),
    ),
    proof(
        "transit/wycheproof-aes-gcm",
        "all applicable cases pass, the others are counted by reason",
        tests!("wycheproof"),
    ),
    proof(
        "transit/wycheproof-chacha20-poly1305",
        "all applicable cases pass, the others are counted by reason",
        tests!("wycheproof"),
    ),
    proof(
        "transit/wycheproof-xchacha20-poly1305",
        "all applicable cases pass, the others are counted by reason",
        tests!("wycheproof"),
    ),
    proof(
        "transit/wycheproof-ed25519",
        "all applicable cases pass, the others are counted by reason",
        tests!("wycheproof"),
    ),
    proof(
        "transit/wycheproof-ecdsa",
        "all applicable cases pass, the others are counted by reason",
        tests!("wycheproof"),
    ),
    proof(
        "transit/wycheproof-rsa-pss",
        "all applicable cases pass, the others are counted by reason",
        tests!("wycheproof"),
    ),
    proof(
        "transit/wycheproof-rsa-pkcs1",
        "all applicable cases pass, the others are counted by reason",
        tests!("wycheproof"),
    ),
    proof(
        "transit/wycheproof-rsa-oaep",
        "all applicable cases pass, the others are counted by reason",
        tests!("wycheproof"),
    ),
    proof(
        "transit/wycheproof-aes-kwp",
        "all applicable cases pass, the others are counted by reason",
        tests!("wycheproof"),
    ),
    proof(
        "transit/wycheproof-hmac",
        "all applicable cases pass, the others are counted by reason",
        tests!("wycheproof"),
    ),
    proof(
        "transit/wycheproof-ml-dsa-sign",
        "all applicable cases pass, the others are counted by reason",
        tests!("wycheproof"),
    ),
    proof(
        "transit/wycheproof-ml-dsa-verify",
        "all applicable cases pass, the others are counted by reason",
        tests!("wycheproof"),
    ),
    proof(
        "transit/wycheproof-ml-kem",
        "all applicable cases pass, the others are counted by reason",
        tests!("wycheproof"),
    ),
    proof(
        "transit/xaes-256-gcm",
        "all vectors of the specification, the accumulated 10,000 messages among them, pass",
        tests!("algorithms_xaes"),
    ),
    proof(
        "transit/cavp-aes-gcm",
        "all of NIST's vectors that apply pass, the others are counted by reason",
        tests!("cavp"),
    ),
    proof(
        "transit/cavp-ed25519",
        "all of NIST's vectors that apply pass, the others are counted by reason",
        tests!("cavp"),
    ),
    proof(
        "transit/cavp-ecdsa",
        "all of NIST's vectors that apply pass, the others are counted by reason",
        tests!("cavp"),
    ),
    proof(
        "transit/cavp-rsa",
        "all of NIST's vectors that apply pass, the others are counted by reason",
        tests!("cavp"),
    ),
    proof(
        "transit/cavp-hmac",
        "all of NIST's vectors that apply pass, the others are counted by reason",
        tests!("cavp"),
    ),
    proof(
        "transit/cavp-hash",
        "all of NIST's vectors that apply pass, the others are counted by reason",
        tests!("cavp"),
    ),
    proof(
        "transit/cavp-kwp",
        "all of NIST's vectors that apply pass, the others are counted by reason",
        tests!("cavp"),
    ),
    proof(
        "transit/cavp-ml-dsa",
        "all of NIST's vectors that apply pass, the others are counted by reason",
        tests!("cavp"),
    ),
    proof(
        "transit/cavp-ml-kem",
        "all of NIST's vectors that apply pass, the others are counted by reason",
        tests!("cavp"),
    ),
    proof(
        "transit/interop-ed25519",
        "ed25519-dalek verifies what is signed here, and the other way round: all",
        tests!("interop_rustcrypto"),
    ),
    proof(
        "transit/interop-ecdsa-p256",
        "RustCrypto verifies what is signed here, and the other way round: all",
        tests!("interop_rustcrypto"),
    ),
    proof(
        "transit/interop-ecdsa-p384",
        "RustCrypto verifies what is signed here, and the other way round: all",
        tests!("interop_rustcrypto"),
    ),
    proof(
        "transit/interop-ecdsa-p521",
        "RustCrypto verifies what is signed here, and the other way round: all",
        tests!("interop_rustcrypto"),
    ),
    proof(
        "transit/interop-rsa",
        "PSS and PKCS #1 signatures of every size hold by RFC 8017 over crypto-bigint alone: all",
        tests!("interop_rustcrypto"),
    ),
    proof(
        "transit/interop-ml-dsa-44",
        "RustCrypto derives the same keys and verifies, and the other way round: all",
        tests!("interop_rustcrypto"),
    ),
    proof(
        "transit/interop-ml-dsa-65",
        "RustCrypto derives the same keys and verifies, and the other way round: all",
        tests!("interop_rustcrypto"),
    ),
    proof(
        "transit/interop-ml-dsa-87",
        "RustCrypto derives the same keys and verifies, and the other way round: all",
        tests!("interop_rustcrypto"),
    ),
    proof(
        "transit/interop-ml-kem-768",
        "RustCrypto decapsulates what is encapsulated here, and the other way round: all",
        tests!("interop_rustcrypto"),
    ),
    proof(
        "transit/interop-ml-kem-1024",
        "RustCrypto decapsulates what is encapsulated here, and the other way round: all",
        tests!("interop_rustcrypto"),
    ),
    proof(
        "transit/pyca-signatures",
        "signatures of OpenSSL verify here, RSA's with PSS and PKCS #1 among them: all; PKCS #1 is the same here",
        tests!("interop_pyca"),
    ),
    proof(
        "transit/pyca-ciphertexts",
        "ciphertexts and encapsulations of OpenSSL open here: all",
        tests!("interop_pyca"),
    ),
    proof(
        "transit/pyca-keys",
        "keys are encoded as OpenSSL encodes them, byte for byte",
        tests!("interop_pyca"),
    ),
    proof(
        "transit/openbao-exports",
        "keys that OpenBao exported are imported, and exported as the same text",
        tests!("interop_openbao"),
    ),
    proof(
        "transit/openbao-ciphertexts",
        "OpenBao's ciphertexts open with its exported keys: all",
        tests!("interop_openbao"),
    ),
    proof(
        "transit/openbao-signatures",
        "OpenBao's signatures verify with its exported keys: all",
        tests!("interop_openbao"),
    ),
    proof(
        "transit/openbao-hmac",
        "OpenBao's HMAC is recomputed with its exported key",
        tests!("interop_openbao"),
    ),
    proof(
        "transit/openbao-hmacs",
        "OpenBao's HMACs with every hash are recomputed: all",
        tests!("interop_openbao"),
    ),
    proof(
        "transit/openbao-aead",
        "ciphertexts of derived and convergent keys of OpenBao open; the convergent ones are the same here",
        tests!("interop_openbao"),
    ),
    proof(
        "transit/openbao-derived",
        "signatures by derived keys of OpenBao are the same here",
        tests!("interop_openbao"),
    ),
    proof(
        "transit/openbao-signature-options",
        "OpenBao's signatures with every hash, salt and form verify; deterministic ones are the same here",
        tests!("interop_openbao"),
    ),
    proof(
        "transit/kill",
        "killed in a loop: the limit is never exceeded, the count never goes back nor below what left",
        tests!("crashes"),
    ),
    proof("transit/kill-control", "a count that is stored after use is caught forgetting", tests!("crashes")),
    proof(
        "transit/limit-shared",
        "threads and managers that share a limit: never more, and less by one block at most",
        tests!("limits"),
    ),
    proof("transit/randomness", "randomness that fails at any draw: 0 ciphertexts", tests!("use")),
    proof(
        "transit/rewrap-stream",
        "old ciphertexts in, new ones out, in order; a damaged one stops nothing",
        tests!("use"),
    ),
    proof(
        "transit/example-envelope",
        "examples/envelope.rs runs, and its envelope encryption takes ten lines at most",
        tests!("use"),
    ),
    proof("transit/example-rotation", "examples/rotate_under_load.rs: 0 errors", tests!("use")),
    proof(
        "transit/hsm-signatures",
        "signatures by keys in SoftHSM verify with their public keys alone: all",
        tests!("softhsm"),
    ),
    proof(
        "transit/traces",
        "0 copies of a key of any type in memory after its drop; found while it lives",
        tests!("algorithms_traces"),
    ),
    // Envelopes.
    proof(
        "envelope/flips",
        "tampered streams are refused in every way of opening: 100 %; of the header's two copies one may rot",
        tests!("stream"),
    ),
    proof("envelope/cuts", "truncated and extended streams are refused: 100 %", tests!("stream")),
    proof("envelope/segments", "re-ordered streams are refused: 100 %", tests!("stream")),
    proof("envelope/splices", "spliced streams are refused: 100 %", tests!("stream")),
    proof("envelope/small-flips", "tampered small objects are refused: 100 %", tests!("small")),
    proof(
        "envelope/rewrap-crashes",
        "a crash at any byte of a rewrap leaves a stream that opens and can be rewrapped",
        tests!("rewrap"),
    ),
    proof("envelope/partial-files", "a file that fails to decrypt leaves nothing behind", tests!("files")),
    // Chained records and ceremonies.
    proof("audit/changed-bytes", "each changed byte of a chain is detected: 100 %", tests!("tampering")),
    proof(
        "audit/bytes-removed-or-inserted",
        "each byte removed or inserted is detected: 100 %",
        tests!("tampering"),
    ),
    proof(
        "audit/records",
        "each record removed, inserted, repeated or swapped is detected: 100 %",
        tests!("tampering"),
    ),
    proof(
        "ceremony/kill-create",
        "killed at each step: a store that its quorum opens, or none; it goes on",
        tests!("kills"),
    ),
    proof("ceremony/kill-rekey", "killed at each step: exactly one set of shares in force", tests!("kills")),
    proof(
        "ceremony/kill-seal-change",
        "killed at each step: exactly one set of shares in force",
        tests!("kills"),
    ),
    proof("ceremony/kill-unseal", "killed at each step: nothing changed", tests!("kills")),
    proof("ceremony/kill-share-check", "killed at each step: it is repeated", tests!("kills")),
    proof("ceremony/kill-recovery", "killed at each step: the whole store or none", tests!("kills")),
    proof("ceremony/kill-destruction", "killed at each step: the whole store or nothing", tests!("kills")),
    proof(
        "ceremony/terminal",
        "create with a token, drill, rekey to two groups and recovery go right at a terminal",
        tests!("ceremony"),
    ),
    proof(
        "ceremony/errors",
        "errors of people are mended or named: wrong letters, an old share, another's",
        tests!("ceremony"),
    ),
    proof(
        "ceremony/canary",
        "no share in transcript, report, any file, or the terminal's scroll-back",
        tests!("ceremony"),
    ),
    proof(
        "ceremony/machine",
        "swap, core dumps, debugger: refused, or allowed and recorded",
        tests!("machine"),
    ),
    proof("ceremony/scripts", "ceremonies as text files go as they are written", tests!("scripts")),
    proof("ceremony/recovery", "the second implementation reads every value: 100 %", tests!("recovery")),
    proof("ceremony/journal", "no step is skipped by writing into a journal: 100 %", tests!("intruders")),
    proof("ceremony/kill-hsm-key", "killed at each step: a store that its token opens", tests!("softhsm")),
    // What broke elsewhere.
    proof(
        "fuzz/corpus",
        "every seed is accepted and every regression replayed, without a panic",
        tests!("corpus"),
    ),
    proof(
        "fuzz/named-keys",
        "every seed is accepted, every regression and cut seed replayed, without a panic",
        tests!("corpus"),
    ),
    proof(
        "catalogue/table",
        "every row of docs/SECURITY-CATALOGUE.md names tests that exist",
        "test --locked --workspace --all-features --bin xtask -- --nocapture",
    ),
    proof("catalogue/cve-2021-45042", "no size of a name or a value panics", tests!("catalogue")),
    proof("catalogue/cve-2025-4656", "holders who proved nothing replace nobody", tests!("catalogue")),
    proof("catalogue/cve-2026-63132", "no empty, short or altered tag is accepted", tests!("catalogue")),
    proof("catalogue/rustyvault-short-record", "a cut record is an error: 100 %", tests!("catalogue")),
    proof("catalogue/rustyvault-init", "senseless numbers leave no store behind", tests!("catalogue")),
    proof(
        "catalogue/rustyvault-lock",
        "a stale lock file is no obstacle, a held one no wait",
        tests!("catalogue"),
    ),
    proof("catalogue/rustyvault-unseal", "a failed unseal leaves no key installed", tests!("catalogue")),
];
