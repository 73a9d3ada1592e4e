//! Key encapsulation: ML-KEM (FIPS 203).

use strongroom_crypto::secret::Secret;

use super::{Key, unsupported};
use crate::cell::Live;
use crate::error::UseError;
use crate::text::{self, Base64};
use crate::version::VersionKey;

/// A secret that both sides have, and what the other side gets it from.
pub struct Encapsulated {
    /// The secret: a key for whatever follows.
    pub secret: Secret<32>,
    /// version `u32` ‖ ciphertext.
    pub ciphertext: Vec<u8>,
}

impl Encapsulated {
    /// The ciphertext as text: `vault:vN:` and base64.
    ///
    /// # Errors
    ///
    /// Never of what [`Key::encapsulate`] gave.
    pub fn text(&self) -> Result<String, UseError> {
        let (version, ciphertext) = text::split_bytes(&self.ciphertext)?;
        Ok(text::encode(version, ciphertext, Base64::Standard))
    }
}

/// Key encapsulation.
impl Key {
    /// Draws a secret that [`decapsulate`](Self::decapsulate) gives again (FIPS 203, section 7.2).
    ///
    /// # Errors
    ///
    /// [`UseError::Unsupported`] unless the key is ML-KEM.
    pub fn encapsulate(&self, version: Option<u32>) -> Result<Encapsulated, UseError> {
        let check = |live: &Live, key: &VersionKey| {
            let encapsulates = key.material().filter(|material| material.key_type().supports_encapsulation());
            encapsulates.map(drop).ok_or_else(|| unsupported(live.policy().kind))
        };
        self.protect(version, 0, check, |live, version, key| {
            let public = key.material().and_then(|material| material.public_key());
            let public = public.ok_or_else(|| unsupported(live.policy().kind))?;
            let (ciphertext, secret) = public.encapsulate()?;
            let ciphertext = [version.number.to_be_bytes().as_slice(), &ciphertext].concat();
            Ok(Encapsulated { secret, ciphertext })
        })
    }

    /// The secret of a ciphertext (FIPS 203, section 7.3). One that was not made for this key gives a secret that nobody else has.
    ///
    /// # Errors
    ///
    /// [`UseError::Unsupported`] unless the key is ML-KEM; [`UseError::Forged`] for a wrong length.
    pub fn decapsulate(&self, ciphertext: &[u8]) -> Result<Secret<32>, UseError> {
        let (version, ciphertext) = text::split_bytes(ciphertext)?;
        self.decapsulate_by(version, ciphertext)
    }

    /// The same for text.
    ///
    /// # Errors
    ///
    /// [`UseError::Text`]; or as [`decapsulate`](Self::decapsulate).
    pub fn decapsulate_text(&self, ciphertext: &str) -> Result<Secret<32>, UseError> {
        let (version, ciphertext) = text::decode(ciphertext, Base64::Standard)?;
        self.decapsulate_by(version, &ciphertext)
    }

    fn decapsulate_by(&self, version: u32, ciphertext: &[u8]) -> Result<Secret<32>, UseError> {
        let content = self.cell.load();
        let live = content.usable()?;
        let (_, key) = live.processing(version)?;
        let material = key.material().ok_or_else(|| unsupported(live.policy().kind))?;
        Ok(material.decapsulate(ciphertext)?)
    }
}
