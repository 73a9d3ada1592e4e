//! Finding and mending wrong symbols: Berlekamp–Massey and Forney, with the arithmetic of crate `bech32`.
//!
//! That crate's own iterator over errors is not used: with more errors than the code can mend, as anybody may type, it
//! reaches a panic. Here each such case is `None`.
//!
//! What is computed tells of the wrong symbols, not of the right ones.

use std::iter;

use bech32::primitives::gf32_ext::Fe1024;
use bech32::primitives::{Field, LfsrIter};
use bech32::{Checksum, Fe32};
use zeroize::Zeroizing;

use super::code::{CHECK_LEN, ShareCode, symbol_at};

/// The places of the wrong symbols, counted from the end of the text, and what to add (XOR) there.
///
/// Erased places, known to be unreadable, come first and may have 0 to add. Nothing is guessed: `None` means that no text
/// is near enough. More errors than the code can mend may still lead to another text, as with every code; the caller shows
/// each correction to a person.
pub(super) fn errors(syndrome: u128, length: usize, erased: &[usize]) -> Option<Zeroizing<Vec<(usize, u8)>>> {
    let redundancy = ROOTS.checked_sub(erased.len())?;
    let syndromes: Vec<Fe1024> =
        ShareCode::ROOT_EXPONENTS.map(|root| value_at_root(syndrome, root)).collect();
    let erased_locators: Vec<Fe1024> = erased.iter().map(|&place| locator(place)).collect();

    // The erased places are divided out, so that the register finds only the unknown ones.
    let erasure_polynomial = with_inverse_roots(&erased_locators);
    let remaining: Vec<Fe1024> =
        product(&erasure_polynomial, &syndromes).into_iter().skip(erased.len()).collect();
    let mut error_polynomial = vec![Fe1024::ONE];
    if !remaining.is_empty() {
        error_polynomial.extend_from_slice(LfsrIter::berlekamp_massey(&remaining).coefficients());
    }
    let unknown = error_polynomial.len().checked_sub(1)?;
    if 2 * unknown > redundancy {
        return None;
    }
    let backwards = ShareCode::ROOT_GENERATOR.multiplicative_inverse();
    let found: Vec<usize> = iter::successors(Some(Fe1024::ONE), |&inverse| Some(inverse * backwards))
        .take(length)
        .enumerate()
        .filter_map(|(place, inverse)| {
            (evaluate(&error_polynomial, inverse) == Fe1024::ZERO).then_some(place)
        })
        .collect();
    // Fewer roots, roots beyond the text, or roots where a symbol is already erased: no text fits.
    if found.len() != unknown || found.iter().any(|place| erased.contains(place)) {
        return None;
    }

    let evaluator = product(&product(&error_polynomial, &erasure_polynomial), &syndromes);
    let places: Vec<usize> = erased.iter().chain(&found).copied().collect();
    let mut errors = Zeroizing::new(Vec::with_capacity(places.len()));
    for &place in &places {
        let value = error_at(place, &places, &evaluator)?;
        if value == 0 && found.contains(&place) {
            return None;
        }
        errors.push((place, value));
    }
    Some(errors)
}

/// Forney's formula: the evaluator is the sum, over the places k, of `e_k X_k^b Π_(i≠k) (1 − X_i x)`, and at `1 / X_k` all
/// its terms but one vanish.
fn error_at(place: usize, places: &[usize], evaluator: &[Fe1024]) -> Option<u8> {
    let inverse = locator(place).multiplicative_inverse();
    let others = places
        .iter()
        .filter(|&&other| other != place)
        .fold(Fe1024::ONE, |product, &other| product * (Fe1024::ONE + locator(other) * inverse));
    if others == Fe1024::ZERO {
        return None;
    }
    let first_root = i64::try_from(*ShareCode::ROOT_EXPONENTS.start()).ok()?;
    let value = evaluate(evaluator, inverse) * inverse.powi(first_root) * others.multiplicative_inverse();
    Fe32::try_from(value).ok().map(Fe32::to_u8)
}

/// X, which stands for a place: the root generator to its power.
fn locator(place: usize) -> Fe1024 {
    // Places are fewer than the code is long.
    i64::try_from(place).map_or(Fe1024::ZERO, |place| ShareCode::ROOT_GENERATOR.powi(place))
}

/// The polynomial whose coefficients are the syndrome's symbols, at a root of the generator.
fn value_at_root(syndrome: u128, exponent: usize) -> Fe1024 {
    let root = locator(exponent);
    (0..CHECK_LEN).rev().fold(Fe1024::ZERO, |sum, place| {
        sum * root + Fe1024::from(Fe32::try_from(symbol_at(syndrome, place)).unwrap_or(Fe32::Q))
    })
}

/// Π (1 − X x), lowest coefficient first.
fn with_inverse_roots(locators: &[Fe1024]) -> Vec<Fe1024> {
    locators.iter().fold(vec![Fe1024::ONE], |polynomial, &x| {
        let shifted = [Fe1024::ZERO].into_iter().chain(polynomial.iter().map(|&c| c * x));
        polynomial.iter().copied().chain([Fe1024::ZERO]).zip(shifted).map(|(a, b)| a + b).collect()
    })
}

/// The product's coefficients below x^8, of which alone the syndromes tell.
fn product(a: &[Fe1024], b: &[Fe1024]) -> Vec<Fe1024> {
    let coefficient = |degree: usize| {
        a.iter().take(degree + 1).enumerate().fold(Fe1024::ZERO, |sum, (i, &left)| {
            sum + b.get(degree - i).map_or(Fe1024::ZERO, |&right| left * right)
        })
    };
    (0..ROOTS).map(coefficient).collect()
}

fn evaluate(polynomial: &[Fe1024], at: Fe1024) -> Fe1024 {
    polynomial.iter().rev().fold(Fe1024::ZERO, |sum, &coefficient| sum * at + coefficient)
}

/// How many roots the generator has in a row: twice the errors, or as many erasures, as can be mended.
const ROOTS: usize = 8;
