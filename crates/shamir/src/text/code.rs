//! The error-correcting code over a share's symbols: BIP-93's long code with a residue of our own.
//!
//! It is a BCH code over GF(32) of length up to 1023 and distance 9: up to 4 wrong symbols are found and put right, or up to
//! 8 whose places are known, or any mixture in which a wrong one counts twice.

use bech32::primitives::gf32_ext::Fe1024;
use bech32::{Checksum, Fe32};
use zeroize::Zeroizing;

/// How many check symbols end a text.
pub(super) const CHECK_LEN: usize = 15;

/// What takes the place of a correct residue after `symbols`, whose last fifteen are the check symbols: 0 if all is right.
///
/// The crate's own engine computes the same (a test holds them together), but branches on the symbols and cannot be wiped.
pub(super) fn syndrome(symbols: &[u8]) -> Zeroizing<u128> {
    let mut residue = after_prefix();
    for &symbol in symbols {
        feed(&mut residue, symbol);
    }
    *residue ^= ShareCode::TARGET_RESIDUE;
    residue
}

/// The check symbols that complete `symbols`.
pub(super) fn check_symbols(symbols: &[u8]) -> Zeroizing<[u8; CHECK_LEN]> {
    let mut residue = after_prefix();
    for &symbol in symbols {
        feed(&mut residue, symbol);
    }
    for _ in 0..CHECK_LEN {
        feed(&mut residue, 0);
    }
    *residue ^= ShareCode::TARGET_RESIDUE;
    let mut check = Zeroizing::new([0; CHECK_LEN]);
    for (symbol, place) in check.iter_mut().zip((0..CHECK_LEN).rev()) {
        *symbol = symbol_at(*residue, place);
    }
    check
}

/// The coefficient of x^`place`.
pub(super) fn symbol_at(residue: u128, place: usize) -> u8 {
    let [low, ..] = (residue >> (5 * place)).to_le_bytes();
    low & 31
}

/// The residue after the prefix, expanded as in BIP-173: high bits, a zero, low bits.
fn after_prefix() -> Zeroizing<u128> {
    let mut residue = Zeroizing::new(1);
    let high = PREFIX.iter().map(|letter| letter >> 5);
    let low = PREFIX.iter().map(|letter| letter & 31);
    for symbol in high.chain([0]).chain(low) {
        feed(&mut residue, symbol);
    }
    residue
}

/// The residue times x, plus `symbol`, modulo the generator.
fn feed(residue: &mut u128, symbol: u8) {
    let top = *residue >> TOP;
    *residue = ((*residue & ((1 << TOP) - 1)) << 5) | u128::from(symbol);
    for (bit, generator) in ShareCode::GENERATOR_SH.iter().enumerate() {
        *residue ^= generator & ((top >> bit) & 1).wrapping_neg();
    }
}

/// The code in terms of crate `bech32`, which has the arithmetic for correcting.
pub(super) enum ShareCode {}

impl Checksum for ShareCode {
    type MidstateRepr = u128;
    type CorrectionField = Fe1024;

    const ROOT_GENERATOR: Fe1024 = Fe1024::new([Fe32::Y, Fe32::_9]);
    const ROOT_EXPONENTS: std::ops::RangeInclusive<usize> = 1020..=1027;
    const CODE_LENGTH: usize = 1023;
    const CHECKSUM_LENGTH: usize = CHECK_LEN;
    /// BIP-93, `ms32_long_polymod`.
    const GENERATOR_SH: [u128; 5] = [
        0x03d5_9d27_3535_ea62_d897,
        0x07a9_becb_6361_c6c5_1507,
        0x0543_f9b7_e6c3_8d8a_2a0e,
        0x00c5_77ea_eccf_1990_d13c,
        0x0188_7f74_f8dc_71b1_0651,
    ];
    /// `strngrmsharekey`.
    const TARGET_RESIDUE: u128 = 0x0416_39a0_7b85_fa3c_db24;
}

/// The part before the separator `1`.
const PREFIX: &[u8; 2] = b"sr";

/// Where the highest of the fifteen symbols of a residue begins.
const TOP: u32 = 70;

