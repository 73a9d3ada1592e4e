//! What somebody may do to a chain, and what the verifier says to it.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout
)]

mod common;

use common::{PURPOSE, at, key, lines, open, public, rechained, sealed, text};
use strongroom_audit::{
    BadLines, Chain, End, Entry, Fingerprint, Problem, Record, VerifyError, Writer, verify, verify_growing,
};

fn expected() -> Fingerprint {
    public(&key(1)).fingerprint()
}

fn check(bytes: &[u8]) -> Result<(), VerifyError> {
    verify(bytes, PURPOSE, &expected()).map(drop)
}

fn problem(bytes: &[u8]) -> BadLines {
    match check(bytes) {
        Err(VerifyError::Damaged(bad)) => bad,
        other => panic!("{other:?}"),
    }
}

#[test]
fn untouched_chain_is_good_and_says_what_was_recorded() {
    let bytes = sealed(&key(1));
    let verified = verify(&bytes, PURPOSE, &expected()).unwrap();
    let chain = verified.chain();
    assert_eq!((chain.records().len(), chain.entries().count(), chain.end()), (9, 5, End::Sealed));
    assert_eq!(chain.signed().iter().map(strongroom_audit::Signed::line).collect::<Vec<_>>(), [6, 7, 9]);
    assert_eq!(chain.signed()[0].name(), Some("Grace Hopper"));
    assert_eq!(verified.key(), &public(&key(1)));
    let present = chain.entries().find(|record| record.entry().event() == "present").unwrap();
    assert_eq!(present.entry().text("name"), Some("Ada \"the first\" Lovelace \\ Zoë"));
    assert!(chain.clock_set_back().is_empty());
}

/// Three lines, of which the last is the seal: few signatures to verify, so that everything can be tried.
fn short() -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut writer = Writer::begin(common::Lines(&mut bytes), at(0), PURPOSE).unwrap();
    writer.append(at(1), Entry::new("closed").with("by", text("A"))).unwrap();
    writer.seal(at(2), &key(1)).unwrap();
    bytes
}

/// Values that differ in one bit, and those that mean something to a parser. All 256 are tried on a line of its own, below.
#[test]
fn every_changed_byte_is_detected() {
    let good = short();
    let parsed = b"\n \"\\,:{}09afAFz";
    let mut bytes = good.clone();
    let (mut tried, mut accepted) = (0_usize, 0_usize);
    for place in 0..good.len() {
        let flipped = (0..8).map(|bit| good[place] ^ (1 << bit));
        for value in flipped.chain(parsed.iter().copied()).chain([good[place]]) {
            bytes[place] = value;
            tried += 1;
            if check(&bytes).is_ok() {
                accepted += 1;
                assert_eq!(value, good[place], "byte {place}");
            }
        }
        bytes[place] = good[place];
    }
    assert_eq!(tried, good.len() * (8 + parsed.len() + 1));
    // The control: wherever the value was the right one, and once more where a parser's byte stood there already, it was good.
    let stood = good.iter().filter(|byte| parsed.contains(byte)).count();
    assert_eq!(accepted, good.len() + stood);
    println!(
        "evidence: id=audit/changed-bytes figure={} of {} changes of a byte detected verdict=pass",
        tried - accepted,
        tried - good.len() - stood
    );
}

#[test]
fn every_byte_of_a_chain_with_every_kind_of_value_counts() {
    let good = sealed(&key(1));
    let mut bytes = good.clone();
    for place in 0..good.len() {
        bytes[place] = good[place] ^ 1;
        assert!(check(&bytes).is_err(), "byte {place}");
        bytes[place] = good[place];
    }
    assert_eq!(check(&bytes), Ok(()));
}

#[test]
fn every_value_of_every_byte_of_a_line_makes_no_record_or_another() {
    let line = lines(&short())[1].trim_end().as_bytes().to_vec();
    let mut changed = line.clone();
    for place in 0..line.len() {
        for value in 0..=u8::MAX {
            changed[place] = value;
            let same = Record::parse(&changed).is_ok_and(|record| record.line().as_bytes() == line);
            assert_eq!(same, value == line[place], "{value} at byte {place}");
        }
        changed[place] = line[place];
    }
}

