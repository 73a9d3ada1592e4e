//! Shares encrypted to age recipients (age-encryption.org/v1).

mod hybrid;

use std::io::Write as _;
use std::iter;

use age::armor::{ArmoredWriter, Format};
use age::{Encryptor, Recipient, x25519};

use super::CustodyError;
use hybrid::HybridRecipient;

/// An age recipient.
pub struct AgeRecipient(Box<dyn Recipient + Send + Sync>);

impl AgeRecipient {
    /// `age1…`, X25519, or `age1pq1…`, X25519 with ML-KEM-768.
    pub(super) fn parse(text: &str) -> Result<Self, CustodyError> {
        let problem = |problem| CustodyError::AgeRecipient { problem };
        let text = text.trim();
        if text.to_ascii_uppercase().starts_with("AGE-SECRET-KEY-") {
            return Err(problem(
                "this is a private key, which belongs to its owner alone: it must not be used any more; give the recipient \
                 of a new one, which begins with age1",
            ));
        }
        if super::is_hybrid(text) {
            return HybridRecipient::parse(text).map(|key| Self(Box::new(key))).map_err(problem);
        }
        if ["age1tag1", "age1tagpq1"].iter().any(|prefix| text.starts_with(prefix)) {
            return Err(problem(
                "hardware-key recipients are not supported: give an X25519 recipient (age1…, 62 characters) or a hybrid one \
                 (age1pq1…)",
            ));
        }
        hybrid::check_x25519(text).map_err(problem)?;
        text.parse::<x25519::Recipient>().map(|key| Self(Box::new(key))).map_err(problem)
    }

    /// An armoured age file.
    pub(super) fn encrypt(&self, share: &str) -> Result<Vec<u8>, CustodyError> {
        let failed = |error: &dyn std::fmt::Display| CustodyError::Encrypt(error.to_string());
        let recipient: &dyn Recipient = self.0.as_ref();
        let encryptor = Encryptor::with_recipients(iter::once(recipient)).map_err(|error| failed(&error))?;
        let mut file = Vec::new();
        let armor =
            ArmoredWriter::wrap_output(&mut file, Format::AsciiArmor).map_err(|error| failed(&error))?;
        let mut writer = encryptor.wrap_output(armor).map_err(|error| failed(&error))?;
        writer.write_all(share.as_bytes()).map_err(|error| failed(&error))?;
        writer.write_all(b"\n").map_err(|error| failed(&error))?;
        let armor = writer.finish().map_err(|error| failed(&error))?;
        armor.finish().map_err(|error| failed(&error))?;
        Ok(file)
    }
}

/// How the text of a hybrid recipient begins.
pub(super) const HYBRID: &str = "age1pq1";

#[cfg(test)]
mod tests {
    use std::io::Read as _;
    use std::iter;

    use age::armor::ArmoredReader;
    use age::{Decryptor, Identity, x25519};

    use super::*;

    fn decrypt(file: &[u8], identity: &x25519::Identity) -> Option<String> {
        let decryptor = Decryptor::new(ArmoredReader::new(file)).unwrap();
        let mut text = String::new();
        let mut reader = decryptor.decrypt(iter::once(identity as &dyn Identity)).ok()?;
        reader.read_to_string(&mut text).unwrap();
        Some(text)
    }

    #[test]
    fn only_the_recipient_reads_the_share() {
        let (custodian, other) = (x25519::Identity::generate(), x25519::Identity::generate());
        let recipient = AgeRecipient::parse(&custodian.to_public().to_string()).unwrap();
        let file = recipient.encrypt("sr1qqq").unwrap();
        assert_eq!(decrypt(&file, &custodian).as_deref(), Some("sr1qqq\n"));
        assert_eq!(decrypt(&file, &other), None);
        assert!(!String::from_utf8(file).unwrap().contains("sr1qqq"));
    }

    #[test]
    fn private_key_in_place_of_a_recipient_is_refused_and_not_repeated() {
        use age::secrecy::ExposeSecret as _;
        let secret = x25519::Identity::generate().to_string();
        let error = AgeRecipient::parse(secret.expose_secret()).err().unwrap();
        assert!(error.to_string().contains("must not be used any more"));
        assert!(!error.to_string().contains(secret.expose_secret()));
    }

    #[test]
    fn recipient_with_a_wrong_letter_is_refused() {
        let good = x25519::Identity::generate().to_public().to_string();
        assert!(AgeRecipient::parse(&good).is_ok());
        for place in 0..good.len() {
            let mut letters: Vec<char> = good.chars().collect();
            letters[place] = if letters[place] == 'q' { 'p' } else { 'q' };
            let wrong: String = letters.into_iter().collect();
            assert!(AgeRecipient::parse(&wrong).is_err(), "{wrong}");
        }
        assert!(AgeRecipient::parse("age1pq1qqqq").is_err());
        // A point of low order: no secret comes of it, and the library would panic.
        let zero = "age1qqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqq5cu47z";
        assert!(AgeRecipient::parse(zero).is_err());
        assert!(AgeRecipient::parse("").is_err());
    }
}
