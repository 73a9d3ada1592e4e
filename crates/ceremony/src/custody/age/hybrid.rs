//! Recipients that a quantum computer does not break: `age1pq1…`, C2SP "age", "The hybrid post-quantum recipient type".
//!
//! HPKE (RFC 9180) with MLKEM768-X25519 (X-Wing, KEM 0x647A), HKDF-SHA256 and ChaCha20-Poly1305 in mode base. The age library
//! has no such recipient yet, and lets others add theirs: this wraps the file key and leaves the rest of the file to the library.

use std::collections::HashSet;

use age::{EncryptError, Recipient};
use age_core::format::{FileKey, Stanza};
use age_core::secrecy::ExposeSecret as _;
use bech32::primitives::decode::CheckedHrpstring;
use bech32::{Bech32, Checksum};
use data_encoding::BASE64_NOPAD;
use hpke::aead::ChaCha20Poly1305;
use hpke::kdf::HkdfSha256;
use hpke::kem::{X25519HkdfSha256, XWing};
use hpke::{Deserializable as _, Kem, OpModeS, Serializable as _, single_shot_seal};

/// A hybrid recipient.
pub(super) struct HybridRecipient(<XWing as Kem>::PublicKey);

impl HybridRecipient {
    /// The public key, 1216 bytes, in Bech32.
    pub(super) fn parse(text: &str) -> Result<Self, &'static str> {
        let parsed = CheckedHrpstring::new::<LongBech32>(text)
            .map_err(|_| "a letter is wrong or missing: copy the whole recipient, 1959 characters")?;
        if parsed.hrp().as_str() != "age1pq" {
            return Err("a hybrid recipient begins with age1pq1, in small letters");
        }
        let key: Vec<u8> = parsed.byte_iter().collect();
        let (_, x25519) = key.split_last_chunk::<32>().ok_or(NO_KEY)?;
        gives_a_secret(x25519)?;
        <XWing as Kem>::PublicKey::from_bytes(&key).map(Self).map_err(|_| NO_KEY)
    }
}

impl Recipient for HybridRecipient {
    /// `-> mlkem768x25519 ENCAPSULATED-KEY`, and the sealed file key.
    fn wrap_file_key(&self, file_key: &FileKey) -> Result<(Vec<Stanza>, HashSet<String>), EncryptError> {
        let mode = OpModeS::<XWing>::Base;
        let sealed = single_shot_seal::<ChaCha20Poly1305, HkdfSha256, XWing>(
            &mode,
            &self.0,
            INFO,
            file_key.expose_secret(),
            &[],
        );
        let (encapsulated, body) =
            sealed.map_err(|error| EncryptError::Io(std::io::Error::other(error.to_string())))?;
        let stanza =
            Stanza { tag: TAG.to_owned(), args: vec![BASE64_NOPAD.encode(&encapsulated.to_bytes())], body };
        // No recipient that a quantum computer breaks may stand beside it.
        Ok((vec![stanza], HashSet::from(["postquantum".to_owned()])))
    }
}

/// Whether an X25519 recipient's point gives a secret. Those of low order do not, and the library panics at them.
pub(super) fn check_x25519(text: &str) -> Result<(), &'static str> {
    let Ok(parsed) = CheckedHrpstring::new::<Bech32>(text) else { return Ok(()) };
    let key: Vec<u8> = parsed.byte_iter().collect();
    key.as_slice().try_into().map_or(Ok(()), gives_a_secret)
}

fn gives_a_secret(point: &[u8; 32]) -> Result<(), &'static str> {
    let refused = "its X25519 key is no good one: nobody generates such a key; ask for the recipient again";
    let key = <X25519HkdfSha256 as Kem>::PublicKey::from_bytes(point).map_err(|_| refused)?;
    // RFC 9180, section 7.1.4: encapsulation fails where the shared secret is zero.
    let mode = OpModeS::<X25519HkdfSha256>::Base;
    let tried =
        single_shot_seal::<ChaCha20Poly1305, HkdfSha256, X25519HkdfSha256>(&mode, &key, INFO, &[], &[]);
    tried.map(drop).map_err(|_| refused)
}

/// Bech32 (BIP-173) of any length, as age has it: the checksum is the same, what it promises to detect is less.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum LongBech32 {}

impl Checksum for LongBech32 {
    type MidstateRepr = <Bech32 as Checksum>::MidstateRepr;
    type CorrectionField = <Bech32 as Checksum>::CorrectionField;

