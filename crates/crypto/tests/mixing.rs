//! Keys from two sources. The source is one for the whole process, so that this is a program with one test.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};

use strongroom_crypto::external::{EntropySource, ExternalError, ExternalFault};
use strongroom_crypto::random::{self, fault};
use strongroom_crypto::secret::{Secret, SecretError};

/// Answers the same byte every time, until it is told to count or to fail.
#[derive(Default)]
struct Source {
    counts: AtomicBool,
    fails: AtomicBool,
    next: AtomicU8,
}

impl EntropySource for Source {
    fn fill(&self, buffer: &mut [u8]) -> Result<(), ExternalError> {
        if self.fails.load(Ordering::Relaxed) {
            return Err(ExternalError::new(ExternalFault::Unavailable, "the token is away"));
        }
        let counts = u8::from(self.counts.load(Ordering::Relaxed));
        buffer.fill(self.next.fetch_add(counts, Ordering::Relaxed));
        Ok(())
    }
}

#[test]
fn either_source_is_enough_and_neither_is_left_out() {
    let source = Arc::new(Source::default());
    let draw = || Secret::<32>::random();
    let differ = || !draw().unwrap().ct_eq(&draw().unwrap());

    // Control: without a second source, a broken generator repeats keys.
    fault::stick();
    assert!(!differ());
    random::mix_in(Arc::<Source>::clone(&source));
    assert!(!differ(), "control: with two broken sources too");
    source.counts.store(true, Ordering::Relaxed);
    assert!(differ(), "the second source is enough");
    assert!(!Secret::<64>::random().unwrap().ct_eq(&Secret::<64>::random().unwrap()));
    fault::reset();
    source.counts.store(false, Ordering::Relaxed);
    assert!(differ(), "the operating system is enough");

    source.fails.store(true, Ordering::Relaxed);
    let error = draw().err().unwrap();
    assert!(matches!(error, SecretError::Source { fault: ExternalFault::Unavailable, .. }));
    assert!(error.to_string().contains("the token is away"), "{error}");
    let mut salt = [0; 16];
    assert!(random::fill(&mut salt).is_ok(), "what is not secret does not need it");
    random::mix_nothing_in();
    assert!(differ(), "control: the source failed and nothing else");
    source.fails.store(false, Ordering::Relaxed);
    random::mix_in(source);
    fault::fail_after(0);
    assert!(
        matches!(draw().err().unwrap(), SecretError::Randomness(_)),
        "a source does not stand in for the other"
    );
    fault::reset();
    random::mix_nothing_in();
}
