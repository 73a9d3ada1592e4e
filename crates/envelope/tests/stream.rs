//! Streams: that they come back whole by every way, and that nothing else comes out.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::cast_possible_truncation,
    clippy::panic,
    missing_docs
)]
#![allow(clippy::print_stdout)]

mod common;

use std::io::{self, BufWriter, Read, Seek, SeekFrom, Write};
use std::num::NonZeroUsize;
use std::process::Command;

use common::{NamedKey, bytes};
use strongroom_crypto::random::fault;
use strongroom_envelope::stream::{DecryptError, EncryptError, HeaderSlots, Options, inspect};
use strongroom_envelope::{Envelope, KeyError, OpenError, ReadAt};

const SECTOR: usize = 512;
const FLOE_AT: usize = 3 * SECTOR;
const BODY_AT: usize = FLOE_AT + 74;

#[test]
fn every_way_in_leads_to_every_way_out() {
    let envelope = Envelope::new(NamedKey::new("k"));
    for segment in [64, 100, 4096, 65_536] {
        let plain = segment - 32;
        for len in [0, 1, plain - 1, plain, plain + 1, 2 * plain, 5 * plain + 7, 70 * plain] {
            let plaintext = bytes(len);
            for threads in [1, 3] {
                let options = options(segment, threads);
                let mut slice = vec![9; 5];
                envelope.encrypt_slice(b"aad", &plaintext, &mut slice, &options).unwrap();
                let read = envelope.encrypt(b"aad", &plaintext[..], Vec::new(), &options).unwrap();
                let placed = envelope.encrypt_from(b"aad", &plaintext, Vec::new(), &options).unwrap();
                let copied =
                    envelope.encrypt_from(b"aad", &NotLent(&plaintext), Vec::new(), &options).unwrap();
                for stream in [slice, read, placed, copied] {
                    let segments = len.div_ceil(plain).max(1);
                    assert_eq!(stream.len(), BODY_AT + len + segments * 32, "{segment} {len}");
                    for opened in decrypted(&envelope, b"aad", &stream, threads) {
                        assert!(opened.unwrap() == plaintext, "{segment} {len} {threads}");
                    }
                }
            }
        }
    }
}

#[test]
fn reader_that_gives_little_at_a_time_and_is_interrupted_loses_nothing() {
    struct Little<'a> {
        rest: &'a [u8],
        interrupted: bool,
    }
    impl Read for Little<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            self.interrupted = !self.interrupted;
            if self.interrupted {
                return Err(io::ErrorKind::Interrupted.into());
            }
            let len = buffer.len().min(self.rest.len()).min(1 + self.rest.len() % 7);
            let (given, rest) = self.rest.split_at(len);
            buffer[..len].copy_from_slice(given);
            self.rest = rest;
            Ok(len)
        }
    }
    let envelope = Envelope::new(NamedKey::new("k"));
    let plaintext = bytes(10_000);
    let little = |rest| Little { rest, interrupted: false };
    let stream = envelope.encrypt(b"", little(&plaintext), Vec::new(), &options(64, 3)).unwrap();
    let opened = envelope.decrypt(b"", little(&stream), Vec::new(), &options(64, 3)).unwrap();
    assert_eq!(opened, plaintext);
}

