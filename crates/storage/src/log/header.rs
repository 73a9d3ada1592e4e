//! The first sector of a segment: whose it is. Written once, when the store is created.

use crate::log::{LogId, SECTOR};

/// What a segment's first sector says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Header {
    pub(crate) segment: u8,
    pub(crate) log: LogId,
    /// How long the segment is made, this sector included.
    pub(crate) length: u64,
}

impl Header {
    pub(crate) fn encode(&self) -> [u8; SECTOR] {
        let mut fields = Vec::with_capacity(HEADER_LEN);
        fields.extend_from_slice(MAGIC);
        fields.extend_from_slice(&[VERSION, self.segment]);
        fields.extend_from_slice(&self.log);
        fields.extend_from_slice(&self.length.to_be_bytes());
        fields.extend_from_slice(&crc32c::crc32c(&fields).to_be_bytes());
        let mut sector = [0; SECTOR];
        for (to, from) in sector.iter_mut().zip(fields) {
            *to = from;
        }
        sector
    }

    /// `None` if this is not the first sector of a segment.
    pub(crate) fn decode(bytes: &[u8]) -> Option<Self> {
        let (fields, rest) = bytes.split_at_checked(HEADER_LEN - 4)?;
        let (checksum, _) = rest.split_first_chunk::<4>()?;
        if crc32c::crc32c(fields) != u32::from_be_bytes(*checksum) {
            return None;
        }
        let fields = fields.strip_prefix(MAGIC)?;
        let (&[version, segment], fields) = fields.split_first_chunk::<2>()?;
        let (log, fields) = fields.split_first_chunk::<16>()?;
        let (length, _) = fields.split_first_chunk::<8>()?;
        (version == VERSION).then_some(Self { segment, log: *log, length: u64::from_be_bytes(*length) })
    }
}

const MAGIC: &[u8; 4] = b"SRLG";
const VERSION: u8 = 1;
const HEADER_LEN: usize = 4 + 1 + 1 + 16 + 8 + 4;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_flipped_bit_of_the_header_is_noticed() {
        let header = Header { segment: 1, log: [7; 16], length: 1 << 20 };
        let sector = header.encode();
        assert_eq!(Header::decode(&sector), Some(header));
        for bit in 0..HEADER_LEN * 8 {
            let mut flipped = sector;
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(Header::decode(&flipped), None, "bit {bit}");
        }
    }

    #[test]
    fn every_strict_prefix_of_the_header_is_refused() {
        let sector = Header { segment: 0, log: [7; 16], length: 1 << 20 }.encode();
        for length in 0..HEADER_LEN {
            assert_eq!(Header::decode(&sector[..length]), None);
        }
    }
}
