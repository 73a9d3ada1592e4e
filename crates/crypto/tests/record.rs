//! Records open only where they were written, and no nonce comes twice.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout,
    missing_docs
)]

use std::collections::HashSet;

use strongroom_crypto::aead::AeadKey;
use strongroom_crypto::kdf;
use strongroom_crypto::random::fault;
use strongroom_crypto::record::{
    HEADER_LEN, MAX_PLACE, MAX_PLAINTEXT, OVERHEAD, OpenError, Opener, RecordBuf, SealError, Sealer, StoreId,
    Term, TermKeys, term_of,
};
use strongroom_crypto::secret::Secret;

const STORE: StoreId = StoreId([7; 16]);
const PLACE: &[u8] = b"\x01place";
const TERM: Term = Term::new(3);

#[test]
fn record_opens_where_it_was_written() {
    let mut f = Fixture::new();
    f.sealer.begin_commit().unwrap();
    for len in [0, 1, 15, 16, 17, 1000, 70_000, MAX_PLAINTEXT] {
        let plaintext = vec![0x5A; len];
        let record = f.sealer.seal(PLACE, &plaintext).unwrap();
        assert_eq!(record.len(), len + OVERHEAD);
        assert_eq!(term_of(&record), Ok(TERM));
        assert_eq!(f.open(PLACE, &record).unwrap(), plaintext);
    }
}

#[test]
fn record_is_what_the_formats_page_draws() {
    let mut f = Fixture::new();
    f.sealer.begin_commit().unwrap();
    f.sealer.seal(PLACE, b"first").unwrap();
    let record = f.sealer.seal(PLACE, b"second").unwrap();
    // Taken apart by offsets, as the page gives them, and opened with the parts alone.
    assert_eq!(record[..6], [1, 1, 0, 0, 0, 3]);
    let (salt, nonce) = (&record[6..22], &record[22..34]);
    assert_eq!(nonce[4..], [0, 0, 0, 0, 0, 0, 0, 1]);
    let info: [&[u8]; 5] = [b"strongroom record session", &[1, 1], &STORE.0, &[0, 0, 0, 3], salt];
    let session_key = kdf::expand::<32>(&f.keys.0[0].1, &info).unwrap();
    let mut body = record[34..40].to_vec();
    let aad = [&record[..34], &STORE.0, PLACE].concat();
    let key = AeadKey::new(&session_key).unwrap();
    key.open_in_place(nonce.try_into().unwrap(), &aad, &mut body, record[40..].try_into().unwrap()).unwrap();
    assert_eq!(body, b"second");
}

#[test]
fn every_flipped_bit_is_refused() {
    let mut f = Fixture::new();
    let record = f.sealer.seal(PLACE, b"a value of forty bytes, give or take one").unwrap();
    // With a cold cache and with a warm one.
    let mut of_all = 0;
    for warm in [false, true] {
        let mut refused = 0;
        for bit in 0..record.len() * 8 {
            let mut changed = record.clone();
            changed[bit / 8] ^= 1 << (bit % 8);
            if !warm {
                f.opener.forget();
            }
            let mut output = vec![0xEE; 40];
            let error = f.opener.open_into(&f.keys, PLACE, &changed, &mut output).unwrap_err();
            match bit / 8 {
                0 => assert_eq!(error, OpenError::UnknownFormat(changed[0])),
                1 => assert_eq!(error, OpenError::UnknownSuite(changed[1])),
                2..6 => assert_eq!(error, OpenError::UnknownTerm(term_of(&changed).unwrap())),
                _ => assert_eq!(error, OpenError::Forged),
            }
            assert!(output.is_empty(), "nothing is given out");
            refused += 1;
        }
        assert_eq!(refused, record.len() * 8);
        // The control: unchanged, it opens.
        assert_eq!(f.open(PLACE, &record).unwrap().len(), 40);
        of_all += refused;
    }
    println!(
        "evidence: id=crypto/record-flips figure={of_all} of {} flipped bits refused, with a cold cache and a warm one \
         verdict={}",
        2 * 8 * record.len(),
        if of_all == 2 * 8 * record.len() { "pass" } else { "fail" }
    );
}