#[test]
fn every_bit_of_a_stream_counts() {
    let envelope = Envelope::new(NamedKey::new("k"));
    // Three full segments and a short one.
    let plaintext = bytes(3 * 32 + 5);
    let stream = envelope.encrypt(b"aad", &plaintext[..], Vec::new(), &options(64, 1)).unwrap();
    let slots = SECTOR..FLOE_AT;
    let mut refused = 0;
    for at in 0..stream.len() {
        for bit in 0..8 {
            let mut changed = stream.clone();
            changed[at] ^= 1 << bit;
            for opened in decrypted(&envelope, b"aad", &changed, 2) {
                if slots.contains(&at) {
                    // The other slot holds the same: one may rot.
                    assert_eq!(opened.unwrap(), plaintext, "byte {at}, bit {bit}");
                    assert_eq!(inspect(&changed).unwrap().slots(), HeaderSlots::OneTorn);
                } else {
                    assert!(opened.is_err(), "byte {at}, bit {bit}");
                    refused += 1;
                }
            }
        }
    }
    assert_eq!(refused, WAYS * 8 * (stream.len() - slots.len()));
    // The same bit in both slots.
    for at in slots.start..slots.start + SECTOR {
        let mut changed = stream.clone();
        changed[at] ^= 1;
        changed[at + SECTOR] ^= 1;
        assert!(
            decrypted(&envelope, b"aad", &changed, 1).into_iter().all(|opened| opened.is_err()),
            "byte {at}"
        );
    }
    for opened in decrypted(&envelope, b"aad", &stream, 2) {
        assert_eq!(opened.unwrap(), plaintext, "the control");
    }
    println!(
        "evidence: id=envelope/flips figure={refused} of {refused} flipped bits refused; {} more, in one of two slots that were alike, \
         opened by the other and told verdict=pass",
        WAYS * 8 * slots.len()
    );
}

#[test]
fn slot_that_was_forged_with_a_right_checksum_is_passed_over_and_two_are_refused() {
    use strongroom_crypto::hash::sha256;
    let envelope = Envelope::new(NamedKey::new("k"));
    let stream = envelope.encrypt(b"", &b"value"[..], Vec::new(), &Options::default()).unwrap();
    let with_checksum = |slot: &mut [u8]| {
        let sum = sha256(&[&slot[..504]]);
        slot[504..].copy_from_slice(&sum[..8]);
    };
    let opens = |stream: &[u8]| envelope.decrypt(b"", stream, Vec::new(), &Options::default());
    for at in 0..504 {
        for slot in [SECTOR, 2 * SECTOR] {
            let mut one = stream.clone();
            one[slot + at] ^= 1;
            with_checksum(&mut one[slot..slot + SECTOR]);
            let mut both = one.clone();
            both.copy_within(slot..slot + SECTOR, SECTOR);
            both.copy_within(slot..slot + SECTOR, 2 * SECTOR);
            assert!(opens(&both).is_err(), "both, byte {at}");
            // One alone is passed over in favour of the genuine one, and shows.
            assert_eq!(opens(&one).unwrap(), b"value", "{slot}, byte {at}");
            assert_ne!(inspect(&one).unwrap().slots(), HeaderSlots::Alike, "{slot}, byte {at}");
        }
    }
    // That of another stream, of a higher generation and under the same key.
    let other = envelope.encrypt(b"", &b"other"[..], Vec::new(), &Options::default()).unwrap();
    let mut moved = stream.clone();
    moved[2 * SECTOR..FLOE_AT].copy_from_slice(&other[SECTOR..2 * SECTOR]);
    moved[2 * SECTOR..2 * SECTOR + 8].copy_from_slice(&u64::MAX.to_be_bytes());
    with_checksum(&mut moved[2 * SECTOR..FLOE_AT]);
    assert_eq!(opens(&moved).unwrap(), b"value");
    moved.copy_within(2 * SECTOR..FLOE_AT, SECTOR);
    assert!(opens(&moved).is_err());
    assert_eq!(inspect(&stream).unwrap().slots(), HeaderSlots::Alike);
    let mut control = stream.clone();
    with_checksum(&mut control[SECTOR..2 * SECTOR]);
    assert_eq!(control, stream, "the control");
}

