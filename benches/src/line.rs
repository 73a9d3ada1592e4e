//! The lines that `cargo xtask bench` reads.

use std::fmt::Display;

/// Prints one figure beside its limit.
///
/// `ratio` is 1 at the limit and smaller below it.
#[expect(clippy::print_stdout, reason = "the figures are what the program is for")]
pub fn print(id: &str, value: f64, unit: &str, against: Option<(f64, &dyn Display)>) {
    match against {
        Some((ratio, limit)) => {
            println!("bench: id={id} value={value:.3} unit={unit} ratio={ratio:.3} against={limit}");
        }
        None => println!("bench: id={id} value={value:.3} unit={unit} ratio=- against=-"),
    }
}
