//! Shares encrypted to OpenPGP certificates (RFC 9580), so that those who hold shares of Vault keep their keys.

use std::io::Cursor;
use std::time::{SystemTime, UNIX_EPOCH};

use pgp::composed::{ArmorOptions, Deserializable as _, MessageBuilder, SignedPublicKey, SignedPublicSubKey};
use pgp::crypto::sym::SymmetricKeyAlgorithm;
use pgp::packet::{Signature, SignatureType};
use pgp::types::{KeyDetails as _, Timestamp};
use rand::rngs::OsRng;

use super::CustodyError;

/// A certificate, with the subkey that shares are encrypted to.
pub struct Certificate {
    key: SignedPublicSubKey,
}

impl Certificate {
    /// Reads one certificate, armoured or binary, checks its self-signatures, and chooses its newest live subkey for
    /// encryption.
    ///
    /// `fingerprint` is the primary key's, in lower-case hexadecimal.
    pub(super) fn parse(bytes: &[u8], fingerprint: &str) -> Result<Self, CustodyError> {
        let refused = |problem: String| CustodyError::Certificate { problem };
        if bytes.windows(PRIVATE.len()).any(|window| window == PRIVATE) {
            return Err(refused(
                "the file holds a private key, which belongs to its owner alone: export the public certificate".to_owned(),
            ));
        }
        let (certificate, _) = SignedPublicKey::from_reader_single(Cursor::new(bytes))
            .map_err(|error| refused(format!("the file holds no OpenPGP certificate ({error})")))?;
        let found = data_encoding::HEXLOWER.encode(certificate.fingerprint().as_bytes());
        if found != fingerprint {
            return Err(refused(format!(
                "its fingerprint is {found}, and the plan says {fingerprint}: take the file that belongs to the plan"
            )));
        }
        certificate.verify_bindings().map_err(|error| {
            refused(format!("its self-signatures do not verify ({error}): ask its owner for a new export"))
        })?;
        if !certificate.details.revocation_signatures.is_empty() {
            return Err(refused("it was revoked: ask its owner for the present one".to_owned()));
        }
        let now = now();
        let created = u64::from(certificate.created_at().as_secs());
        let bindings = certificate
            .details
            .users
            .iter()
            .flat_map(|user| &user.signatures)
            .chain(&certificate.details.direct_signatures)
            .filter(|signature| is_own(&certificate, signature));
        if let Some(newest) = newest(bindings)
            && has_expired(created, newest, now)
        {
            return Err(refused("it has expired: ask its owner for the present one".to_owned()));
        }
        let usable = certificate.public_subkeys.into_iter().filter(|subkey| encrypts(subkey, now));
        let key = usable.max_by_key(|subkey| subkey.created_at().as_secs());
        let key = key.ok_or_else(|| {
            refused(
                "it has no live subkey for encryption: ask its owner to add one, and export anew".to_owned(),
            )
        })?;
        Ok(Self { key })
    }

    /// An armoured OpenPGP message: AES-256 under the subkey, with integrity protection (RFC 9580, 5.13.1), as every
    /// implementation reads it.
    pub(super) fn encrypt(&self, share: &str) -> Result<Vec<u8>, CustodyError> {
        let failed = |error: pgp::errors::Error| CustodyError::Encrypt(error.to_string());
        let text = zeroize::Zeroizing::new([share.as_bytes(), b"\n"].concat());
        let mut message = MessageBuilder::from_reader("", Cursor::new(text.as_slice()))
            .seipd_v1(OsRng, SymmetricKeyAlgorithm::AES256);
        message.encrypt_to_key(OsRng, &self.key).map_err(failed)?;
        let armoured = message.to_armored_string(OsRng, ArmorOptions::default()).map_err(failed)?;
        Ok(armoured.into_bytes())
    }
}

/// Whether the certificate's own key made the signature, and not somebody who knows its owner.
fn is_own(certificate: &SignedPublicKey, signature: &Signature) -> bool {
    let own = certificate.fingerprint();
    signature.issuer_fingerprint().into_iter().any(|issuer| *issuer == own)
        || signature.issuer_key_id().into_iter().any(|issuer| *issuer == certificate.legacy_key_id())
}