#[test]
fn every_strict_prefix_and_every_extension_is_refused() {
    let envelope = Envelope::new(NamedKey::new("k"));
    let (mut cuts, mut extensions) = (0, 0);
    for len in [0, 5, 32, 2 * 32, 2 * 32 + 5] {
        let plaintext = bytes(len);
        let stream = envelope.encrypt(b"", &plaintext[..], Vec::new(), &options(64, 1)).unwrap();
        for cut in 0..stream.len() {
            for opened in decrypted(&envelope, b"", &stream[..cut], 1) {
                assert!(opened.is_err(), "{len}, cut to {cut}");
                cuts += 1;
            }
        }
        for more in [1, 31, 32, 63, 64, 65, 300_000] {
            let longer = [&stream[..], &vec![0xFF; more]].concat();
            for opened in decrypted(&envelope, b"", &longer, 2) {
                assert!(opened.is_err(), "{len}, {more} more");
                extensions += 1;
            }
        }
        assert!(decrypted(&envelope, b"", &stream, 1).into_iter().all(|opened| opened.unwrap() == plaintext));
    }
    println!(
        "evidence: id=envelope/cuts figure={cuts} cuts and {extensions} extensions, all refused verdict=pass"
    );
}

#[test]
fn segments_dropped_repeated_or_exchanged_are_refused() {
    let envelope = Envelope::new(NamedKey::new("k"));
    let plaintext = bytes(5 * 32 + 32);
    let stream = envelope.encrypt(b"", &plaintext[..], Vec::new(), &options(64, 1)).unwrap();
    let (head, body) = stream.split_at(BODY_AT);
    let segments: Vec<&[u8]> = body.chunks(64).collect();
    let opens = |segments: &[&[u8]]| {
        let stream = [head, &segments.concat()].concat();
        decrypted(&envelope, b"", &stream, 2).into_iter().any(|opened| opened.is_ok())
    };
    assert!(opens(&segments), "the control");
    let mut refused = 0;
    for at in 0..segments.len() {
        let mut without = segments.clone();
        without.remove(at);
        assert!(!opens(&without), "without {at}");
        for other in 0..segments.len() {
            let mut again = segments.clone();
            again.insert(other, segments[at]);
            assert!(!opens(&again), "{at} again before {other}");
            let mut exchanged = segments.clone();
            exchanged.swap(at, other);
            assert_eq!(opens(&exchanged), at == other, "{at} for {other}");
            refused += 1 + usize::from(at != other);
        }
        refused += 1;
    }
    println!(
        "evidence: id=envelope/segments figure={refused} streams with a segment dropped, repeated or exchanged, all refused verdict=pass"
    );
}

#[test]
fn parts_of_two_streams_do_not_mix() {
    let envelope = Envelope::new(NamedKey::new("k"));
    let make = || envelope.encrypt(b"", &bytes(100)[..], Vec::new(), &options(64, 1)).unwrap();
    let (one, other) = (make(), make());
    // At every sector, at FLOE's header, at its tag, and at every segment.
    let cuts =
        [SECTOR, 2 * SECTOR, FLOE_AT, FLOE_AT + 10, FLOE_AT + 42, BODY_AT, BODY_AT + 64, BODY_AT + 128];
    for cut in cuts {
        let mixed = [&one[..cut], &other[cut..]].concat();
        assert!(decrypted(&envelope, b"", &mixed, 1).into_iter().all(|opened| opened.is_err()), "{cut}");
    }
    assert!(decrypted(&envelope, b"", &one, 1).into_iter().all(|opened| opened.is_ok()), "the control");
    println!(
        "evidence: id=envelope/splices figure={} splices of two streams, all refused verdict=pass",
        cuts.len()
    );
}

#[test]
fn large_streams_changed_at_random_are_refused_and_give_out_nothing_false() {
    let envelope = Envelope::new(NamedKey::new("k"));
    // Long enough that two threads share what lies in memory.
    let plaintext = bytes(4_500_000);
    let stream = envelope.encrypt(b"", &plaintext[..], Vec::new(), &Options::default()).unwrap();
    let mut places = bytes(8 * 25);
    for byte in &mut places {
        *byte ^= 0x5A;
    }
    for place in places.chunks(8) {
        let random = u64::from_be_bytes(place.try_into().unwrap()) as usize;
        let at = BODY_AT + random % (stream.len() - BODY_AT);
        let mut changed = stream.clone();
        changed[at] ^= 1 << (random % 8);
        for opened in decrypted(&envelope, b"", &changed, 2) {
            assert!(opened.is_err(), "{at}");
        }
        let mut sink = Shared::default();
        assert!(envelope.decrypt(b"", &changed[..], &mut sink, &Options::default()).is_err());
        assert!(plaintext.starts_with(&sink.0), "what came out before the change");
        assert!(sink.0.len() <= at, "nothing of the changed segment or after it");
    }
}