#[test]
fn every_strict_prefix_and_every_longer_record_is_refused() {
    let mut f = Fixture::new();
    let record = f.sealer.seal(PLACE, b"value").unwrap();
    for len in 0..record.len() {
        let expected = if len < OVERHEAD { OpenError::Truncated } else { OpenError::Forged };
        assert_eq!(f.open(PLACE, &record[..len]), Err(expected), "{len}");
    }
    assert_eq!(f.open(PLACE, &[record.as_slice(), &[0]].concat()), Err(OpenError::Forged));
    assert_eq!(f.open(PLACE, &record).unwrap(), b"value");
}

#[test]
fn record_moved_to_another_place_is_forged() {
    let mut f = Fixture::new();
    let record = f.sealer.seal(PLACE, b"value").unwrap();
    for place in [&b""[..], b"\x01plac", b"\x01place\0", b"\x02place"] {
        assert_eq!(f.open(place, &record), Err(OpenError::Forged));
    }
    assert_eq!(f.open(PLACE, &record).unwrap(), b"value");
}

#[test]
fn record_of_another_store_is_forged() {
    let mut f = Fixture::new();
    let record = f.sealer.seal(PLACE, b"value").unwrap();
    let other = Opener::new(StoreId([8; 16]));
    assert_eq!(other.open(&f.keys, PLACE, &record).err(), Some(OpenError::Forged));
    assert_eq!(f.open(PLACE, &record).unwrap(), b"value");
}

#[test]
fn record_of_another_term_is_forged_even_under_the_same_key() {
    let mut f = Fixture::new();
    let record = f.sealer.seal(PLACE, b"value").unwrap();
    let mut moved = record.clone();
    moved[5] = 4;
    assert_eq!(f.open(PLACE, &moved), Err(OpenError::UnknownTerm(Term::new(4))));
    let same_key = f.keys.0[0].1.duplicate().unwrap();
    f.keys.0.push((Term::new(4), same_key));
    assert_eq!(f.open(PLACE, &moved), Err(OpenError::Forged));
    assert_eq!(f.open(PLACE, &record).unwrap(), b"value");
}

#[test]
fn swapped_records_are_forged() {
    let mut f = Fixture::new();
    let places: Vec<Vec<u8>> = (0..12).map(|i| vec![1, i]).collect();
    let records: Vec<_> = places.iter().map(|place| f.sealer.seal(place, b"value").unwrap()).collect();
    for (i, place) in places.iter().enumerate() {
        for (j, record) in records.iter().enumerate() {
            assert_eq!(f.open(place, record).is_ok(), i == j);
        }
    }
}

#[test]
fn term_that_left_the_keyring_opens_nothing_though_its_session_is_cached() {
    let mut f = Fixture::new();
    let record = f.sealer.seal(PLACE, b"value").unwrap();
    assert!(f.open(PLACE, &record).is_ok());
    let key = f.keys.0.pop().unwrap();
    assert_eq!(f.open(PLACE, &record), Err(OpenError::UnknownTerm(TERM)));
    // The control: the session is cached, and opens when the term is back, whatever its key has become.
    f.keys.0.push((TERM, Secret::random().unwrap()));
    assert!(f.open(PLACE, &record).is_ok());
    for forget in [Opener::forget, |opener: &Opener| opener.forget_term(TERM)] {
        forget(&f.opener);
        assert_eq!(f.open(PLACE, &record), Err(OpenError::Forged), "forgotten, it is derived anew");
        f.keys.0[0].1 = key.1.duplicate().unwrap();
        assert!(f.open(PLACE, &record).is_ok());
        f.keys.0[0].1 = Secret::random().unwrap();
        f.opener.forget_term(Term::new(99));
        assert!(f.open(PLACE, &record).is_ok(), "another term's sessions stay");
    }
}

#[test]
fn more_sessions_than_the_cache_holds_still_open() {
    let f = Fixture::new();
    let records: Vec<_> = (0..3000_u32)
        .map(|i| Sealer::start(STORE, TERM, &f.keys.0[0].1).unwrap().seal(PLACE, &i.to_be_bytes()).unwrap())
        .collect();
    for _ in 0..2 {
        for (record, i) in records.iter().zip(0_u32..) {
            assert_eq!(f.open(PLACE, record).unwrap(), i.to_be_bytes());
        }
    }
}

