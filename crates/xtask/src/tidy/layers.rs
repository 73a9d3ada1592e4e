//! Which crate may know which: the one table.
//!
//! A crate knows only crates of lower layers. Cryptography does no I/O and storage knows no cryptography; they meet in
//! `barrier`. `seal` and `barrier` meet in the façade. Crates that do not exist yet stand here already, so that adding
//! one is adding its manifest.

/// A package of the workspace.
pub(super) struct Member {
    pub(super) package: &'static str,
    pub(super) directory: &'static str,
    layer: u8,
    /// Packages that its `[dependencies]` and `[build-dependencies]` may name.
    uses: &'static [&'static str],
}

pub(super) fn member(package: &str) -> Option<&'static Member> {
    MEMBERS.iter().find(|member| member.package == package)
}

impl Member {
    /// Why this package may not depend on `other`, one of our own.
    pub(super) fn refuses(&self, other: &str) -> Option<String> {
        if self.uses.contains(&other) {
            return None;
        }
        let allowed = if self.uses.is_empty() { "none of our crates".into() } else { self.uses.join(", ") };
        Some(match member(other) {
            Some(target) if target.layer > self.layer => {
                format!(
                    "{} (layer {}) may not know {other} above it (layer {})",
                    self.package, self.layer, target.layer
                )
            }
            Some(target) if target.layer == self.layer => {
                format!("{} may not know {other}, its neighbour in layer {}", self.package, self.layer)
            }
            Some(_) => format!("{} may use {allowed}, not {other}", self.package),
            None => format!("{other} is in no layer: add it to crates/xtask/src/tidy/layers.rs"),
        })
    }

    /// The same for `[dev-dependencies]`: any lower layer, and the package itself with other features. Tests may stand
    /// on more than the code does, but never on what stands on the code.
    pub(super) fn refuses_for_tests(&self, other: &str) -> Option<String> {
        if other == self.package || self.uses.contains(&other) {
            return None;
        }
        match member(other) {
            Some(target) if target.layer < self.layer => None,
            _ => self.refuses(other),
        }
    }
}

const MEMBERS: &[Member] = &[
    Member { package: "strongroom-crypto", directory: "crates/crypto", layer: 0, uses: &[] },
    Member { package: "strongroom-storage", directory: "crates/storage", layer: 0, uses: &[] },
    // For tests alone: a token that fails on purpose, and real tokens to throw away, which can be made to fail.
    Member { package: "strongroom-fault-shim", directory: "softhsm/fault-shim", layer: 0, uses: &[] },
    Member {
        package: "strongroom-test-tokens",
        directory: "softhsm/test-tokens",
        layer: 0,
        uses: &["strongroom-fault-shim"],
    },
    Member {
        package: "strongroom-shamir",
        directory: "crates/shamir",
        layer: 1,
        uses: &["strongroom-crypto"],
    },
    Member {
        package: "strongroom-keyring",
        directory: "crates/keyring",
        layer: 1,
        uses: &["strongroom-crypto"],
    },
    Member {
        package: "strongroom-pkcs11",
        directory: "crates/pkcs11",
        layer: 1,
        uses: &["strongroom-crypto"],
    },
    Member { package: "strongroom-audit", directory: "crates/audit", layer: 1, uses: &["strongroom-crypto"] },
    Member {
        package: "strongroom-seal",
        directory: "crates/seal",
        layer: 2,
        uses: &["strongroom-crypto", "strongroom-shamir", "strongroom-pkcs11"],
    },
    Member {
        package: "strongroom-barrier",
        directory: "crates/barrier",
        layer: 2,
        uses: &["strongroom-crypto", "strongroom-storage", "strongroom-keyring"],
    },
    Member {
        package: "strongroom-envelope",
        directory: "crates/envelope",
        layer: 2,
        uses: &["strongroom-crypto", "strongroom-keyring"],
    },
    Member {
        package: "strongroom-transit",
        directory: "crates/transit",
        layer: 3,
        uses: &["strongroom-crypto", "strongroom-keyring", "strongroom-barrier", "strongroom-envelope"],
    },
    Member {
        package: "strongroom",
        directory: "crates/strongroom",
        layer: 3,
        uses: &[
            "strongroom-crypto",
            "strongroom-storage",
            "strongroom-shamir",
            "strongroom-keyring",
            "strongroom-pkcs11",
            "strongroom-audit",
            "strongroom-seal",
            "strongroom-barrier",
            "strongroom-envelope",
        ],
    },
    Member {
        package: "strongroom-service",
        directory: "crates/service",
        layer: 4,
        uses: &["strongroom", "strongroom-transit", "strongroom-audit"],
    },
    // An edge within a layer: HTTP in front of the service that knows none.
    Member {
        package: "strongroom-server",
        directory: "crates/server",
        layer: 4,
        uses: &["strongroom", "strongroom-audit", "strongroom-service"],
    },
    Member {
        package: "strongroom-ceremony",
        directory: "crates/ceremony",
        layer: 4,
        uses: &["strongroom", "strongroom-audit"],
    },
    Member {
        package: "strongroom-cli",
        directory: "crates/cli",
        layer: 5,
        uses: &[
            "strongroom",
            "strongroom-envelope",
            "strongroom-transit",
            "strongroom-service",
            "strongroom-server",
            "strongroom-ceremony",
        ],
    },
    // Measuring and fuzzing look into every crate; nothing looks into them.
    Member { package: "strongroom-benches", directory: "benches", layer: 6, uses: ALL },
    Member { package: "strongroom-fuzz", directory: "fuzz", layer: 6, uses: ALL },
    Member { package: "xtask", directory: "crates/xtask", layer: 6, uses: &[] },
];

