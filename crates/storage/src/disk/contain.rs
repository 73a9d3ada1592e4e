//! redb trusts its file: pages that were changed behind its back can make it panic. Here such a panic becomes an error.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Does something with redb. A panic in there says that the file is damaged, and nothing else is known of it.
///
/// What redb was doing is abandoned: its transactions are not committed then, and its locks are poisoned, so that it
/// goes on panicking rather than go on with half a change.
pub(super) fn contain<T, E: From<redb::Error>>(work: impl FnOnce() -> Result<T, E>) -> Result<T, E> {
    let before = CONTAINED.replace(true);
    let outcome = catch_unwind(AssertUnwindSafe(work));
    CONTAINED.set(before);
    outcome.unwrap_or_else(|_| {
        Err(E::from(redb::Error::Corrupted("redb could not make sense of its pages".to_owned())))
    })
}

/// Whether this thread is inside redb, where a panic becomes an error that says that the file is damaged. A program's
/// own panic hook asks this in order to keep quiet.
pub fn panic_is_contained() -> bool {
    CONTAINED.get()
}

thread_local! {
    static CONTAINED: Cell<bool> = const { Cell::new(false) };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_inside_is_an_error_outside() {
        assert!(!panic_is_contained());
        let outcome: Result<(), redb::Error> = contain(|| {
            assert!(panic_is_contained());
            panic!("pages");
        });
        assert!(matches!(outcome, Err(redb::Error::Corrupted(_))));
        assert!(!panic_is_contained());
        assert_eq!(contain(|| Ok::<_, redb::Error>(5)).unwrap(), 5);
    }
}
