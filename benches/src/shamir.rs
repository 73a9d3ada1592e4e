//! Splitting and combining, beside the crate `vsss-rs`, which is constant-time in the same field.

use std::convert::Infallible;

use rand_core::{TryCryptoRng, TryRng};
use strongroom_shamir::{Share, combine, split};
use vsss_rs::Gf256;

type Failure = Box<dyn std::error::Error>;

/// Thresholds and numbers of shares.
pub const POLICIES: [(u8, u8); 2] = [(3, 5), (128, 255)];

const SECRET: [u8; 32] = [0x5a; 32];

/// Splits a 32-byte secret.
///
/// # Errors
///
/// Without randomness.
pub fn ours_split(threshold: u8, shares: u8) -> Result<Vec<Share>, Failure> {
    Ok(split(&SECRET, threshold, shares)?)
}

/// Combines as many shares as the threshold says.
///
/// # Errors
///
/// Not with shares of one split.
pub fn ours_combine(threshold: u8, shares: &[Share]) -> Result<(), Failure> {
    let quorum: Vec<&Share> = shares.iter().take(threshold.into()).collect();
    std::hint::black_box(combine(&quorum)?);
    Ok(())
}

/// The peer's split.
///
/// # Errors
///
/// As the peer says.
pub fn peer_split(threshold: u8, shares: u8) -> Result<Vec<Vec<u8>>, Failure> {
    Gf256::split_array(threshold.into(), shares.into(), SECRET, OperatingSystem)
        .map_err(|error| format!("{error:?}").into())
}

/// The peer's combine.
///
/// # Errors
///
/// As the peer says.
pub fn peer_combine(threshold: u8, shares: &[Vec<u8>]) -> Result<(), Failure> {
    let quorum: Vec<Vec<u8>> = shares.iter().take(threshold.into()).cloned().collect();
    std::hint::black_box(Gf256::combine_array(&quorum).map_err(|error| format!("{error:?}"))?);
    Ok(())
}

/// The peer draws where we draw.
struct OperatingSystem;

impl TryRng for OperatingSystem {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        let mut bytes = [0; 4];
        self.try_fill_bytes(&mut bytes)?;
        Ok(u32::from_ne_bytes(bytes))
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        let mut bytes = [0; 8];
        self.try_fill_bytes(&mut bytes)?;
        Ok(u64::from_ne_bytes(bytes))
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Infallible> {
        // A failure leaves zeros, which is good enough for a peer's share that nobody keeps.
        let _ = strongroom_crypto::random::fill(bytes);
        Ok(())
    }
}

impl TryCryptoRng for OperatingSystem {}
