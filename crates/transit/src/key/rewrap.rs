//! Rewrapping: from an old version to a new one, for ciphertexts that lie elsewhere. No plaintext comes out.

use strongroom_crypto::secret::Plaintext;

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

    /// Rewraps whatever a database, a queue or a file gives, one by one, in constant memory: old ciphertexts go in, bytes or
    /// texts, new ones come out, in the same order and with whatever says whose they are. One that fails does not stop the others.
    ///
    /// `options` says what each was encrypted with, so that rows may have contexts and associated data of their own.
    ///
    /// One that is under the newest active version already is only opened, which proves it, and comes out as it went in: an
    /// interrupted run repeats nothing but that.
    ///
    /// ```
    /// # use strongroom_transit::{EncryptOptions, Key, UseError};
    /// # fn rows() -> Vec<(String, String)> { Vec::new() }
    /// # fn store(_: &str, _: &str) {}
    /// fn encrypted_with(customer: &String) -> EncryptOptions<'_> {
    ///     EncryptOptions { associated_data: customer.as_bytes(), ..EncryptOptions::default() }
    /// }
    ///
    /// fn move_to_the_newest_version(key: &Key) -> Result<(), UseError> {
    ///     for (customer, outcome) in key.rewrap_stream(rows(), encrypted_with) {
    ///         let rewrapped = outcome?;
    ///         if rewrapped.changed {
    ///             store(&customer, &rewrapped.ciphertext);
    ///         }
    ///     }
    ///     Ok(())
    /// }
    /// ```
    pub fn rewrap_stream<I, W, C, O>(&self, ciphertexts: I, options: O) -> RewrapStream<'_, I::IntoIter, O>
    where
        I: IntoIterator<Item = (W, C)>,
        C: Ciphertext,
        O: Fn(&W) -> EncryptOptions<'_>,
    {
        RewrapStream { key: self, options, ciphertexts: ciphertexts.into_iter() }
    }

    fn rewrap_old<C: Ciphertext>(
        &self,
        ciphertext: C,
        options: &EncryptOptions<'_>,
    ) -> Result<Rewrapped<C>, UseError> {
        let plaintext = ciphertext.open(self, &opening(options))?;
        let version = ciphertext.version()?;
        let wanted = match options.version {
            Some(version) => Some(version),
            None => self.cell.load().usable()?.current(),
        };
        if wanted == Some(version) {
            return Ok(Rewrapped { ciphertext, version, changed: false });
        }
        let ciphertext = C::seal(self, plaintext.as_slice(), options)?;
        let version = ciphertext.version()?;
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

/// A ciphertext: bytes in a `Vec<u8>`, or Vault's text in a `String`.
pub trait Ciphertext: Form {}

impl Ciphertext for Vec<u8> {}
impl Ciphertext for String {}

/// Not to be named outside, so that there are no others.
pub trait Form: Sized {
    fn version(&self) -> Result<u32, UseError>;
    fn open(&self, key: &Key, options: &DecryptOptions<'_>) -> Result<Plaintext, UseError>;
    fn seal(key: &Key, plaintext: &[u8], options: &EncryptOptions<'_>) -> Result<Self, UseError>;
}

impl Form for Vec<u8> {
    fn version(&self) -> Result<u32, UseError> {
        Ok(text::split_bytes(self)?.0)
    }

    fn open(&self, key: &Key, options: &DecryptOptions<'_>) -> Result<Plaintext, UseError> {
        key.decrypt(self, options)
    }

    fn seal(key: &Key, plaintext: &[u8], options: &EncryptOptions<'_>) -> Result<Self, UseError> {
        key.encrypt(plaintext, options)
    }
}

impl Form for String {
    fn version(&self) -> Result<u32, UseError> {
        Ok(text::version(self)?)
    }

    fn open(&self, key: &Key, options: &DecryptOptions<'_>) -> Result<Plaintext, UseError> {
        key.decrypt_text(self, options)
    }

    fn seal(key: &Key, plaintext: &[u8], options: &EncryptOptions<'_>) -> Result<Self, UseError> {
        key.encrypt_text(plaintext, options)
    }
}

/// What [`Key::rewrap_stream`] gives.
pub struct RewrapStream<'a, I, O> {
    key: &'a Key,
    options: O,
    ciphertexts: I,
}

impl<W, C, I, O> Iterator for RewrapStream<'_, I, O>
where
    I: Iterator<Item = (W, C)>,
    C: Ciphertext,
    O: Fn(&W) -> EncryptOptions<'_>,
{
    type Item = (W, Result<Rewrapped<C>, UseError>);

    fn next(&mut self) -> Option<Self::Item> {
        let (whose, ciphertext) = self.ciphertexts.next()?;
        let outcome = self.key.rewrap_old(ciphertext, &(self.options)(&whose));
        Some((whose, outcome))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.ciphertexts.size_hint()
    }
}
