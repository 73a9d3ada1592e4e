//! Shows to valgrind that splitting and combining branch on no secret and look up nothing by one.
//!
//! Memcheck follows every bit that is marked as undefined, and reports each branch and each address that depends on one. So
//! secret, coefficients and shares are marked, and the release code runs over them:
//!
//! ```text
//! cargo build --release -p strongroom-shamir --example memcheck
//! valgrind --error-exitcode=9 target/release/examples/memcheck ours       # 0 errors
//! valgrind --error-exitcode=9 target/release/examples/memcheck control    # some errors, exit code 9
//! ```
//!
//! The control combines the same shares in the two ways that are not constant-time: by tables, and by branches.
#![allow(unsafe_code, reason = "valgrind is asked by a sequence of instructions")]
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a program for the terminal")]

use std::process::ExitCode;

use strongroom_crypto::random;
use strongroom_shamir::testing::split_with_chosen_coefficients;
use strongroom_shamir::{Share, combine};

type Failure = Box<dyn std::error::Error>;

fn main() -> ExitCode {
    if !valgrind::runs_this() {
        eprintln!("run this under valgrind: it shows nothing without");
        return ExitCode::FAILURE;
    }
    let result = match std::env::args().nth(1).as_deref() {
        Some("ours") => ours(),
        Some("control") => control(),
        _ => Err("say which: ours or control".into()),
    };
    match result {
        Ok(errors) => {
            println!("memcheck found {errors} errors");
            ExitCode::SUCCESS
        }
        Err(failure) => {
            eprintln!("{failure}");
            ExitCode::FAILURE
        }
    }
}

/// Runs `split` and `combine` over marked bytes: how many errors memcheck has seen.
fn ours() -> Result<usize, Failure> {
    for (threshold, shares) in [(1, 1), (1, 3), (2, 3), (3, 5), (8, 8), (128, 255)] {
        // Lengths that take the vector loops, the scalar rest, and both.
        for length in [1, 15, 32, 33, 64] {
            let secret = marked_secret(length)?;
            let before = valgrind::errors();
            let shares = split_marked(&secret, threshold, shares)?;
            let after_split = valgrind::errors();
            let quorum: Vec<&Share> = shares.iter().rev().take(usize::from(threshold)).collect();
            let combined = combine(&quorum)?;
            let after_combine = valgrind::errors();

            // The marks must have come all the way, or the silence would mean nothing.
            let all_marked = shares.iter().all(|share| valgrind::is_marked(share.y().expose()));
            if !all_marked || !valgrind::is_marked(combined.expose()) {
                return Err("a mark was lost on the way: memcheck could not have seen an error".into());
            }
            valgrind::unmark(&secret);
            valgrind::unmark(combined.expose());
            if combined.expose() != secret.as_slice() {
                return Err("the secret did not come back".into());
            }
            println!(
                "{threshold} of {}, {length} bytes: {} errors in split, {} in combine",
                shares.len(),
                after_split - before,
                after_combine - after_split
            );
        }
    }
    Ok(valgrind::errors())
}

/// Multiplies marked shares in two ways that leak: how many errors memcheck has seen.
fn control() -> Result<usize, Failure> {
    let shares = split_marked(&marked_secret(32)?, 3, 5)?;
    for (name, mul) in [("tables", mul_by_tables as fn(u8, u8) -> u8), ("branches", mul_by_branches)] {
        let before = valgrind::errors();
        let mut sum = [0; 32];
        for share in &shares {
            for (sum, &y) in sum.iter_mut().zip(share.y().expose()) {
                *sum ^= mul(y, share.index().get());
            }
        }
        std::hint::black_box(sum);
        println!("control by {name}: {} errors", valgrind::errors() - before);
    }
    Ok(valgrind::errors())
}

fn marked_secret(length: usize) -> Result<Vec<u8>, Failure> {
    let mut secret = vec![0; length];
    random::fill(&mut secret)?;
    valgrind::mark(&secret);
    Ok(secret)
}

/// `split`, with marks on the coefficients.
fn split_marked(secret: &[u8], threshold: u8, shares: u8) -> Result<Vec<Share>, Failure> {
    Ok(split_with_chosen_coefficients(secret, threshold, shares, |row| {
        random::fill(row)?;
        valgrind::mark(row);
        Ok(())
    })?)
}

