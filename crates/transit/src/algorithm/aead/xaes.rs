//! XAES-256-GCM ([C2SP]): AES-256-GCM under a key of its own per 96-bit prefix of a 192-bit nonce.
//!
//! The derivation is CMAC in counter mode (SP 800-108r1, section 4.1) for a message of one block, which makes it two
//! AES blocks per message and no more.
//!
//! [C2SP]: https://c2sp.org/XAES-256-GCM

use aes::cipher::{BlockCipherEncrypt as _, KeyInit as _};
use aes::{Aes256Enc, Block};
use strongroom_crypto::secret::with_wiped_stack;
use zeroize::{Zeroize as _, Zeroizing};

/// The AES schedule and CMAC's first subkey, both wiped on drop. They stay where they are: what is moved leaves a copy.
pub(super) struct XaesKey(Box<Parts>);

struct Parts {
    cipher: Aes256Enc,
    subkey: Zeroizing<[u8; 16]>,
}

impl XaesKey {
    pub(super) fn new(key: &[u8; 32]) -> Self {
        with_wiped_stack::<STACK, _>(|| {
            let cipher = Aes256Enc::new(key.into());
            let mut zeros = Block::default();
            cipher.encrypt_block(&mut zeros);
            // SP 800-38B, section 6.1: doubling in GF(2^128), without a branch on the secret bit.
            let doubled =
                (u128::from_be_bytes(zeros.0) << 1) ^ (CMAC_REDUCTION * u128::from(zeros.0[0] >> 7));
            zeros.0.zeroize();
            Self(Box::new(Parts { cipher, subkey: Zeroizing::new(doubled.to_be_bytes()) }))
        })
    }

    /// The AES-256-GCM key for nonces that begin so.
    pub(super) fn message_key(&self, prefix: &[u8; 12]) -> Zeroizing<[u8; 32]> {
        let mut blocks = [self.counter_block(1, prefix), self.counter_block(2, prefix)];
        self.0.cipher.encrypt_blocks(&mut blocks);
        let mut key = Zeroizing::new([0; 32]);
        for (byte, derived) in key.iter_mut().zip(blocks.iter_mut().flat_map(|block| block.0.iter_mut())) {
            *byte = *derived;
            derived.zeroize();
        }
        key
    }

    fn counter_block(&self, counter: u8, prefix: &[u8; 12]) -> Block {
        let head = [0, counter, b'X', 0];
        let mut block = Block::default();
        for ((byte, input), subkey) in block.0.iter_mut().zip(head.iter().chain(prefix)).zip(&*self.0.subkey)
        {
            *byte = input ^ subkey;
        }
        block
    }
}

/// x^128 = x^7 + x^2 + x + 1.
const CMAC_REDUCTION: u128 = 0x87;
/// More than the library's frames take, whichever instructions the processor has.
const STACK: usize = 16 * 1024;
