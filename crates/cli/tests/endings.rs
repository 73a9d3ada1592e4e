//! Ceremonies that end before their end, played by `tests/endings.py`.
#![allow(clippy::unwrap_used, clippy::print_stdout)]

mod played;

#[test]
fn ceremony_that_ends_early_leaves_no_share_behind_and_nobody_answers_for_others() {
    played::play("endings.py");
}