#[test]
fn threads_share_an_opener_while_another_forgets() {
    let mut f = Fixture::new();
    let records: Vec<_> = (0..50_u8).map(|i| f.sealer.seal(&[i], &[i; 100]).unwrap()).collect();
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                let mut output = Vec::new();
                for round in 0..2000_usize {
                    let i = u8::try_from(round % 50).unwrap();
                    f.opener.open_into(&f.keys, &[i], &records[usize::from(i)], &mut output).unwrap();
                    assert_eq!(output, [i; 100]);
                    if round % 97 == 0 {
                        f.opener.forget();
                    }
                }
            });
        }
    });
}

#[test]
fn nonces_count_within_a_session_and_commits_draw_their_own() {
    let mut f = Fixture::new();
    let mut seen = HashSet::new();
    let mut salts = HashSet::new();
    let mut commits = HashSet::new();
    for counter in 0..300_u64 {
        if counter % 30 == 0 {
            f.sealer.begin_commit().unwrap();
        }
        let record = f.sealer.seal(PLACE, b"").unwrap();
        let (salt, nonce) = (record[6..22].to_vec(), record[22..34].to_vec());
        assert_eq!(nonce[4..], counter.to_be_bytes());
        commits.insert(nonce[..4].to_vec());
        salts.insert(salt.clone());
        assert!(seen.insert((salt, nonce)));
    }
    let verdict = if seen.len() == 300 && commits.len() == 10 { "pass" } else { "fail" };
    println!(
        "evidence: id=crypto/nonces figure={} records, no salt and nonce twice, {} draws for commits verdict={verdict}",
        seen.len(),
        commits.len()
    );
    assert_eq!((salts.len(), commits.len()), (1, 10));
    let other = Sealer::start(STORE, TERM, &f.keys.0[0].1).unwrap().seal(PLACE, b"").unwrap();
    assert!(!salts.contains(&other[6..22]), "each session has its salt");
}

#[test]
fn failed_seal_uses_its_counter_up() {
    let mut f = Fixture::new();
    let first = f.sealer.seal(PLACE, b"").unwrap();
    assert_eq!(f.sealer.seal(&[0; MAX_PLACE + 1], b"value"), Err(SealError::TooLong));
    let next = f.sealer.seal(&[0; MAX_PLACE], b"value").unwrap();
    assert!(next[26..34] > first[26..34]);
    assert_eq!(f.open(&[0; MAX_PLACE], &next).unwrap(), b"value");
    assert_eq!(f.open(&[0; MAX_PLACE + 1], &next), Err(OpenError::TooLong));
}

#[test]
fn too_long_plaintext_is_refused_and_wiped() {
    let mut f = Fixture::new();
    let plaintext = vec![1; MAX_PLAINTEXT + 1];
    assert_eq!(f.sealer.seal(PLACE, &plaintext), Err(SealError::TooLong));
    let mut buffer = RecordBuf::new();
    buffer.push(&plaintext);
    assert_eq!(f.sealer.seal_in_place(PLACE, &mut buffer), Err(SealError::TooLong));
    assert!(buffer.body().is_empty() && buffer.as_record().is_none());
    let mut record = vec![0; OVERHEAD + MAX_PLAINTEXT + 1];
    record[..2].copy_from_slice(&[1, 1]);
    assert_eq!(f.open(PLACE, &record), Err(OpenError::TooLong));
}

