//! Rewrapping: from an old version to a new one, for ciphertexts that lie elsewhere. No plaintext comes out.

use super::{DecryptOptions, EncryptOptions, Key};
use crate::error::UseError;
use crate::text;

/// A new ciphertext for an old one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rewrapped<T> {
    /// The new ciphertext; the old one, where it is under the wanted version already.
    pub ciphertext: T,
    /// The version that it is under.
    pub version: u32,
    /// Whether it is another than the old one.
    pub changed: bool,
}

/// Rewrapping.
impl Key {
    /// Decrypts and encrypts anew, with the same context and associated data; the plaintext is wiped in between.
    ///
    /// # Errors
    ///
    /// As [`decrypt`](Self::decrypt) and [`encrypt`](Self::encrypt).
    pub fn rewrap(&self, ciphertext: &[u8], options: &EncryptOptions<'_>) -> Result<Vec<u8>, UseError> {
        let opening = opening(options);
        let plaintext = self.decrypt(ciphertext, &opening)?;
        self.encrypt(plaintext.as_slice(), options)
    }

    /// The same for Vault's text.
    ///
    /// # Errors
    ///
    /// As [`rewrap`](Self::rewrap).
    pub fn rewrap_text(&self, ciphertext: &str, options: &EncryptOptions<'_>) -> Result<String, UseError> {
        let plaintext = self.decrypt_text(ciphertext, &opening(options))?;
        self.encrypt_text(plaintext.as_slice(), options)
    }

    /// Rewraps whatever a database, a queue or a file gives, one by one, in constant memory: old ciphertexts go in, new ones
    /// come out, in the same order and with whatever says whose they are. One that fails does not stop the others.
    ///
    /// One that is under the newest active version already is only opened, which proves it, and comes out as it went in: an
    /// interrupted run repeats nothing but that.
    ///
    /// ```
    /// # use strongroom_transit::{EncryptOptions, Key, UseError};
    /// # fn rows() -> Vec<(u64, Vec<u8>)> { Vec::new() }
    /// # fn store(_: u64, _: &[u8]) {}
    /// fn move_to_the_newest_version(key: &Key) -> Result<(), UseError> {
    ///     for (row, outcome) in key.rewrap_stream(rows(), EncryptOptions::default()) {
    ///         let rewrapped = outcome?;
    ///         if rewrapped.changed {
    ///             store(row, &rewrapped.ciphertext);
    ///         }
    ///     }
    ///     Ok(())
    /// }
    /// ```
    pub fn rewrap_stream<'a, I, W>(
        &'a self,
        ciphertexts: I,
        options: EncryptOptions<'a>,
    ) -> RewrapStream<'a, I::IntoIter>
    where
        I: IntoIterator<Item = (W, Vec<u8>)>,
    {
        RewrapStream { key: self, options, ciphertexts: ciphertexts.into_iter() }
    }

    fn rewrap_old(
        &self,
        ciphertext: Vec<u8>,
        options: &EncryptOptions<'_>,
    ) -> Result<Rewrapped<Vec<u8>>, UseError> {
        let plaintext = self.decrypt(&ciphertext, &opening(options))?;
        let (version, _) = text::split_bytes(&ciphertext)?;
        let wanted = match options.version {
            Some(version) => Some(version),
            None => self.cell.load().usable()?.current(),
        };
        if wanted == Some(version) {
            return Ok(Rewrapped { ciphertext, version, changed: false });
        }
        let ciphertext = self.encrypt(plaintext.as_slice(), options)?;
        let (version, _) = text::split_bytes(&ciphertext)?;
        Ok(Rewrapped { ciphertext, version, changed: true })
    }
}

fn opening<'a>(options: &EncryptOptions<'a>) -> DecryptOptions<'a> {
    DecryptOptions {
        context: options.context,
        associated_data: options.associated_data,
        oaep_hash: options.oaep_hash,
    }
}

/// What [`Key::rewrap_stream`] gives.
pub struct RewrapStream<'a, I> {
    key: &'a Key,
    options: EncryptOptions<'a>,
    ciphertexts: I,
}

impl<W, I: Iterator<Item = (W, Vec<u8>)>> Iterator for RewrapStream<'_, I> {
    type Item = (W, Result<Rewrapped<Vec<u8>>, UseError>);

    fn next(&mut self) -> Option<Self::Item> {
        let (whose, ciphertext) = self.ciphertexts.next()?;
        Some((whose, self.key.rewrap_old(ciphertext, &self.options)))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.ciphertexts.size_hint()
    }
}