/// By logarithms to the base 3, looked up: what CVE-2023-25000 was about.
fn mul_by_tables(a: u8, b: u8) -> u8 {
    let mut powers = [0; 255];
    let mut logarithms = [0; 256];
    let mut power = 1;
    for (exponent, place) in (0_u8..).zip(&mut powers) {
        *place = power;
        if let Some(logarithm) = logarithms.get_mut(usize::from(power)) {
            *logarithm = exponent;
        }
        power ^= mul_by_branches(power, 2);
    }
    let logarithm = |of: u8| logarithms.get(usize::from(of)).copied().map_or(0, usize::from);
    let product = powers.get((logarithm(a) + logarithm(b)) % 255).copied().unwrap_or(0);
    if a == 0 || b == 0 { 0 } else { product }
}

fn mul_by_branches(mut a: u8, mut b: u8) -> u8 {
    let mut product = 0;
    while a != 0 {
        if std::hint::black_box(a & 1) == 1 {
            product ^= b;
        }
        b = if b & 0x80 == 0 { b << 1 } else { (b << 1) ^ 0x1b };
        a >>= 1;
    }
    product
}

/// Valgrind's client requests (`valgrind.h` and `memcheck.h`): instructions that do nothing, except under valgrind.
mod valgrind {
    use std::arch::asm;

    pub(super) fn runs_this() -> bool {
        request(RUNNING_ON_VALGRIND, 0, 0, 0) != 0
    }

    /// Marks the bytes as undefined.
    pub(super) fn mark(bytes: &[u8]) {
        request(MAKE_MEM_UNDEFINED, bytes.as_ptr().addr(), bytes.len(), 0);
    }

    pub(super) fn unmark(bytes: &[u8]) {
        request(MAKE_MEM_DEFINED, bytes.as_ptr().addr(), bytes.len(), 0);
    }

    /// Whether every bit is marked.
    pub(super) fn is_marked(bytes: &[u8]) -> bool {
        let mut marks = vec![0_u8; bytes.len()];
        let answered = request(GET_VBITS, bytes.as_ptr().addr(), marks.as_mut_ptr().addr(), bytes.len()) == 1;
        answered && std::hint::black_box(marks).iter().all(|&mark| mark == 0xff)
    }

    /// How many errors memcheck has reported so far.
    pub(super) fn errors() -> usize {
        request(COUNT_ERRORS, 0, 0, 0)
    }

    #[cfg(target_arch = "x86_64")]
    fn request(number: usize, a: usize, b: usize, c: usize) -> usize {
        let arguments = [number, a, b, c, 0, 0];
        let mut answer = 0_usize;
        // SAFETY: the rotations come to 128 bits, so that no register changes, and the exchange is with itself; valgrind reads
        // the arguments, writes the answer, and for `GET_VBITS` the buffer whose address and length are given.
        unsafe {
            asm!(
                "rol rdi, 3", "rol rdi, 13", "rol rdi, 61", "rol rdi, 51", "xchg rbx, rbx",
                in("rax") &raw const arguments,
                inout("rdx") answer,
            );
        }
        answer
    }

    #[cfg(target_arch = "aarch64")]
    fn request(number: usize, a: usize, b: usize, c: usize) -> usize {
        let arguments = [number, a, b, c, 0, 0];
        let mut answer = 0_usize;
        // SAFETY: as on x86-64; the register rotated is declared as used.
        unsafe {
            asm!(
                "ror x12, x12, #3", "ror x12, x12, #13", "ror x12, x12, #51", "ror x12, x12, #61", "orr x10, x10, x10",
                in("x4") &raw const arguments,
                inout("x3") answer,
                out("x12") _,
            );
        }
        answer
    }

    #[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
    fn request(_number: usize, _a: usize, _b: usize, _c: usize) -> usize {
        0
    }

    const RUNNING_ON_VALGRIND: usize = 0x1001;
    const COUNT_ERRORS: usize = 0x1201;
    const MAKE_MEM_UNDEFINED: usize = MEMCHECK + 1;
    const MAKE_MEM_DEFINED: usize = MEMCHECK + 2;
    const GET_VBITS: usize = MEMCHECK + 8;
    /// The letters `MC`, in the upper half of 32 bits.
    const MEMCHECK: usize = 0x4d43_0000;
}
