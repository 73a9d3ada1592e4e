//! GF(2^8) modulo x^8+x^4+x^3+x+1 (0x11B), the field of AES (FIPS 197, section 4) and of Vault's shares.
//!
//! Addition is XOR. Nothing here looks at a table or branches on an operand, so that neither timing nor cache tells one. The
//! loops over bytes that call these functions compile to vector instructions.

/// `a` times the polynomial x.
#[inline]
pub(crate) const fn double(a: u8) -> u8 {
    // All ones where the top bit leaves, so that the reduction happens by masking.
    (a << 1) ^ (REDUCTION & (a >> 7).wrapping_neg())
}

/// `a` times `b`, by shift and masked add.
#[inline]
pub(crate) const fn mul(a: u8, b: u8) -> u8 {
    let mut product = 0;
    let mut multiple = a;
    let mut bit = 0;
    while bit < 8 {
        product ^= multiple & ((b >> bit) & 1).wrapping_neg();
        multiple = double(multiple);
        bit += 1;
    }
    product
}

/// The inverse of `a`, as a^254 (the group has 255 elements); 0 for 0.
#[inline]
pub(crate) const fn invert(a: u8) -> u8 {
    let mut power = a;
    let mut step = 0;
    // The exponent grows 1, 3, 7, …, 127.
    while step < 6 {
        power = mul(mul(power, power), a);
        step += 1;
    }
    mul(power, power)
}

/// For each of the distinct numbers `xs`, the factor with which its share enters the value at 0: the Lagrange basis
/// polynomial at 0, the product of `x_m / (x_m − x_j)` over all other `x_m`.
pub(crate) fn basis_at_zero(xs: &[u8]) -> Vec<u8> {
    let product = xs.iter().fold(1, |product, &x| mul(product, x));
    let mut denominators = xs.to_vec();
    for &other in xs {
        for (denominator, &x) in denominators.iter_mut().zip(xs) {
            let difference = x ^ other;
            // 1 in the place of itself: one loop without a branch, which vectorises.
            *denominator = mul(*denominator, difference | u8::from(difference == 0));
        }
    }
    denominators.iter().map(|&denominator| mul(product, invert(denominator))).collect()
}

const REDUCTION: u8 = 0x1b;

#[cfg(test)]
mod tests {
    use super::*;

    /// Polynomials multiplied as by hand, then divided by 0x11B from the top: no step in common with `mul`.
    fn mul_by_long_division(a: u8, b: u8) -> u8 {
        let mut product = 0u32;
        for i in 0..8 {
            for j in 0..8 {
                if a & (1 << i) != 0 && b & (1 << j) != 0 {
                    product ^= 1 << (i + j);
                }
            }
        }
        for degree in (8..15).rev() {
            if product & (1 << degree) != 0 {
                product ^= 0x11b << (degree - 8);
            }
        }
        u8::try_from(product).expect("the remainder has degree 7 or less")
    }

    fn all() -> impl Iterator<Item = u8> + Clone {
        0..=u8::MAX
    }

    #[test]
    fn every_product_agrees_with_long_division() {
        let pairs = all().flat_map(|a| all().map(move |b| (a, b)));
        assert_eq!(pairs.filter(|&(a, b)| mul(a, b) == mul_by_long_division(a, b)).count(), 65_536);
    }

    #[test]
    fn products_that_fips_197_works_out() {
        assert_eq!((mul(0x57, 0x83), mul(0x57, 0x13)), (0xc1, 0xfe)); // FIPS 197, sections 4.2 and 4.2.1
    }

    #[test]
    fn multiplication_is_commutative_associative_and_distributes_over_every_pair() {
        for a in all() {
            for b in all() {
                assert_eq!(mul(a, b), mul(b, a));
                for c in [0, 1, 2, 3, 0x1b, 0x53, 0x80, 0xca, 0xff] {
                    assert_eq!(mul(mul(a, b), c), mul(a, mul(b, c)));
                    assert_eq!(mul(a ^ b, c), mul(a, c) ^ mul(b, c));
                }
            }
        }
    }

    #[test]
    fn one_and_zero_do_as_they_should() {
        assert!(all().all(|a| mul(a, 1) == a && mul(a, 0) == 0 && mul(a, 2) == double(a)));
    }

    #[test]
    fn all_255_inverses_multiply_to_one() {
        assert_eq!((1..=u8::MAX).filter(|&a| mul(a, invert(a)) == 1).count(), 255);
        assert_eq!(invert(0), 0);
    }

    #[test]
    fn basis_gives_the_constant_term_of_any_line() {
        for (x1, x2) in all().skip(1).flat_map(|x1| (1..x1).map(move |x2| (x1, x2))) {
            let (constant, slope) = (0xa7, 0x3c);
            let [f1, f2] = [x1, x2].map(|x| mul(slope, x) ^ constant);
            let basis = basis_at_zero(&[x1, x2]);
            assert_eq!(mul(f1, basis[0]) ^ mul(f2, basis[1]), constant);
        }
    }
}
