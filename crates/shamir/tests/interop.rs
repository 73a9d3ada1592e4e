//! Shares of others: of a real OpenBao, and of crate `vsss-rs`.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout
)]

use std::convert::Infallible;
use std::num::NonZeroU8;

use data_encoding::BASE64;
use rand_core::{TryCryptoRng, TryRng};
use serde_json::Value;
use strongroom_crypto::aead::AeadKey;
use strongroom_crypto::random;
use strongroom_crypto::secret::{Secret, SecretBytes};
use strongroom_shamir::vault::{self, ParseError};
use strongroom_shamir::{Share, combine, split};
use vsss_rs::Gf256;

const FIXTURE: &str = include_str!("../../../testvectors/openbao/openbao-file-2.6.1.json");
const BARRIER_UNSEAL_KEYS: &str = include_str!("../../../testvectors/openbao/barrier-unseal-keys.json");

#[test]
fn every_three_of_openbaos_five_shares_open_its_root_key_in_hex_and_in_base64() {
    let mut opened = 0;
    for form in ["unseal_keys_hex", "unseal_keys_b64"] {
        let shares = openbao_shares(form);
        for a in 0..5 {
            for b in 0..a {
                for c in 0..b {
                    let root_keys =
                        open_root_keys(&combine(&[&shares[a], &shares[b], &shares[c]]).unwrap()).unwrap();
                    let [Value::String(root_key)] = root_keys.as_slice() else { panic!("not one key") };
                    assert_eq!(BASE64.decode(root_key.as_bytes()).unwrap().len(), 32);
                    opened += 1;
                }
            }
        }
        let all: Vec<&Share> = shares.iter().collect();
        assert!(open_root_keys(&combine(&all).unwrap()).is_some());
    }
    let verdict = if opened == 2 * 10 { "pass" } else { "fail" };
    println!(
        "evidence: id=shamir/openbao figure={opened} quorums of OpenBao's shares open its keys verdict={verdict}"
    );
    assert_eq!(opened, 2 * 10);
}

#[test]
fn two_of_openbaos_five_shares_open_nothing() {
    let shares = openbao_shares("unseal_keys_hex");
    let mut refused = 0;
    for a in 0..5 {
        for b in 0..a {
            assert!(open_root_keys(&combine(&[&shares[a], &shares[b]]).unwrap()).is_none());
            refused += 1;
        }
    }
    let verdict = if refused == 10 { "pass" } else { "fail" };
    println!(
        "evidence: id=shamir/openbao-too-few figure={refused} pairs of OpenBao's shares open nothing verdict={verdict}"
    );
}

#[test]
fn openbaos_shares_are_written_as_openbao_wrote_them() {
    let fixture: Value = serde_json::from_str(FIXTURE).unwrap();
    for (i, share) in openbao_shares("unseal_keys_hex").iter().enumerate() {
        assert_eq!(vault::to_hex(share).as_str(), fixture["unseal_keys_hex"][i]);
        assert_eq!(vault::to_base64(share).as_str(), fixture["unseal_keys_b64"][i]);
    }
}

#[test]
fn vsss_combines_our_shares() {
    let secret = *b"a secret that is thirty-two long";
    for (t, n) in [(2, 2), (3, 5), (8, 8), (128, 255)] {
        // Its shares begin with the number, ours end with it.
        let shares: Vec<Vec<u8>> = split(&secret, t, n)
            .unwrap()
            .iter()
            .rev()
            .take(usize::from(t))
            .map(|share| [&[share.index().get()], share.y().expose()].concat())
            .collect();
        assert_eq!(Gf256::combine_bytes(&shares).unwrap(), secret);
    }
}

#[test]
fn we_combine_the_shares_of_vsss() {
    let secret = *b"a secret that is thirty-two long";
    for (t, n) in [(2, 2), (3, 5), (8, 8), (128, 255)] {
        let theirs = Gf256::split_bytes(t, n, secret, OperatingSystem).unwrap();
        let shares: Vec<Share> = theirs.iter().map(|bytes| share(bytes[0], &bytes[1..])).collect();
        let quorum: Vec<&Share> = shares.iter().skip(n - t).collect();
        assert_eq!(combine(&quorum).unwrap().expose(), secret);
    }
}

