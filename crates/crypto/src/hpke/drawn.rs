//! Randomness drawn beforehand, as a generator that cannot fail.

use std::convert::Infallible;

use rand_core::{TryCryptoRng, TryRng};

use crate::secret::{Secret, SecretError};

/// The library's generators may only panic when randomness fails, so it gets bytes that are drawn already: as many as any
/// suite needs, each given out once.
pub(super) struct Drawn {
    bytes: Secret<64>,
    given: usize,
    overdrawn: bool,
}

impl Drawn {
    pub(super) fn draw() -> Result<Self, SecretError> {
        Ok(Self { bytes: Secret::random()?, given: 0, overdrawn: false })
    }

    /// Whether more was asked for than there was. What was made with it must not be used.
    pub(super) fn overdrawn(&self) -> bool {
        self.overdrawn
    }
}

impl TryRng for Drawn {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        let mut bytes = [0; 4];
        self.try_fill_bytes(&mut bytes)?;
        Ok(u32::from_le_bytes(bytes))
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        let mut bytes = [0; 8];
        self.try_fill_bytes(&mut bytes)?;
        Ok(u64::from_le_bytes(bytes))
    }

    fn try_fill_bytes(&mut self, output: &mut [u8]) -> Result<(), Infallible> {
        let end = self.given.saturating_add(output.len());
        if let Some(bytes) = self.bytes.expose().get(self.given..end) {
            output.copy_from_slice(bytes);
            self.given = end;
        } else {
            output.fill(0);
            self.overdrawn = true;
        }
        Ok(())
    }
}

impl TryCryptoRng for Drawn {}