fn encrypts(subkey: &SignedPublicSubKey, now: u64) -> bool {
    let is_revocation = |signature: &Signature| signature.typ() == Some(SignatureType::SubkeyRevocation);
    if !subkey.algorithm().can_encrypt() || subkey.signatures.iter().any(is_revocation) {
        return false;
    }
    let created = u64::from(subkey.created_at().as_secs());
    newest(subkey.signatures.iter()).is_some_and(|binding| {
        let flags = binding.key_flags();
        (flags.encrypt_storage() || flags.encrypt_comms()) && !has_expired(created, binding, now)
    })
}

fn newest<'a>(signatures: impl Iterator<Item = &'a Signature>) -> Option<&'a Signature> {
    signatures.max_by_key(|signature| signature.created().map(Timestamp::as_secs))
}

fn has_expired(created: u64, binding: &Signature, now: u64) -> bool {
    let lifetime = binding.key_expiration_time().map_or(0, |lifetime| u64::from(lifetime.as_secs()));
    lifetime != 0 && created.saturating_add(lifetime) <= now
}

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

const PRIVATE: &[u8] = b"PRIVATE KEY BLOCK";

#[cfg(test)]
mod tests {
    use pgp::composed::{
        EncryptionCaps, KeyType, Message, SecretKeyParamsBuilder, SignedSecretKey, SubkeyParamsBuilder,
    };
    use pgp::crypto::ecc_curve::ECCCurve;
    use pgp::types::Password;

    use super::*;

    fn key(encryption: bool) -> SignedSecretKey {
        let mut subkey = SubkeyParamsBuilder::default();
        subkey.key_type(KeyType::ECDH(ECCCurve::Curve25519Legacy)).can_encrypt(if encryption {
            EncryptionCaps::All
        } else {
            EncryptionCaps::None
        });
        let mut parameters = SecretKeyParamsBuilder::default();
        parameters
            .key_type(KeyType::Ed25519Legacy)
            .can_certify(true)
            .can_sign(true)
            .can_encrypt(EncryptionCaps::None)
            .primary_user_id("Ada <ada@example.org>".into())
            .subkeys(vec![subkey.build().unwrap()]);
        parameters.build().unwrap().generate(OsRng).unwrap()
    }

    fn exported(key: &SignedSecretKey) -> (Vec<u8>, String) {
        let public = SignedPublicKey::from(key.clone());
        let fingerprint = data_encoding::HEXLOWER.encode(public.fingerprint().as_bytes());
        (public.to_armored_bytes(ArmorOptions::default()).unwrap(), fingerprint)
    }

    #[test]
    fn only_the_owner_of_the_certificate_reads_the_share() {
        let (owner, other) = (key(true), key(true));
        let (file, fingerprint) = exported(&owner);
        let message = Certificate::parse(&file, &fingerprint).unwrap().encrypt("sr1qqq").unwrap();
        let decrypt = |key: &SignedSecretKey| {
            let (message, _) = Message::from_armor(Cursor::new(message.clone())).unwrap();
            message.decrypt(&Password::empty(), key).ok().map(|mut message| message.as_data_vec().unwrap())
        };
        assert_eq!(decrypt(&owner).as_deref(), Some(b"sr1qqq\n".as_slice()));
        assert_eq!(decrypt(&other), None);
    }

    #[test]
    fn certificate_that_the_plan_does_not_mean_is_refused() {
        let (file, fingerprint) = exported(&key(true));
        let (_, other) = exported(&key(true));
        assert!(Certificate::parse(&file, &fingerprint).is_ok());
        let error = Certificate::parse(&file, &other).err().unwrap().to_string();
        assert!(error.contains(&fingerprint), "{error}");
    }

    #[test]
    fn certificate_without_a_key_for_encryption_is_refused() {
        let (file, fingerprint) = exported(&key(false));
        let error = Certificate::parse(&file, &fingerprint).err().unwrap().to_string();
        assert!(error.contains("no live subkey for encryption"), "{error}");
    }

    #[test]
    fn private_key_and_what_is_no_key_are_refused() {
        let secret = key(true);
        let private = secret.to_armored_bytes(ArmorOptions::default()).unwrap();
        let error = Certificate::parse(&private, "").err().unwrap().to_string();
        assert!(error.contains("private key"), "{error}");
        assert!(Certificate::parse(b"", "").is_err());
        assert!(Certificate::parse(b"hello", "").is_err());
    }
}
