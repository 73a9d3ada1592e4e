//! Random bytes from the token (`C_GenerateRandom`).

use strongroom_crypto::external::{EntropySource, ExternalError};
use zeroize::Zeroizing;

use crate::error::{Failure, TokenError};
use crate::token::{Lease, Token};

/// The token's random generator. Copies share everything.
#[derive(Clone)]
pub struct TokenRandom(Token);

impl Token {
    /// The token's random generator.
    pub fn random(&self) -> TokenRandom {
        TokenRandom(self.clone())
    }
}

impl TokenRandom {
    /// Fills the whole buffer, or answers an error and leaves zeros.
    ///
    /// An answer that is all one byte, over more than eight bytes, is taken for a fault.
    ///
    /// # Errors
    ///
    /// [`TokenError`].
    pub fn draw(&self, buffer: &mut [u8]) -> Result<(), TokenError> {
        let len = buffer.len();
        let drawn = self.0.run(&|lease| draw(lease, len), &|lease| draw(lease, CANARY_LEN).map(drop));
        match drawn {
            Ok(drawn) => {
                buffer.copy_from_slice(&drawn);
                Ok(())
            }
            Err(error) => {
                buffer.fill(0);
                Err(error)
            }
        }
    }
}

impl EntropySource for TokenRandom {
    fn fill(&self, buffer: &mut [u8]) -> Result<(), ExternalError> {
        Ok(self.draw(buffer)?)
    }
}

fn draw(lease: &Lease<'_>, len: usize) -> Result<Zeroizing<Vec<u8>>, Failure> {
    let mut drawn = Zeroizing::new(vec![0; len]);
    lease.session().generate_random_slice(&mut drawn)?;
    let is_constant = drawn.windows(2).all(|pair| matches!(pair, [a, b] if a == b));
    if len > 8 && is_constant {
        return Err(Failure::Misbehaved("its random bytes are all the same".into()));
    }
    Ok(drawn)
}

const CANARY_LEN: usize = 16;