#[test]
fn faults_are_told_apart() {
    let envelope = Envelope::new(NamedKey::new("k"));
    let plaintext = bytes(2 * 32 + 5);
    let stream = envelope.encrypt(b"aad", &plaintext[..], Vec::new(), &options(64, 1)).unwrap();
    let fault = |associated: &[u8], stream: &[u8]| {
        envelope.decrypt(associated, stream, Vec::new(), &Options::default()).unwrap_err()
    };
    assert!(matches!(fault(b"aae", &stream), DecryptError::Open(OpenError::Forged)));
    assert!(matches!(fault(b"aad", &stream[..BODY_AT + 128]), DecryptError::Truncated));
    assert!(matches!(fault(b"aad", &stream[..BODY_AT]), DecryptError::Truncated));
    assert!(matches!(fault(b"aad", &stream[..100]), DecryptError::Truncated));
    assert!(matches!(fault(b"aad", &[&stream[..], &[0; 64]].concat()), DecryptError::Trailing));
    let changed = |at: usize| {
        let mut changed = stream.clone();
        changed[at] ^= 1;
        fault(b"aad", &changed)
    };
    assert!(matches!(changed(BODY_AT + 64 + 20), DecryptError::Forged { segment: 1 }));
    assert!(matches!(changed(0), DecryptError::Open(OpenError::NotAnObject)));
    assert!(matches!(changed(4), DecryptError::Open(OpenError::UnknownFormat(0))));
    assert!(matches!(changed(100), DecryptError::Open(OpenError::Damaged(_))));
    let small = envelope.seal(b"", b"value").unwrap();
    assert!(matches!(fault(b"", &small), DecryptError::Open(OpenError::IsSmall)));
    assert!(matches!(envelope.open(b"aad", &stream), Err(OpenError::IsAStream)));
    let other = Envelope::new(NamedKey::new("other"));
    let refused = other.decrypt(b"aad", &stream[..], Vec::new(), &Options::default());
    assert!(matches!(refused, Err(DecryptError::Key(KeyError::Wrapping(_)))));
}

#[test]
fn reader_reads_anywhere_what_is_there() {
    let envelope = Envelope::new(NamedKey::new("k"));
    let plaintext = bytes(1000);
    let stream = envelope.encrypt(b"", &plaintext[..], Vec::new(), &options(100, 1)).unwrap();
    let mut reader = envelope.reader(b"", &stream).unwrap();
    assert_eq!((reader.len(), reader.is_empty()), (1000, false));
    for offset in (0..1003).rev() {
        let mut buffer = [0xEE; 90];
        let read = reader.read_at(&mut buffer, offset).unwrap();
        let expected = &plaintext[(offset as usize).min(1000)..];
        assert_eq!(buffer[..read], expected[..read], "{offset}");
        assert!(read > 0 || expected.is_empty());
        assert!(buffer[read..].iter().all(|byte| *byte == 0xEE));
    }
    assert_eq!(reader.read_at(&mut [0; 1], u64::MAX).unwrap(), 0);
    let mut rest = Vec::new();
    assert_eq!(reader.seek(SeekFrom::End(-10)).unwrap(), 990);
    reader.read_to_end(&mut rest).unwrap();
    assert_eq!(rest, plaintext[990..]);
    assert_eq!(reader.seek(SeekFrom::Current(-500)).unwrap(), 500);
    let mut some = [0; 123];
    reader.read_exact(&mut some).unwrap();
    assert_eq!(some, plaintext[500..623]);
    assert!(reader.seek(SeekFrom::Current(-700)).is_err());
    assert_eq!(reader.stream_position().unwrap(), 623, "it stays where it was");
}

