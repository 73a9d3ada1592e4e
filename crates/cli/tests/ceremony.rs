//! Whole ceremonies at a terminal, played by `tests/ceremony.py`.
#![allow(clippy::unwrap_used, clippy::print_stdout)]

mod played;

#[test]
fn ceremonies_go_right_at_a_terminal_and_leave_no_share_behind() {
    played::play("ceremony.py");
}
