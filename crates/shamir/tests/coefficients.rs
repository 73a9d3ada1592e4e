//! Every coefficient is uniform on 0 to 255, so that fewer shares than the threshold say nothing.
//!
//! The coefficients are not asked for but computed from the shares, so that this holds for whatever `split` really did.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout,
    clippy::cast_precision_loss
)]

use strongroom_crypto::random;
use strongroom_shamir::{Share, split, testing::split_with_chosen_coefficients};

const SECRET: [u8; 4] = [0x00, 0x5c, 0x80, 0xff];
const THRESHOLD: usize = 4;
const SPLITS: u32 = 100_000;

/// With 255 degrees of freedom, χ² has mean 255 and standard deviation 22.6; more than 400 comes by chance once in 10^8.
const LIMIT: f64 = 400.0;

#[test]
fn chi_squared_of_every_coefficient_position_is_that_of_uniform_bytes() {
    let counts = count(|| split(&SECRET, 4, 4).unwrap());
    let statistics: Vec<f64> = counts.iter().flatten().map(chi_squared).collect();
    assert_eq!(statistics.len(), (THRESHOLD - 1) * SECRET.len());
    let least = statistics.iter().copied().fold(f64::INFINITY, f64::min);
    let most = statistics.iter().copied().fold(0.0, f64::max);
    // Too even would be as suspicious as too uneven.
    let uniform = least > 140.0 && most < LIMIT;
    println!(
        "evidence: id=shamir/coefficients figure=χ² {least:.0} to {most:.0} at {} positions over {SPLITS} splits \
         verdict={}",
        statistics.len(),
        if uniform { "pass" } else { "fail" }
    );
    assert!(uniform, "{statistics:?}");
}

#[test]
fn coefficients_that_are_never_zero_are_caught() {
    // The control: the fault of RUSTSEC-2024-0398, in the highest coefficient only.
    let counts = count(|| {
        let mut highest = true;
        split_with_chosen_coefficients(&SECRET, 4, 4, |row| {
            random::fill(row)?;
            while std::mem::take(&mut highest) && row.contains(&0) {
                random::fill(row)?;
                highest = true;
            }
            Ok(())
        })
        .unwrap()
    });
    let worst = |counts: &[[u32; 256]]| counts.iter().map(chi_squared).fold(0.0, f64::max);
    let (faulty, sound) = (worst(&counts[THRESHOLD - 2]), worst(&counts[0]).max(worst(&counts[1])));
    println!(
        "evidence: id=shamir/coefficients-control figure=χ² {faulty:.0} where zero never comes, {sound:.0} at most elsewhere \
         verdict={}",
        if faulty > LIMIT && sound < LIMIT { "pass" } else { "fail" }
    );
    for (power, counts) in counts.iter().enumerate() {
        let caught = counts.iter().filter(|counts| chi_squared(counts) > LIMIT).count();
        assert_eq!(
            caught,
            if power == THRESHOLD - 2 { SECRET.len() } else { 0 },
            "coefficient of x^{}",
            power + 1
        );
    }
}

/// How often each value came up: for each power of x from 1, for each byte of the secret.
fn count(mut split: impl FnMut() -> Vec<Share>) -> Vec<Vec<[u32; 256]>> {
    let inverse = inverse_vandermonde();
    let mut counts = vec![vec![[0; 256]; SECRET.len()]; THRESHOLD - 1];
    for _ in 0..SPLITS {
        let shares = split();
        for (byte, &secret) in SECRET.iter().enumerate() {
            let coefficient = |power: usize| {
                let row: &[u8; THRESHOLD] = &inverse[power];
                shares
                    .iter()
                    .zip(row)
                    .fold(0, |sum, (share, &factor)| sum ^ mul(share.y().expose()[byte], factor))
            };
            assert_eq!(coefficient(0), secret);
            for power in 1..THRESHOLD {
                counts[power - 1][byte][usize::from(coefficient(power))] += 1;
            }
        }
    }
    counts
}

fn chi_squared(counts: &[u32; 256]) -> f64 {
    let expected = f64::from(SPLITS) / 256.0;
    counts.iter().map(|&count| (f64::from(count) - expected).powi(2) / expected).sum()
}

/// Row p gives the coefficient of x^p from the values at 1, 2, 3 and 4, by Gauss and Jordan.
fn inverse_vandermonde() -> [[u8; THRESHOLD]; THRESHOLD] {
    let mut rows = [[0; 2 * THRESHOLD]; THRESHOLD];
    for (i, row) in rows.iter_mut().enumerate() {
        let x = u8::try_from(i + 1).unwrap();
        (0..THRESHOLD).fold(1, |power, column| {
            row[column] = power;
            mul(power, x)
        });
        row[THRESHOLD + i] = 1;
    }
    for pivot in 0..THRESHOLD {
        let scale = (1..=255).find(|&candidate| mul(candidate, rows[pivot][pivot]) == 1).unwrap();
        rows[pivot] = rows[pivot].map(|value| mul(value, scale));
        let pivot_row = rows[pivot];
        for (_, row) in rows.iter_mut().enumerate().filter(|&(i, _)| i != pivot) {
            let factor = row[pivot];
            for (value, pivot_value) in row.iter_mut().zip(pivot_row) {
                *value ^= mul(factor, pivot_value);
            }
        }
    }
    rows.map(|row| row[THRESHOLD..].try_into().unwrap())
}

/// The field again, written differently: the factor is halved, Russian style.
fn mul(mut a: u8, mut b: u8) -> u8 {
    let mut product = 0;
    while b > 0 {
        if b & 1 == 1 {
            product ^= a;
        }
        a = if a >= 0x80 { a.wrapping_mul(2) ^ 0x1b } else { a * 2 };
        b /= 2;
    }
    product
}