/// The product, and throw-away tokens to measure it with.
const ALL: &[&str] = &[
    "strongroom-test-tokens",
    "strongroom-crypto",
    "strongroom-storage",
    "strongroom-shamir",
    "strongroom-keyring",
    "strongroom-pkcs11",
    "strongroom-audit",
    "strongroom-seal",
    "strongroom-barrier",
    "strongroom-envelope",
    "strongroom-transit",
    "strongroom",
    "strongroom-service",
    "strongroom-ceremony",
];

#[cfg(test)]
mod tests {
    use super::{MEMBERS, member};

    /// Edges within a layer: HTTP in front of the service, and tokens that know how to be made to fail.
    const NEIGHBOURS: [(&str, &str); 2] =
        [("strongroom-server", "strongroom-service"), ("strongroom-test-tokens", "strongroom-fault-shim")];

    #[test]
    fn table_itself_keeps_to_the_layers() {
        for from in MEMBERS {
            for to in from.uses {
                let to = member(to).unwrap();
                let named_exception = NEIGHBOURS.contains(&(from.package, to.package));
                assert!(to.layer < from.layer || named_exception, "{} → {}", from.package, to.package);
            }
        }
    }

    #[test]
    fn cryptography_and_storage_do_not_know_each_other() {
        let crypto = member("strongroom-crypto").unwrap();
        let storage = member("strongroom-storage").unwrap();
        assert!(crypto.refuses("strongroom-storage").unwrap().contains("neighbour"));
        assert!(storage.refuses("strongroom-crypto").unwrap().contains("neighbour"));
        assert!(storage.refuses_for_tests("strongroom-crypto").is_some());
    }

    #[test]
    fn tests_may_reach_down_but_not_up() {
        let seal = member("strongroom-seal").unwrap();
        assert!(seal.refuses("strongroom-keyring").is_some());
        assert!(seal.refuses_for_tests("strongroom-keyring").is_none());
        assert!(seal.refuses_for_tests("strongroom-seal").is_none());
        assert!(seal.refuses_for_tests("strongroom-barrier").is_some());
        assert!(seal.refuses_for_tests("strongroom").is_some());
    }
}