#[test]
fn reader_decrypts_only_what_it_is_asked_for_and_refuses_the_rest_when_it_comes_to_it() {
    let envelope = Envelope::new(NamedKey::new("k"));
    let plaintext = bytes(10 * 32);
    let mut stream = envelope.encrypt(b"", &plaintext[..], Vec::new(), &options(64, 1)).unwrap();
    stream[BODY_AT + 3 * 64 + 20] ^= 1;
    let mut reader = envelope.reader(b"", &stream).unwrap();
    let mut buffer = [0; 32];
    for segment in 0..10 {
        buffer.fill(0xEE);
        let read = reader.read_at(&mut buffer, segment * 32);
        if segment == 3 {
            assert!(matches!(read, Err(DecryptError::Forged { segment: 3 })));
            assert_eq!(buffer, [0xEE; 32]);
        } else {
            assert_eq!((read.unwrap(), &buffer[..]), (32, &plaintext[segment as usize * 32..][..32]));
        }
    }
}

#[test]
fn failing_source_or_sink_ends_it_and_is_told() {
    struct Failing(usize);
    impl Read for Failing {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            let len = buffer.len().min(self.0);
            self.0 -= len;
            if len == 0 { Err(io::Error::other("broken")) } else { Ok(len) }
        }
    }
    struct Full(usize);
    impl Write for Full {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0 = self.0.checked_sub(bytes.len()).ok_or(io::ErrorKind::StorageFull)?;
            Ok(bytes.len())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let envelope = Envelope::new(NamedKey::new("k"));
    for threads in [1, 4] {
        for len in [0, 1000, 1_000_000] {
            let outcome = envelope.encrypt(b"", Failing(len), Vec::new(), &options(65_536, threads));
            assert!(matches!(outcome, Err(EncryptError::Read(_))), "{len}");
            let plaintext = vec![0; len + 2000];
            let outcome = envelope.encrypt(b"", &plaintext[..], Full(len), &options(65_536, threads));
            assert!(matches!(outcome, Err(EncryptError::Write(_))), "{len}");
            let stream = envelope.encrypt(b"", &plaintext[..], Vec::new(), &options(65_536, 1)).unwrap();
            let outcome = envelope.decrypt(b"", &stream[..], Full(len), &options(65_536, threads));
            assert!(matches!(outcome, Err(DecryptError::Write(_))), "{len}");
        }
    }
}

#[test]
fn buffer_that_cannot_be_emptied_is_told_by_every_way() {
    struct Full;
    impl Write for Full {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(io::ErrorKind::StorageFull.into())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let (envelope, options) = (Envelope::new(NamedKey::new("k")), Options::default());
    let plaintext = bytes(1000);
    let stream = envelope.encrypt(b"", &plaintext[..], Vec::new(), &options).unwrap();
    // All of it fits into the buffer.
    let full = || BufWriter::with_capacity(10_000, Full);
    let encrypted = [
        envelope.encrypt(b"", &plaintext[..], full(), &options),
        envelope.encrypt_from(b"", &plaintext, full(), &options),
    ];
    assert!(encrypted.iter().all(|outcome| matches!(outcome, Err(EncryptError::Write(_)))));
    let decrypted = [
        envelope.decrypt(b"", &stream[..], full(), &options),
        envelope.decrypt_from(b"", &stream, full(), &options),
        envelope.reader(b"", &stream).unwrap().copy_to(full(), &options),
    ];
    assert!(decrypted.iter().all(|outcome| matches!(outcome, Err(DecryptError::Write(_)))));
    assert!(full().write_all(&stream).is_ok(), "the control: writing alone tells nothing");
}

#[test]
fn source_that_lends_more_or_less_than_it_was_asked_for_is_refused() {
    struct Lending(Vec<u8>, usize);
    impl ReadAt for Lending {
        fn size(&self) -> io::Result<u64> {
            Ok(100)
        }

        fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
            self.0[..100].read_at(buffer, offset)
        }

        fn lend(&self, _: u64, _: usize) -> Option<&[u8]> {
            self.0.get(..self.1)
        }
    }
    let envelope = Envelope::new(NamedKey::new("k"));
    for len in [0, 99, 100, 101] {
        let made = envelope.encrypt_from(b"", &Lending(bytes(200), len), Vec::new(), &Options::default());
        if len == 100 {
            let opened = envelope.decrypt_slice(b"", &made.unwrap(), &Options::default()).unwrap();
            assert_eq!(opened.as_slice(), &bytes(200)[..100], "the control");
        } else {
            assert!(matches!(made, Err(EncryptError::Read(_))), "{len}");
        }
    }
}

