//! Batches: a result for each item, in order. One item's error is that item's alone.

use strongroom_crypto::secret::Plaintext;

use super::encrypt::most;
use super::{
    DataKey, DataKeyBits, DecryptOptions, Encapsulated, EncryptOptions, Key, MacOptions, SignRequest, one,
};
use crate::error::UseError;
use crate::policy::Amount;

/// Batches. Every item is checked and counted.
impl Key {
    /// [`encrypt`](Self::encrypt) for each plaintext.
    pub fn encrypt_batch<'a>(
        &self,
        items: impl IntoIterator<Item = (&'a [u8], EncryptOptions<'a>)>,
    ) -> Vec<Result<Vec<u8>, UseError>> {
        let items: Vec<_> = items.into_iter().collect();
        match self.encrypt_counted_together(&items) {
            Ok(outcomes) => outcomes,
            // Together they are too many for this version, or it has to be replaced: one by one then.
            Err(_) => each(items, |(plaintext, options)| self.encrypt(plaintext, &options)),
        }
    }

    /// For items that leave the choice of the version: one look at the policy, and one count, for all of them.
    fn encrypt_counted_together(
        &self,
        items: &[(&[u8], EncryptOptions<'_>)],
    ) -> Result<Vec<Result<Vec<u8>, UseError>>, UseError> {
        let content = self.cell.load();
        let live = content.usable()?;
        let (version, key) = live.protecting(None)?;
        let check = |plaintext: &[u8], options: &EncryptOptions<'_>| {
            self.check_encryption(live.policy(), key, plaintext, options)
        };
        let counted = items
            .iter()
            .filter(|(plaintext, options)| options.version.is_none() && check(plaintext, options).is_ok());
        let need =
            counted.fold(Amount::default(), |sum, (plaintext, _)| sum.saturating_add(one(plaintext.len())));
        self.count(live, version, key, need)?;
        Ok(each(items, |(plaintext, options)| {
            if options.version.is_some() {
                return self.encrypt(plaintext, options);
            }
            check(plaintext, options)?;
            let mut out = Vec::with_capacity(most(plaintext));
            self.encrypt_with(live, version, key, plaintext, options, &mut out)?;
            Ok(out)
        }))
    }

    /// [`encrypt_text`](Self::encrypt_text) for each plaintext.
    pub fn encrypt_text_batch<'a>(
        &self,
        items: impl IntoIterator<Item = (&'a [u8], EncryptOptions<'a>)>,
    ) -> Vec<Result<String, UseError>> {
        each(items, |(plaintext, options)| self.encrypt_text(plaintext, &options))
    }

    /// [`decrypt`](Self::decrypt) for each ciphertext.
    pub fn decrypt_batch<'a>(
        &self,
        items: impl IntoIterator<Item = (&'a [u8], DecryptOptions<'a>)>,
    ) -> Vec<Result<Plaintext, UseError>> {
        each(items, |(ciphertext, options)| self.decrypt(ciphertext, &options))
    }

    /// [`decrypt_text`](Self::decrypt_text) for each ciphertext.
    pub fn decrypt_text_batch<'a>(
        &self,
        items: impl IntoIterator<Item = (&'a str, DecryptOptions<'a>)>,
    ) -> Vec<Result<Plaintext, UseError>> {
        each(items, |(ciphertext, options)| self.decrypt_text(ciphertext, &options))
    }

    /// [`rewrap`](Self::rewrap) for each ciphertext.
    pub fn rewrap_batch<'a>(
        &self,
        items: impl IntoIterator<Item = (&'a [u8], EncryptOptions<'a>)>,
    ) -> Vec<Result<Vec<u8>, UseError>> {
        each(items, |(ciphertext, options)| self.rewrap(ciphertext, &options))
    }

    /// [`rewrap_text`](Self::rewrap_text) for each ciphertext.
    pub fn rewrap_text_batch<'a>(
        &self,
        items: impl IntoIterator<Item = (&'a str, EncryptOptions<'a>)>,
    ) -> Vec<Result<String, UseError>> {
        each(items, |(ciphertext, options)| self.rewrap_text(ciphertext, &options))
    }

    /// [`data_key`](Self::data_key) for each request.
    pub fn data_key_batch<'a>(
        &self,
        items: impl IntoIterator<Item = (DataKeyBits, EncryptOptions<'a>)>,
    ) -> Vec<Result<DataKey, UseError>> {
        each(items, |(bits, options)| self.data_key(bits, &options))
    }

    /// [`sign`](Self::sign) for each input.
    pub fn sign_batch<'a>(
        &self,
        items: impl IntoIterator<Item = (&'a [u8], SignRequest<'a>)>,
    ) -> Vec<Result<Vec<u8>, UseError>> {
        each(items, |(input, request)| self.sign(input, &request))
    }

    /// [`sign_text`](Self::sign_text) for each input.
    pub fn sign_text_batch<'a>(
        &self,
        items: impl IntoIterator<Item = (&'a [u8], SignRequest<'a>)>,
    ) -> Vec<Result<String, UseError>> {
        each(items, |(input, request)| self.sign_text(input, &request))
    }

    /// [`verify`](Self::verify) for each input and signature.
    pub fn verify_batch<'a>(
        &self,
        items: impl IntoIterator<Item = (&'a [u8], &'a [u8], SignRequest<'a>)>,
    ) -> Vec<Result<bool, UseError>> {
        each(items, |(input, signature, request)| self.verify(input, signature, &request))
    }

    /// [`verify_text`](Self::verify_text) for each input and signature.
    pub fn verify_text_batch<'a>(
        &self,
        items: impl IntoIterator<Item = (&'a [u8], &'a str, SignRequest<'a>)>,
    ) -> Vec<Result<bool, UseError>> {
        each(items, |(input, signature, request)| self.verify_text(input, signature, &request))
    }

    /// [`hmac`](Self::hmac) for each input.
    pub fn hmac_batch<'a>(
        &self,
        items: impl IntoIterator<Item = (&'a [u8], MacOptions)>,
    ) -> Vec<Result<Vec<u8>, UseError>> {
        each(items, |(input, options)| self.hmac(input, &options))
    }

    /// [`hmac_text`](Self::hmac_text) for each input.
    pub fn hmac_text_batch<'a>(
        &self,
        items: impl IntoIterator<Item = (&'a [u8], MacOptions)>,
    ) -> Vec<Result<String, UseError>> {
        each(items, |(input, options)| self.hmac_text(input, &options))
    }

    /// [`verify_hmac`](Self::verify_hmac) for each input and tag.
    pub fn verify_hmac_batch<'a>(
        &self,
        items: impl IntoIterator<Item = (&'a [u8], &'a [u8], MacOptions)>,
    ) -> Vec<Result<bool, UseError>> {
        each(items, |(input, tag, options)| self.verify_hmac(input, tag, &options))
    }

    /// [`verify_hmac_text`](Self::verify_hmac_text) for each input and tag.
    pub fn verify_hmac_text_batch<'a>(
        &self,
        items: impl IntoIterator<Item = (&'a [u8], &'a str, MacOptions)>,
    ) -> Vec<Result<bool, UseError>> {
        each(items, |(input, tag, options)| self.verify_hmac_text(input, tag, &options))
    }

    /// [`encapsulate`](Self::encapsulate) so many times.
    pub fn encapsulate_batch(&self, versions: &[Option<u32>]) -> Vec<Result<Encapsulated, UseError>> {
        each(versions, |version| self.encapsulate(*version))
    }

    /// [`decapsulate`](Self::decapsulate) for each ciphertext.
    pub fn decapsulate_batch<'a>(
        &self,
        items: impl IntoIterator<Item = &'a [u8]>,
    ) -> Vec<Result<strongroom_crypto::secret::Secret<32>, UseError>> {
        each(items, |ciphertext| self.decapsulate(ciphertext))
    }
}

#[inline]
fn each<I: IntoIterator, T>(items: I, work: impl FnMut(I::Item) -> T) -> Vec<T> {
    items.into_iter().map(work).collect()
}