#[cfg(test)]
mod tests {
    use bech32::Hrp;
    use bech32::primitives::checksum::{Engine, PackedFe32};
    use bech32::primitives::{Field, decode::UncheckedHrpstring};

    use super::*;

    fn spelled(letters: &str) -> u128 {
        letters.chars().fold(0, |packed, letter| {
            packed << 5 | u128::from(Fe32::from_char(letter).expect("a letter of the alphabet").to_u8())
        })
    }

    #[test]
    fn constants_agree_with_each_other() {
        ShareCode::sanity_check();
        assert_eq!(
            ShareCode::TARGET_RESIDUE,
            spelled("strngrmsharekey"),
            "{:#x}",
            spelled("strngrmsharekey")
        );
    }

    #[test]
    fn generator_has_its_eight_roots_in_a_row_and_no_more() {
        let coefficients =
            |place| Fe1024::from(Fe32::try_from(ShareCode::GENERATOR_SH[0].unpack(place)).unwrap());
        let value = |exponent: i64| {
            let root = ShareCode::ROOT_GENERATOR.powi(exponent);
            (0..CHECK_LEN).rev().fold(Fe1024::ONE, |sum, place| sum * root + coefficients(place))
        };
        assert!((1020..=1027).all(|exponent| value(exponent) == Fe1024::ZERO));
        assert!(value(1019) != Fe1024::ZERO && value(1028) != Fe1024::ZERO);
        assert_eq!(ShareCode::ROOT_GENERATOR.multiplicative_order(), ShareCode::CODE_LENGTH);
    }

    #[test]
    fn generator_is_that_of_bip_93() {
        /// The same code with BIP-93's residue, to run its test vector 5 through.
        enum LongCodex32 {}
        impl Checksum for LongCodex32 {
            type MidstateRepr = u128;
            type CorrectionField = Fe1024;
            const ROOT_GENERATOR: Fe1024 = ShareCode::ROOT_GENERATOR;
            const ROOT_EXPONENTS: std::ops::RangeInclusive<usize> = ShareCode::ROOT_EXPONENTS;
            const CODE_LENGTH: usize = ShareCode::CODE_LENGTH;
            const CHECKSUM_LENGTH: usize = CHECK_LEN;
            const GENERATOR_SH: [u128; 5] = ShareCode::GENERATOR_SH;
            const TARGET_RESIDUE: u128 = 0x0433_81e5_70bf_4798_ab26;
        }
        let vector = "MS100C8VSM32ZXFGUHPCHTLUPZRY9X8GF2TVDW0S3JN54KHCE6MUA7LQPZYGSFJD6AN074RXVCEMLH8WU3TK925ACDEFGHJKLMNPQR\
                      STUVWXY06FHPV80UNDVARHRAK";
        assert_eq!(spelled("secretshare32ex"), LongCodex32::TARGET_RESIDUE);
        UncheckedHrpstring::new(vector).unwrap().validate_checksum::<LongCodex32>().unwrap();
        UncheckedHrpstring::new(vector).unwrap().validate_checksum::<ShareCode>().unwrap_err();
    }

    #[test]
    fn residue_is_the_crates() {
        let symbols: Vec<u8> = (0..99_u32).map(|i| u8::try_from(i * i % 32).unwrap()).collect();
        let mut engine = Engine::<ShareCode>::new();
        engine.input_hrp(Hrp::parse("sr").unwrap());
        for &symbol in &symbols {
            engine.input_fe(Fe32::try_from(symbol).unwrap());
        }
        assert_eq!(*syndrome(&symbols), engine.residue() ^ ShareCode::TARGET_RESIDUE);
    }

    #[test]
    fn check_symbols_leave_no_syndrome() {
        let mut symbols: Vec<u8> = (0..84_u32).map(|i| u8::try_from(i * 7 % 32).unwrap()).collect();
        let check = check_symbols(&symbols);
        symbols.extend(check.iter());
        assert_eq!(*syndrome(&symbols), 0);
        symbols[40] ^= 1;
        assert_ne!(*syndrome(&symbols), 0);
    }
}
