//! A token that answers as it is told: what this crate makes of honest, absent and lying ones. The real ones are held
//! against the whole store in the tests of `strongroom`.

use std::sync::Mutex;

use strongroom_crypto::aead::AeadKey;
use strongroom_crypto::external::{ExternalError, ExternalFault};
use strongroom_crypto::random;
use strongroom_crypto::secret::SecretBytes;
use strongroom_seal::hsm::HsmKeys;
use strongroom_seal::policy::HsmKey;

pub struct Token {
    key: AeadKey,
    answers: Mutex<Vec<Answer>>,
    pub calls: Mutex<usize>,
}

/// What it does, one for each call to come; honest when none is left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    Honest,
    Silent,
    /// Success, with one bit of the result changed.
    Flipped,
    /// Success, with so many bytes of the result.
    Short(usize),
    /// Success, with zeros.
    Zeros,
}

impl Token {
    pub fn new() -> Self {
        let key = AeadKey::new(&strongroom_crypto::secret::Secret::random().unwrap()).unwrap();
        Self { key, answers: Mutex::new(Vec::new()), calls: Mutex::new(0) }
    }

    /// The next calls get these answers.
    pub fn plan(&self, answers: &[Answer]) {
        *self.answers.lock().unwrap() = answers.iter().rev().copied().collect();
    }

    fn answer(&self, mut honest: Vec<u8>) -> Result<Vec<u8>, ExternalError> {
        *self.calls.lock().unwrap() += 1;
        match self.answers.lock().unwrap().pop().unwrap_or(Answer::Honest) {
            Answer::Honest => {}
            Answer::Silent => {
                return Err(ExternalError::new(ExternalFault::Unavailable, "the token is gone"));
            }
            Answer::Flipped => honest[0] ^= 1,
            Answer::Short(length) => honest.truncate(length),
            Answer::Zeros => honest.fill(0),
        }
        Ok(honest)
    }
}

impl HsmKeys for Token {
    fn wrap(&self, key: &HsmKey, secret: &SecretBytes, context: &[u8]) -> Result<Vec<u8>, ExternalError> {
        let aad = [key.to_string().as_bytes(), context].concat();
        let nonce = random::array::<12>().unwrap();
        let mut sealed = secret.expose().to_vec();
        let tag = self.key.seal_in_place(&nonce, &aad, &mut sealed).unwrap();
        self.answer([nonce.as_slice(), &sealed, &tag].concat())
    }

    fn unwrap(&self, key: &HsmKey, wrapped: &[u8], context: &[u8]) -> Result<SecretBytes, ExternalError> {
        let aad = [key.to_string().as_bytes(), context].concat();
        let refused = || ExternalError::new(ExternalFault::Rejected, "the token does not know this");
        let (nonce, rest) = wrapped.split_first_chunk::<12>().ok_or_else(refused)?;
        let (sealed, tag) = rest.split_last_chunk::<16>().ok_or_else(refused)?;
        let mut opened = sealed.to_vec();
        self.key.open_in_place(nonce, &aad, &mut opened, tag).map_err(|_| refused())?;
        SecretBytes::copy_from_slice(&self.answer(opened)?)
            .map_err(|error| ExternalError::new(ExternalFault::Misbehaved, error))
    }
}
