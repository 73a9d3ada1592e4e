//! Machines that no ceremony is held on, played by `tests/machine.py`.
#![allow(clippy::unwrap_used, clippy::print_stdout)]

mod played;

#[test]
fn unsafe_machine_is_refused_unless_the_plan_allows_it_and_then_recorded() {
    played::play("machine.py");
}