    const ROOT_GENERATOR: Self::CorrectionField = Bech32::ROOT_GENERATOR;
    const ROOT_EXPONENTS: core::ops::RangeInclusive<usize> = Bech32::ROOT_EXPONENTS;
    const CODE_LENGTH: usize = 4096;
    const CHECKSUM_LENGTH: usize = Bech32::CHECKSUM_LENGTH;
    const GENERATOR_SH: [u32; 5] = Bech32::GENERATOR_SH;
    const TARGET_RESIDUE: u32 = Bech32::TARGET_RESIDUE;
}

const TAG: &str = "mlkem768x25519";
const NO_KEY: &str = "it is no MLKEM768-X25519 public key";
const INFO: &[u8] = b"age-encryption.org/mlkem768x25519";

#[cfg(test)]
mod tests {
    use std::io::Read as _;
    use std::iter;

    use age::armor::ArmoredReader;
    use age::{DecryptError, Decryptor, Identity};
    use hpke::{OpModeR, single_shot_open};

    use super::super::AgeRecipient;
    use super::*;

    /// Made by typage 0.3.1, another implementation: a private key, its recipient, and a file that is encrypted to it.
    const OTHERS: &str = include_str!("../../../../../testvectors/age/hybrid.json");

    /// The private key's side, for these tests alone.
    struct HybridIdentity(<XWing as Kem>::PrivateKey);

    impl HybridIdentity {
        fn parse(text: &str) -> Self {
            let parsed = CheckedHrpstring::new::<LongBech32>(text).unwrap();
            assert_eq!(parsed.hrp().to_lowercase(), "age-secret-key-pq-");
            let seed: Vec<u8> = parsed.byte_iter().collect();
            Self(<XWing as Kem>::PrivateKey::from_bytes(&seed).unwrap())
        }
    }

    impl Identity for HybridIdentity {
        fn unwrap_stanza(&self, stanza: &Stanza) -> Option<Result<FileKey, DecryptError>> {
            if stanza.tag != TAG {
                return None;
            }
            let encapsulated = BASE64_NOPAD.decode(stanza.args[0].as_bytes()).unwrap();
            let encapsulated = <XWing as Kem>::EncappedKey::from_bytes(&encapsulated).unwrap();
            let opened = single_shot_open::<ChaCha20Poly1305, HkdfSha256, XWing>(
                &OpModeR::Base,
                &self.0,
                &encapsulated,
                INFO,
                &stanza.body,
                &[],
            );
            let key: [u8; 16] = opened.ok()?.try_into().unwrap();
            Some(Ok(FileKey::new(Box::new(key))))
        }
    }

    fn others() -> impl Fn(&str) -> String {
        let json: serde_json::Value = serde_json::from_str(OTHERS).unwrap();
        move |name| json[name].as_str().unwrap().to_owned()
    }

    fn decrypt(file: &[u8], identity: &HybridIdentity) -> Option<String> {
        let decryptor = Decryptor::new(ArmoredReader::new(file)).unwrap();
        let mut text = String::new();
        decryptor.decrypt(iter::once(identity as &dyn Identity)).ok()?.read_to_string(&mut text).unwrap();
        Some(text)
    }

    #[test]
    fn another_implementation_has_the_same_stanza() {
        let others = others();
        let identity = HybridIdentity::parse(&others("identity"));
        assert_eq!(decrypt(others("file").as_bytes(), &identity), Some(others("plaintext")));
        let file = AgeRecipient::parse(&others("recipient")).unwrap().encrypt("sr1qqq").unwrap();
        assert_eq!(decrypt(&file, &identity).as_deref(), Some("sr1qqq\n"));
        let text = String::from_utf8(file).unwrap();
        assert!(text.starts_with("-----BEGIN AGE ENCRYPTED FILE-----\n") && !text.contains("sr1qqq"));
    }

    #[test]
    fn another_key_does_not_open_the_file() {
        let others = others();
        let file = AgeRecipient::parse(&others("recipient")).unwrap().encrypt("sr1qqq").unwrap();
        let (other, _) = XWing::derive_keypair(&[7; 32]);
        assert_eq!(decrypt(&file, &HybridIdentity(other)), None);
    }

    #[test]
    fn recipient_with_a_wrong_letter_is_refused() {
        let good = others()("recipient");
        assert!(HybridRecipient::parse(&good).is_ok());
        for place in 0..good.len() {
            let mut letters: Vec<char> = good.chars().collect();
            letters[place] = if letters[place] == 'q' { 'p' } else { 'q' };
            let wrong: String = letters.into_iter().collect();
            assert!(HybridRecipient::parse(&wrong).is_err(), "{place}");
        }
        for wrong in
            ["", "age1pq1", "age1pq1qqqq", good.get(..1900).unwrap(), &good.replace("age1pq1", "age1tagpq1")]
        {
            assert!(HybridRecipient::parse(wrong).is_err(), "{wrong}");
        }
    }
}