#[test]
fn no_record_comes_out_when_randomness_fails_at_any_call() {
    let f = Fixture::new();
    let run = || {
        let mut sealer = Sealer::start(STORE, TERM, &f.keys.0[0].1)?;
        sealer.begin_commit()?;
        let first = sealer.seal(PLACE, b"one")?;
        sealer.begin_commit()?;
        Ok((first, sealer.seal(PLACE, b"two")?))
    };
    fault::reset();
    let (one, two) = run().unwrap();
    let calls = fault::calls();
    assert_eq!(calls, 4, "salt and first commit, then one for each commit");
    assert_eq!(
        (f.open(PLACE, &one).unwrap(), f.open(PLACE, &two).unwrap()),
        (b"one".to_vec(), b"two".to_vec())
    );
    let mut came_out = 0;
    for call in 0..calls {
        fault::fail_after(call);
        let outcome = run();
        came_out += usize::from(outcome.is_ok());
        assert!(matches!(outcome, Err(SealError::Randomness(_))), "call {call}");
    }
    // The control: a failure after the last call changes nothing.
    fault::fail_after(calls);
    assert!(run().is_ok());
    fault::fail_after(0);
    assert!(StoreId::random().is_err());
    fault::fail_after(0);
    assert!(Secret::<32>::random().is_err());
    fault::reset();
    println!(
        "evidence: id=crypto/randomness figure={calls} draws of a sealer, each made to fail: {came_out} ciphertexts came out \
         verdict={}",
        if calls > 0 && came_out == 0 { "pass" } else { "fail" }
    );
}

#[test]
fn sealer_goes_on_after_a_failed_commit_without_repeating_a_nonce() {
    let mut f = Fixture::new();
    let before = f.sealer.seal(PLACE, b"").unwrap();
    fault::fail_after(0);
    assert!(matches!(f.sealer.begin_commit(), Err(SealError::Randomness(_))));
    fault::reset();
    f.sealer.begin_commit().unwrap();
    let after = f.sealer.seal(PLACE, b"").unwrap();
    assert_eq!(before[6..22], after[6..22]);
    assert!(before[26..34] < after[26..34]);
}

#[test]
fn buffer_is_sealed_in_place_and_used_again() {
    let mut f = Fixture::new();
    let mut buffer = RecordBuf::with_capacity(10);
    for round in 0..3_u8 {
        buffer.push(b"head ");
        buffer.push_zeros(200);
        buffer.body_mut()[5..].fill(round);
        assert!(buffer.as_record().is_none());
        f.sealer.seal_in_place(PLACE, &mut buffer).unwrap();
        assert!(buffer.body_mut().is_empty(), "what is sealed cannot be changed");
        assert_eq!(buffer.body().len(), 205);
        let expected = [b"head ".as_slice(), &[round; 200]].concat();
        assert_eq!(f.open(PLACE, buffer.as_record().unwrap()).unwrap(), expected);
    }
    // Pushing after sealing begins anew, and so does sealing.
    f.sealer.seal_in_place(PLACE, &mut buffer).unwrap();
    assert_eq!(f.open(PLACE, buffer.as_record().unwrap()).unwrap(), b"");
    assert_eq!(buffer.into_vec().unwrap().len(), OVERHEAD);
    assert!(RecordBuf::new().into_vec().is_none());
}

#[test]
fn output_is_replaced_and_its_memory_used_again() {
    let mut f = Fixture::new();
    let (long, short) = (f.sealer.seal(PLACE, &[1; 500]).unwrap(), f.sealer.seal(PLACE, &[2; 5]).unwrap());
    let mut output = vec![9; 3];
    f.opener.open_into(&f.keys, PLACE, &long, &mut output).unwrap();
    assert_eq!(output, [1; 500]);
    let at = output.as_ptr();
    f.opener.open_into(&f.keys, PLACE, &short, &mut output).unwrap();
    assert_eq!((output.as_slice(), output.as_ptr()), (&[2; 5][..], at));
}

#[test]
fn numbers_of_the_format_are_those_of_its_page() {
    assert_eq!((HEADER_LEN, OVERHEAD, MAX_PLAINTEXT), (34, 50, 16 << 20));
    assert_eq!(StoreId([0xAB; 16]).to_string(), "ab".repeat(16));
    assert_eq!(Term::KEYRING.get(), 0);
}

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

impl Fixture {
    fn new() -> Self {
        let keys = Keys(vec![(TERM, Secret::random().unwrap())]);
        let sealer = Sealer::start(STORE, TERM, &keys.0[0].1).unwrap();
        Self { keys, sealer, opener: Opener::new(STORE) }
    }

    fn open(&self, place: &[u8], record: &[u8]) -> Result<Vec<u8>, OpenError> {
        self.opener.open(&self.keys, place, record).map(|plaintext| plaintext.as_slice().to_vec())
    }
}