#[test]
fn source_that_is_longer_than_it_says_is_refused() {
    struct Saying(u64, Vec<u8>);
    impl ReadAt for Saying {
        fn size(&self) -> io::Result<u64> {
            Ok(self.0)
        }

        fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
            self.1.read_at(buffer, offset)
        }
    }
    let envelope = Envelope::new(NamedKey::new("k"));
    for says in [0, 1, 99, 100, 101] {
        let source = Saying(says, bytes(100));
        let made = envelope.encrypt_from(b"", &source, Vec::new(), &Options::default());
        if says == 100 {
            let opened = envelope.decrypt_slice(b"", &made.unwrap(), &Options::default()).unwrap();
            assert_eq!(opened.as_slice(), bytes(100), "the control");
        } else {
            assert!(matches!(made, Err(EncryptError::Read(_))), "{says}");
        }
    }
}

#[test]
fn panic_of_a_source_ends_every_thread() {
    struct Panicking(usize);
    impl Read for Panicking {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            self.0 = self.0.checked_sub(buffer.len()).expect("a panic on purpose");
            Ok(buffer.len())
        }
    }
    let envelope = Envelope::new(NamedKey::new("k"));
    let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        drop(envelope.encrypt(b"", Panicking(3_000_000), io::sink(), &options(65_536, 4)));
    }));
    assert!(outcome.is_err());
}

/// In a process of its own, whose threads would have stacks that no address space has room for.
#[test]
fn without_a_thread_to_be_had_the_callers_own_does_it() {
    const NAME: &str = "without_a_thread_to_be_had_the_callers_own_does_it";
    if std::env::var_os("RUST_MIN_STACK").is_none() {
        let mut alone = Command::new(std::env::current_exe().unwrap());
        alone.args(["--exact", NAME, "--test-threads", "1"]).env("RUST_MIN_STACK", (1_u64 << 50).to_string());
        let output = alone.output().unwrap();
        let told = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success() && told.contains("1 passed"), "{told}");
        return;
    }
    assert!(std::thread::Builder::new().spawn(|| ()).is_err(), "the danger");
    let (envelope, options) = (Envelope::new(NamedKey::new("k")), options(65_536, 4));
    let plaintext = bytes(9_000_000);
    let mut stream = Vec::new();
    envelope.encrypt_slice(b"", &plaintext, &mut stream, &options).unwrap();
    assert!(envelope.decrypt_slice(b"", &stream, &options).unwrap().as_slice() == plaintext);
    let stream = envelope.encrypt(b"", &plaintext[..], Vec::new(), &options).unwrap();
    assert!(envelope.decrypt(b"", &stream[..], Vec::new(), &options).unwrap() == plaintext);
    assert!(envelope.decrypt_from(b"", &stream, Vec::new(), &options).unwrap() == plaintext);
}

