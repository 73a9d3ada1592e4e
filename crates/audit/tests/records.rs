//! One line: its one form.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod common;

use common::{lines, sealed};
use proptest::prelude::*;
use strongroom_audit::{BadLine, Entry, Public, Record, Time, Value};

#[test]
fn line_is_as_the_format_draws_it() {
    let line = "{\"at\":\"2026-11-25T18:30:00.000Z\",\"event\":\"present\",\"fields\":{\"name\":\"Ada \\\"A\\\" \\\\ Zoë\",\
        \"set\":{\"id\":\"000102030405060708090a0b0c0d0e0f\"},\"until\":{\"time\":\"1970-01-01T00:00:00.000Z\"},\
        \"yes\":true},\"n\":2,\"prev\":\"0000000000000000000000000000000000000000000000000000000000000000\"}";
    let record = Record::parse(line.as_bytes()).unwrap();
    assert_eq!(record.line(), line);
    let entry = Entry::new("present")
        .with("yes", true)
        .with("until", Time::from_seconds(0))
        .with("set", Value::Id(std::array::from_fn(|place| u8::try_from(place).unwrap())))
        .with("name", Public::new("Ada \"A\" \\ Zoë").unwrap());
    assert_eq!((record.entry(), record.number(), record.at().seconds()), (&entry, 2, 1_795_631_400));
}

#[test]
fn every_strict_prefix_and_every_appended_byte_is_refused() {
    for line in lines(&sealed(&common::key(1))) {
        let line = line.trim_end().as_bytes();
        assert_eq!(Record::parse(line).unwrap().line().as_bytes(), line);
        for length in 0..line.len() {
            assert!(Record::parse(&line[..length]).is_err(), "{length}");
        }
        for byte in 0..=u8::MAX {
            assert!(Record::parse(&[line, &[byte]].concat()).is_err(), "{byte}");
        }
    }
}

#[test]
fn other_json_of_the_same_meaning_is_refused() {
    let fields = |fields: &str| {
        let prev = "0".repeat(64);
        format!(
            "{{\"at\":\"2026-11-25T18:30:00.000Z\",\"event\":\"e\",\"fields\":{{{fields}}},\"n\":1,\"prev\":\"{prev}\"}}"
        )
    };
    for good in ["", "\"a\":1", "\"a\":0,\"b\":\"x\"", "\"a\":{\"check\":\"00\"}", "\"a\":9007199254740991"] {
        assert!(Record::parse(fields(good).as_bytes()).is_ok(), "{good}");
    }
    for bad in [
        "\"a\": 1",
        "\"a\":1,",
        "\"a\":01",
        "\"a\":-1",
        "\"a\":1.0",
        "\"a\":1e3",
        "\"a\":9007199254740992",
        "\"a\":18446744073709551616",
        "\"a\":null",
        "\"a\":[]",
        "\"a\":True",
        "\"a\":{}",
        "\"a\":{\"check\":\"\"}",
        "\"a\":{\"object\":\"\"}",
        "\"a\":{\"check\":\"0G\"}",
        "\"a\":{\"check\":\"AA\"}",
        "\"a\":{\"id\":\"00\"}",
        "\"a\":{\"secret\":\"00\"}",
        "\"a\":{\"id\":\"00000000000000000000000000000000\",\"b\":1}",
        "\"b\":1,\"a\":1",
        "\"a\":1,\"a\":2",
        "\"A\":1",
        "\"\":1",
        "\"a\":\"\"",
        "\"a\":\" x\"",
        "\"a\":\"\\u0041\"",
        "\"a\":\"\\/\"",
        "\"a\":\"\t\"",
        "\"a\":\"x\u{202e}\"",
    ] {
        assert!(Record::parse(fields(bad).as_bytes()).is_err(), "{bad}");
    }
    assert_eq!(Record::parse(&vec![b' '; (1 << 16) + 1]), Err(BadLine::TooLong));
    assert_eq!(Record::parse(&[0xFF]), Err(BadLine::NotText));
}

proptest! {
    #[test]
    fn whatever_is_read_is_written_the_same_way(bytes in proptest::collection::vec(any::<u8>(), 0..200), place in 0_usize..400, with in any::<u8>()) {
        let mut line = lines(&common::open())[2].trim_end().as_bytes().to_vec();
        let place = place.min(line.len() - 1);
        line[place] = with;
        for candidate in [&line[..], &bytes] {
            if let Ok(record) = Record::parse(candidate) {
                prop_assert!(record.line().as_bytes() == candidate);
            }
        }
    }

    #[test]
    fn any_text_is_redacted_into_one_that_may_stand_in_a_record(text in any::<String>()) {
        let redacted = Public::redacted(&text);
        prop_assert_eq!(Public::new(redacted.as_str()), Ok(redacted));
    }
}