#[test]
fn every_byte_that_is_removed_or_inserted_is_detected() {
    let good = short();
    let mut tried = 0;
    for place in 0..=good.len() {
        let (before, behind) = good.split_at(place);
        if let Some((_, behind)) = behind.split_first() {
            assert!(check(&[before, behind].concat()).is_err(), "without byte {place}");
            tried += 1;
        }
        for byte in [b' ', b'\n', b'"', b'0', b'a', b'\\', b'}', 0, 0xFF] {
            assert!(check(&[before, &[byte], behind].concat()).is_err(), "{byte} before byte {place}");
            tried += 1;
        }
    }
    assert_eq!(check(&good), Ok(()));
    println!("evidence: id=audit/bytes-removed-or-inserted figure={tried} of {tried} detected verdict=pass");
}

#[test]
fn every_record_that_is_removed_repeated_inserted_or_swapped_is_detected_at_its_line() {
    let good = lines(&sealed(&key(1)));
    // Sealed by the same key, and another chain: its lines are good ones, elsewhere.
    let other = lines(&sealed(&key(1)));
    assert_eq!(check(good.concat().as_bytes()), Ok(()));
    let mut tried = 0;
    let mut is_detected_at = |changed: Vec<String>, place: usize| {
        tried += 1;
        let found = check(changed.concat().as_bytes());
        let line = u64::try_from(place + 1).unwrap();
        assert!(matches!(&found, Err(VerifyError::Damaged(bad)) if bad.line == line), "{found:?} at {line}");
    };
    for place in 0..good.len() {
        for end in place + 1..good.len() {
            is_detected_at([&good[..place], &good[end..]].concat(), place);
            let mut swapped = good.clone();
            swapped.swap(place, end);
            is_detected_at(swapped, place);
        }
        for from in 0..good.len() {
            for line in [&good[from], &other[from]] {
                let inserted = [&good[..place], std::slice::from_ref(line), &good[place..]].concat();
                if inserted[place] == good[place] {
                    is_detected_at(inserted, place + 1);
                } else {
                    // The first line of another chain begins as well as the own one; the second does not follow it.
                    is_detected_at(inserted, if (place, from) == (0, 0) { 1 } else { place });
                }
            }
            if place > 0 {
                let mut replaced = good.clone();
                replaced[place].clone_from(&other[from]);
                is_detected_at(replaced, place);
            }
        }
    }
    assert_eq!(tried, 36 * 2 + 81 * 2 + 72);
    println!(
        "evidence: id=audit/records figure={tried} removals, insertions, repetitions, swaps and replacements of records, each found at its line verdict=pass"
    );
}

#[test]
fn tail_that_was_cut_off_is_never_good() {
    let good = sealed(&key(1));
    for length in 0..good.len() {
        let cut = &good[..length];
        let whole = cut.is_empty() || cut.ends_with(b"\n");
        match check(cut) {
            Err(VerifyError::Unfinished { lines: found }) => {
                assert!(whole && found == lines(cut).len(), "{length}");
            }
            Err(VerifyError::Damaged(bad)) if cut.is_empty() => assert_eq!(bad.problem, Problem::Missing),
            Err(VerifyError::Damaged(bad)) => {
                assert!(!whole && bad.problem == Problem::Torn, "{length}: {bad}");
            }
            other => panic!("{length}: {other:?}"),
        }
    }
    let open = open();
    assert_eq!(check(&open), Err(VerifyError::Unfinished { lines: 5 }));
    // The control: what is missing is the seal alone.
    assert_eq!(Chain::read(&open).unwrap().end(), End::Open);
}

#[test]
fn changed_lines_whose_hashes_were_made_anew_are_detected_by_the_signature_and_by_nothing_else() {
    let good = lines(&sealed(&key(1)));
    assert_eq!(rechained(&good), good.concat().as_bytes());
    for place in 1..5 {
        let removed = [&good[..place], &good[place + 1..]].concat();
        let changed = rechained(&removed);
        assert_eq!(problem(&changed), BadLines { line: 5, problem: Problem::Signature });
        let unsigned = rechained(&removed[..4]);
        assert!(Chain::read(&unsigned).is_ok());
        assert_eq!(check(&unsigned), Err(VerifyError::Unfinished { lines: 4 }));
    }
    let mut renamed = good.clone();
    renamed[7] = good[7].replace("closed", "opened");
    assert_ne!(renamed, good);
    assert_eq!(problem(&rechained(&renamed)), BadLines { line: 9, problem: Problem::Signature });
    // Neither does a co-signature stand under another name, nor a checkpoint for a seal.
    let mut renamed = good.clone();
    renamed[5] = good[5].replace("Hopper", "Popper");
    assert_eq!(problem(&rechained(&renamed)), BadLines { line: 6, problem: Problem::Signature });
    let mut renamed = good[..7].to_vec();
    renamed[6] = good[6].replace("chain-signed", "chain-sealed");
    assert_eq!(problem(&rechained(&renamed)), BadLines { line: 7, problem: Problem::Signature });
}

