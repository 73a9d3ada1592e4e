//! One share.

use std::num::NonZeroU8;

use strongroom_crypto::secret::{SecretBytes, SecretError};

/// The longest secret that can be split.
pub const MAX_SECRET_LEN: usize = 1024;

/// One share: its number x, and the values there, one for each byte of the secret.
///
/// The values are secret: enough shares are the secret, and a 1-of-n share is the secret itself. So a share has neither
/// `Debug` nor `Clone` nor `PartialEq`, and is wiped when dropped. Its number is public.
pub struct Share {
    index: NonZeroU8,
    pub(crate) y: SecretBytes,
}

impl Share {
    /// A share from its parts. (The value at x = 0 is the secret, so that is nobody's number.)
    pub fn new(index: NonZeroU8, y: SecretBytes) -> Self {
        Self { index, y }
    }

    /// Its number, x.
    pub fn index(&self) -> NonZeroU8 {
        self.index
    }

    /// Its values, as many as the secret has bytes.
    pub fn y(&self) -> &SecretBytes {
        &self.y
    }

    /// A second copy, named so that a copy of a secret is never made by accident.
    ///
    /// # Errors
    ///
    /// When there is no secret memory left.
    pub fn duplicate(&self) -> Result<Self, SecretError> {
        Ok(Self { index: self.index, y: self.y.duplicate()? })
    }
}
