//! Records open only where they were written.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic, missing_docs)]

use strongroom_crypto::record::{OVERHEAD, OpenError, Opener, RecordBuf, Sealer, StoreId, Term, TermKeys, term_of};
use strongroom_crypto::secret::Secret;

/// A keyring of a few terms.
struct Keys(Vec<(Term, Secret<32>)>);

impl TermKeys for Keys {
    fn key(&self, term: Term) -> Option<&Secret<32>> {
        self.0.iter().find(|(number, _)| *number == term).map(|(_, key)| key)
    }
}

struct Fixture {
    keys: Keys,
    sealer: Sealer,
    opener: Opener,
}

const STORE: StoreId = StoreId([7; 16]);
const PLACE: &[u8] = b"\x01place";

fn fixture() -> Fixture {
    let keys = Keys(vec![(Term::new(3), Secret::random().unwrap())]);
    let sealer = Sealer::start(STORE, Term::new(3), &keys.0[0].1).unwrap();
    Fixture { keys, sealer, opener: Opener::new(STORE) }
}

#[test]
fn record_opens_where_it_was_written() {
    let mut f = fixture();
    f.sealer.begin_commit().unwrap();
    for len in [0, 1, 15, 16, 17, 1000, 70_000] {
        let plaintext = vec![0x5A; len];
        let record = f.sealer.seal(PLACE, &plaintext).unwrap();
        assert_eq!(record.len(), len + OVERHEAD);
        assert_eq!(term_of(&record), Ok(Term::new(3)));
        assert_eq!(f.opener.open(&f.keys, PLACE, &record).unwrap().as_slice(), plaintext);
    }
}
