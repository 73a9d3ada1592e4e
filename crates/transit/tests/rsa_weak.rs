//! RSA keys from elsewhere whose parts fit together and that are weak all the same: `rsa_weak.py` makes them.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic, missing_docs)]

use data_encoding::BASE64;
use strongroom_transit::algorithm::{KeyType, Material, SignOptions};
use strongroom_transit::import::ImportError;

fn import(name: &str) -> Result<Material, ImportError> {
    let lines = include_str!("rsa_weak.txt").lines();
    let document = lines.filter_map(|line| line.split_once(' ')).find(|(found, _)| *found == name).unwrap().1;
    Material::import(KeyType::Rsa2048, &BASE64.decode(document.as_bytes()).unwrap())
}

#[test]
fn weak_key_is_not_imported() {
    let weak = ["exponent-3", "exponent-65535", "close", "neighbours", "unequal", "tiny"];
    for name in weak {
        assert_eq!(import(name).err(), Some(ImportError::Weak(KeyType::Rsa2048)), "{name}");
    }
    // The controls: made in the same way, one with primes that are little farther apart than they have to be.
    for name in ["good", "apart"] {
        import(name).unwrap().sign(b"message", &SignOptions::default()).unwrap();
    }
}

#[test]
fn key_of_a_composite_that_would_never_sign_is_not_imported() {
    assert_eq!(import("composite").err(), Some(ImportError::Invalid(KeyType::Rsa2048)));
}
