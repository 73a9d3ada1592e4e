//! A person at a terminal, played by `tests/terminal.py`.
#![allow(clippy::unwrap_used, clippy::print_stdout)]

mod played;

#[test]
fn shares_are_shown_once_typed_without_echo_corrected_and_proved() {
    played::play("terminal.py");
}
