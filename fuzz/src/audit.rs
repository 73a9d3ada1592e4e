//! Audit chains: a whole one as it is, and its lines made to fit behind one another.

use strongroom_audit::{Chain, Entry, Public, Record, Sink, Time, Writer};

/// A chain that is read is written the same way, and whatever a writer takes is read. No mutation of a line finds its way past
/// the hash in the next one, so each line is also read by itself, and its entry appended to a chain that fits.
pub fn chain(data: &[u8]) -> bool {
    let whole = Chain::read(data);
    if let Ok(chain) = &whole {
        let lines: String = chain.records().iter().map(|record| record.line() + "\n").collect();
        assert_eq!(lines.as_bytes(), data);
    }
    let mut bytes = Vec::new();
    let mut writer = Writer::begin(Lines(&mut bytes), Time::from_seconds(0), "fuzzing").expect("a new chain");
    let mut expected: Vec<Entry> = Vec::new();
    for line in data.split(|byte| *byte == b'\n') {
        if let Ok(record) = Record::parse(line) {
            assert_eq!(record.line().as_bytes(), line);
            // The chain's own lines are refused.
            if writer.append(record.at(), record.entry().clone()).is_ok() {
                expected.push(record.entry().clone());
            }
        }
        let redacted = Public::redacted(&String::from_utf8_lossy(line));
        assert_eq!(Public::new(redacted.as_str()).as_ref(), Ok(&redacted));
    }
    let chain = Chain::read(&bytes).expect("what was written is read");
    assert!(chain.entries().map(Record::entry).eq(&expected));
    whole.is_ok()
}

struct Lines<'a>(&'a mut Vec<u8>);

impl Sink for Lines<'_> {
    fn append(&mut self, line: &[u8]) -> std::io::Result<()> {
        self.0.extend_from_slice(line);
        Ok(())
    }
}