#[test]
fn vault_form_comes_back_from_hex_and_base64_with_white_space_around() {
    for length in [1, 2, 3, 31, 32, 33, 1024] {
        for share in split(&vec![0xa5; length], 2, 3).unwrap() {
            let hex = vault::to_hex(&share);
            let upper = hex.to_ascii_uppercase();
            let base64 = vault::to_base64(&share);
            for text in [hex.as_str(), &upper, &format!("\n\t {} \r\n", *hex)] {
                assert!(same(&vault::parse(text).unwrap(), &share), "hex of {length} bytes");
            }
            assert!(same(&vault::from_bytes(&vault::to_bytes(&share)).unwrap(), &share));
            if length >= 31 {
                // A shorter one could by chance be all hex digits.
                for text in [base64.as_str(), &format!(" {}\n", *base64)] {
                    assert!(same(&vault::parse(text).unwrap(), &share), "base64 of {length} bytes");
                }
            }
        }
    }
}

#[test]
fn what_is_no_vault_share_is_named() {
    assert!(matches!(vault::from_bytes(&[]), Err(ParseError::TooShort)));
    assert!(matches!(vault::from_bytes(&[1]), Err(ParseError::TooShort)));
    assert!(matches!(vault::from_bytes(&[1, 0]), Err(ParseError::IndexZero)));
    assert!(matches!(vault::from_bytes(&[1; 1026]), Err(ParseError::TooLong)));
    assert!(vault::from_bytes(&[1; 1025]).is_ok());
    assert!(matches!(vault::parse(""), Err(ParseError::TooShort)));
    assert!(matches!(vault::parse("  \n"), Err(ParseError::TooShort)));
    assert!(matches!(vault::parse("no share!"), Err(ParseError::NeitherHexNorBase64)));
    assert!(matches!(vault::parse("ü83c"), Err(ParseError::NeitherHexNorBase64)));
    assert!(matches!(vault::parse(&"a".repeat(10_000)), Err(ParseError::TooLong)));
    let mut hex = vault::to_hex(&share(5, &[7; 32])).to_string();
    hex.replace_range(64.., "00");
    assert!(matches!(vault::parse(&hex), Err(ParseError::IndexZero)));
    let error = vault::parse("83c63ffbbe9a1a94 is my share").err().unwrap();
    assert!(!error.to_string().contains("83c6") && !format!("{error:?}").contains("83c6"));
}

fn openbao_shares(form: &str) -> Vec<Share> {
    let fixture: Value = serde_json::from_str(FIXTURE).unwrap();
    let texts = fixture[form].as_array().unwrap();
    assert_eq!(texts.len(), 5);
    texts.iter().map(|text| vault::parse(text.as_str().unwrap()).unwrap()).collect()
}

fn open_root_keys(key: &SecretBytes) -> Option<Vec<Value>> {
    let file: Value = serde_json::from_str(BARRIER_UNSEAL_KEYS).unwrap();
    let message = BASE64.decode(file["Value"].as_str().unwrap().as_bytes()).unwrap();
    // Field 1 of the protobuf message, with a length of one byte.
    let (&[0x0a, length], rest) = message.split_first_chunk().unwrap() else { panic!("not field 1") };
    let sealed = &rest[..usize::from(length)];
    let (nonce, sealed) = sealed.split_first_chunk::<12>().unwrap();
    let (ciphertext, tag) = sealed.split_last_chunk::<16>().unwrap();

    let key = AeadKey::new(&Secret::copy_from_slice(key.expose()).unwrap()).unwrap();
    let mut plaintext = ciphertext.to_vec();
    key.open_in_place(nonce, &[], &mut plaintext, tag).ok()?;
    Some(serde_json::from_slice(&plaintext).unwrap())
}

fn share(index: u8, y: &[u8]) -> Share {
    Share::new(NonZeroU8::new(index).unwrap(), SecretBytes::copy_from_slice(y).unwrap())
}

fn same(a: &Share, b: &Share) -> bool {
    a.index() == b.index() && a.y().expose() == b.y().expose()
}

struct OperatingSystem;

impl TryRng for OperatingSystem {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        Ok(u32::from_le_bytes(random::array().unwrap()))
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        Ok(u64::from_le_bytes(random::array().unwrap()))
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Infallible> {
        random::fill(bytes).unwrap();
        Ok(())
    }
}

impl TryCryptoRng for OperatingSystem {}