#[test]
fn first_error_counts_however_many_threads_find_one() {
    let envelope = Envelope::new(NamedKey::new("k"));
    let options = options(65_536, 4);
    let mut stream = Vec::new();
    envelope.encrypt_slice(b"", &bytes(9_000_000), &mut stream, &options).unwrap();
    for segment in [130, 50, 20] {
        stream[BODY_AT + segment * 65_536 + 100] ^= 1;
        let opened = envelope.decrypt_slice(b"", &stream, &options).map(drop);
        assert!(matches!(opened, Err(DecryptError::Forged { segment: told }) if told == segment as u64));
    }
}

#[test]
fn without_randomness_nothing_is_encrypted() {
    let envelope = Envelope::without_reserve(NamedKey::new("k"));
    let plaintext = bytes(40 * 32);
    let mut refused = 0;
    loop {
        fault::fail_after(refused);
        let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            let mut stream = Vec::new();
            envelope
                .encrypt_slice(b"", &plaintext, &mut stream, &options(64, 1))
                .map_err(|error| (error, stream))
        }));
        fault::reset();
        match outcome {
            Ok(Ok(())) => break,
            Ok(Err((error, stream))) => {
                assert!(matches!(error, EncryptError::Key(KeyError::Randomness(_))), "{error}");
                assert!(stream.is_empty());
            }
            // The test's own key draws a nonce.
            Err(_) => {}
        }
        refused += 1;
    }
    // Data key, FLOE's IV together with those of 16 segments, the wrapping key's nonce, and the IVs of the other 24.
    assert_eq!(refused, 3 + 2);
}

#[test]
fn two_streams_of_the_same_bytes_share_nothing() {
    let envelope = Envelope::new(NamedKey::new("k"));
    let make = || envelope.encrypt(b"", &[0; 320][..], Vec::new(), &options(64, 1)).unwrap();
    let (one, other) = (make(), make());
    let segments: Vec<&[u8]> = one[BODY_AT..].chunks(64).chain(other[BODY_AT..].chunks(64)).collect();
    let ivs: std::collections::BTreeSet<&[u8]> = segments.iter().map(|segment| &segment[4..16]).collect();
    let bodies: std::collections::BTreeSet<&[u8]> = segments.iter().map(|segment| &segment[16..]).collect();
    assert_eq!((segments.len(), ivs.len(), bodies.len()), (20, 20, 20));
    assert_ne!(one[6..14], other[6..14]);
}

fn options(segment: usize, threads: usize) -> Options {
    Options::default()
        .with_segments_of(u32::try_from(segment).unwrap())
        .unwrap()
        .with_threads(NonZeroUsize::new(threads).unwrap())
}

/// By every way: as it arrives, by place where it is lent and where it is not, at random, in memory and in memory used again.
fn decrypted(
    envelope: &Envelope<NamedKey>,
    associated: &[u8],
    stream: &[u8],
    threads: usize,
) -> [Result<Vec<u8>, DecryptError>; WAYS] {
    let options = options(64, threads);
    let (mut read, mut again) = (Vec::new(), vec![9; 50]);
    let into = envelope.decrypt_slice_into(associated, stream, &mut again, &options);
    assert!(into.is_ok() || again.is_empty());
    [
        into.map(|()| again),
        envelope.decrypt_from(associated, &NotLent(stream), Vec::new(), &options),
        envelope.decrypt(associated, stream, Vec::new(), &options),
        envelope.decrypt_from(associated, stream, Vec::new(), &options),
        envelope.decrypt_slice(associated, stream, &options).map(|plaintext| plaintext.as_slice().to_vec()),
        envelope.reader(associated, stream).and_then(|mut reader| {
            reader.read_to_end(&mut read).map_err(|error| error.downcast::<DecryptError>().unwrap())?;
            Ok(read)
        }),
    ]
}

const WAYS: usize = 6;

/// Bytes in memory that are copied out of it, as those of a file are.
struct NotLent<'a>(&'a [u8]);

impl ReadAt for NotLent<'_> {
    fn size(&self) -> io::Result<u64> {
        self.0.size()
    }

    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        self.0.read_at(buffer, offset)
    }
}

#[derive(Default)]
struct Shared(Vec<u8>);

impl Write for &mut Shared {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