#[test]
fn chain_that_another_key_sealed_is_refused() {
    let forged = sealed(&key(3));
    let found = public(&key(3)).fingerprint();
    assert_eq!(check(&forged), Err(VerifyError::OtherKey { found }));
    assert!(verify(&forged, PURPOSE, &found).is_ok());
    // Nor does it help to write the expected key beside the other's signature.
    let [own, other] = [1, 3].map(|number| data_encoding::HEXLOWER.encode(public(&key(number)).as_bytes()));
    let mut claimed = lines(&forged);
    claimed[8] = claimed[8].replace(&other, &own);
    assert_eq!(problem(claimed.concat().as_bytes()), BadLines { line: 9, problem: Problem::Signature });
    // A co-signature by the expected key is no seal.
    let mut bytes = Vec::new();
    let mut writer = Writer::begin(common::Lines(&mut bytes), at(0), PURPOSE).unwrap();
    writer.cosign(at(1), text("Mallory"), &key(1)).unwrap();
    assert_eq!(check(&bytes), Err(VerifyError::Unfinished { lines: 2 }));
    assert_eq!(
        verify_growing(&bytes, PURPOSE, &expected()).map(drop),
        Err(VerifyError::Unfinished { lines: 2 })
    );
}

#[test]
fn record_of_something_else_is_refused() {
    let bytes = sealed(&key(1));
    let found = verify(&bytes, "register", &expected()).map(drop);
    assert_eq!(found, Err(VerifyError::OtherPurpose { found: text(PURPOSE) }));
}

#[test]
fn growing_chain_is_good_up_to_a_checkpoint_and_not_beyond() {
    let good = lines(&sealed(&key(1)));
    for (count, is_good) in [(5, false), (6, false), (7, true), (8, false), (9, true)] {
        let bytes = good[..count].concat();
        let found = verify_growing(bytes.as_bytes(), PURPOSE, &expected());
        assert_eq!(found.is_ok(), is_good, "{count} lines");
    }
}

#[test]
fn nothing_follows_a_seal_and_no_chain_another() {
    let good = sealed(&key(1));
    let mut bytes = Vec::new();
    let mut writer = Writer::begin(common::Lines(&mut bytes), at(0), PURPOSE).unwrap();
    writer.seal(at(1), &key(1)).unwrap();
    writer.append(at(2), Entry::new("more")).unwrap_err();
    writer.seal(at(2), &key(1)).unwrap_err();
    assert_eq!(check(&bytes), Ok(()));
    let both = [&good[..], &bytes].concat();
    assert_eq!(problem(&both), BadLines { line: 10, problem: Problem::AfterSeal });
    let mut joined = lines(&open());
    joined.push(joined[0].clone());
    let bad = Chain::read(&rechained(&joined)).unwrap_err();
    assert_eq!(bad, BadLines { line: 6, problem: Problem::OpenedTwice });
    let headless = rechained(&joined[1..]);
    assert_eq!(Chain::read(&headless).unwrap_err(), BadLines { line: 1, problem: Problem::NotOpened });
    // A line of the chain's own with a field more is none of the chain's own.
    let mut odd = lines(&open());
    odd[0] = odd[0].replace("\"format\":1", "\"format\":2");
    assert_eq!(
        Chain::read(&rechained(&odd)).unwrap_err(),
        BadLines { line: 1, problem: Problem::NotOfChain }
    );
}

#[test]
fn clock_that_was_set_back_is_told() {
    let mut bytes = Vec::new();
    let mut writer = Writer::begin(common::Lines(&mut bytes), at(10), PURPOSE).unwrap();
    for second in [11, 5, 6, 2] {
        writer.append(at(second), Entry::new("tick")).unwrap();
    }
    assert_eq!(Chain::read(&bytes).unwrap().clock_set_back(), [3, 5]);
}
