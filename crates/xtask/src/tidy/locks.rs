//! Packages that must not come in, not even through somebody else's manifest.

use super::{File, Problem};

pub(super) fn check(file: &File) -> Vec<Problem> {
    let mut problems = Vec::new();
    for (number, line) in file.text.lines().enumerate() {
        let Some(name) = line.strip_prefix("name = \"").and_then(|rest| rest.strip_suffix('"')) else {
            continue;
        };
        if let Some((_, why)) = FORBIDDEN.iter().find(|(forbidden, _)| *forbidden == name) {
            problems.push(Problem::new(&file.path, format!("{name} must not be used: {why}")).at(number + 1));
        }
    }
    problems
}

const FORBIDDEN: &[(&str, &str)] = &[
    ("sharks", "RUSTSEC-2024-0398, unpatched: coefficients are not uniform, so shares leak over re-sharings"),
    ("blahaj", "sharing is our own subject, in constant time"),
    ("shamir", "sharing is our own subject, in constant time"),
    ("shamirsecretsharing", "sharing is our own subject, in constant time"),
    ("rusty_secrets", "sharing is our own subject, in constant time"),
    ("openssl", "the AEAD provider is aws-lc-rs or RustCrypto"),
    ("openssl-sys", "the AEAD provider is aws-lc-rs or RustCrypto"),
    ("native-tls", "brings OpenSSL"),
    ("ring", "the AEAD provider is aws-lc-rs or RustCrypto"),
];

#[cfg(test)]
mod tests {
    use super::super::File;
    use super::check;

    fn lock(name: &str) -> File {
        File { path: "Cargo.lock".into(), text: format!("version = 4\n\n[[package]]\nname = \"{name}\"\n") }
    }

    #[test]
    fn forbidden_package_is_found() {
        assert!(check(&lock("sharks"))[0].to_string().starts_with("Cargo.lock:4: error: sharks must not"));
    }

    #[test]
    fn package_whose_name_only_contains_a_forbidden_one_is_fine() {
        assert!(check(&lock("strongroom-shamir")).is_empty());
    }
}
