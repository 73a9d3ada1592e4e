//! MACs: HMAC (FIPS 198-1). Every key in this store has a key for them beside its own, as in Vault.

use super::{Key, MacOptions, unsupported};
use crate::algorithm::Material;
use crate::cell::Live;
use crate::error::UseError;
use crate::text::{self, Base64};
use crate::version::VersionKey;

/// MACs.
impl Key {
    /// The HMAC of the input: version `u32` ‖ tag.
    ///
    /// # Errors
    ///
    /// [`UseError::Unsupported`] for a key that is held elsewhere. Nothing was made then, and none is counted.
    pub fn hmac(&self, input: &[u8], options: &MacOptions) -> Result<Vec<u8>, UseError> {
        let check = |live: &Live, key: &VersionKey| material(live, key).map(drop);
        self.protect(options.version, input.len(), check, |live, version, key| {
            let material = material(live, key)?;
            Ok([version.number.to_be_bytes().as_slice(), &material.hmac(options.hash, input)].concat())
        })
    }

    /// The same as Vault's text.
    ///
    /// # Errors
    ///
    /// As [`hmac`](Self::hmac).
    pub fn hmac_text(&self, input: &[u8], options: &MacOptions) -> Result<String, UseError> {
        let bytes = self.hmac(input, options)?;
        let (version, tag) = text::split_bytes(&bytes)?;
        Ok(text::encode(version, tag, Base64::Standard))
    }

    /// Whether [`hmac`](Self::hmac) gave this tag for this input, in constant time. A truncated tag is wrong.
    ///
    /// # Errors
    ///
    /// [`UseError`] where it cannot be said.
    pub fn verify_hmac(&self, input: &[u8], tag: &[u8], options: &MacOptions) -> Result<bool, UseError> {
        let (version, tag) = text::split_bytes(tag)?;
        self.verify_hmac_by(version, input, tag, options)
    }

    /// The same for Vault's text.
    ///
    /// # Errors
    ///
    /// [`UseError::Text`]; or as [`verify_hmac`](Self::verify_hmac).
    pub fn verify_hmac_text(&self, input: &[u8], tag: &str, options: &MacOptions) -> Result<bool, UseError> {
        let (version, tag) = text::decode(tag, Base64::Standard)?;
        self.verify_hmac_by(version, input, &tag, options)
    }

    fn verify_hmac_by(
        &self,
        version: u32,
        input: &[u8],
        tag: &[u8],
        options: &MacOptions,
    ) -> Result<bool, UseError> {
        let content = self.cell.load();
        let live = content.usable()?;
        let (_, key) = live.processing(version)?;
        Ok(material(live, key)?.verify_hmac(options.hash, input, tag))
    }
}

fn material<'a>(live: &Live, key: &'a VersionKey) -> Result<&'a Material, UseError> {
    key.material().ok_or_else(|| unsupported(live.policy().kind))
}
