//! Finding names, contents and shares in raw bytes: exact, and fast enough for every offset of every byte.
//!
//! Names are found by their first six bytes and then compared whole. Contents and shares are found by any 16 bytes of
//! theirs: a filter over all their windows says which windows of the raw bytes may be among them, and a second pass over
//! the contents says which of these are.

use std::collections::{HashMap, HashSet};

/// Whole texts to be found.
pub(super) struct Names {
    by_prefix: HashMap<u64, Vec<usize>>,
    filter: Filter,
    texts: Vec<Vec<u8>>,
}

impl Names {
    /// Texts shorter than [`SHORTEST_NAME`] are left out: chance would find them.
    pub(super) fn new(names: impl IntoIterator<Item = Vec<u8>>) -> Self {
        let distinct: HashSet<Vec<u8>> =
            names.into_iter().filter(|name| name.len() >= SHORTEST_NAME).collect();
        let mut sorted: Vec<Vec<u8>> = distinct.into_iter().collect();
        sorted.sort();
        let mut filter = Filter::for_items(sorted.len());
        let mut by_prefix: HashMap<u64, Vec<usize>> = HashMap::new();
        for (index, name) in sorted.iter().enumerate() {
            let prefix =
                name.iter().take(SHORTEST_NAME).fold(0, |prefix, byte| prefix << 8 | u64::from(*byte));
            filter.insert(u128::from(prefix));
            by_prefix.entry(prefix).or_default().push(index);
        }
        Self { by_prefix, filter, texts: sorted }
    }

    pub(super) fn len(&self) -> usize {
        self.texts.len()
    }

    pub(super) fn without(self, known: &HashSet<Vec<u8>>) -> Self {
        Self::new(self.texts.into_iter().filter(|name| !known.contains(name)))
    }

    /// Adds the names that stand in these bytes.
    pub(super) fn find(&self, raw: &[u8], found: &mut HashSet<Vec<u8>>) {
        let mut prefix = 0;
        for (end, byte) in (1..).zip(raw) {
            prefix = (prefix << 8 | u64::from(*byte)) & PREFIX_MASK;
            if end < SHORTEST_NAME || !self.filter.may_hold(u128::from(prefix)) {
                continue;
            }
            let Some(here) = raw.get(end - SHORTEST_NAME..) else { continue };
            let candidates = self.by_prefix.get(&prefix).into_iter().flatten();
            found.extend(
                candidates
                    .filter_map(|index| self.texts.get(*index))
                    .filter(|name| here.starts_with(name))
                    .cloned(),
            );
        }
    }
}

/// All 16-byte windows of some contents.
pub(super) struct Windows {
    filter: Filter,
    /// Windows that are looked for.
    pub(super) looked_for: u64,
    /// Windows that are not, since storage has such bytes of its own.
    pub(super) trivial: u64,
}

impl Windows {
    pub(super) fn new<'a>(contents: impl Iterator<Item = &'a [u8]> + Clone) -> Self {
        let total = contents.clone().map(<[u8]>::len).sum();
        let mut all = Self { filter: Filter::for_items(total), looked_for: 0, trivial: 0 };
        for content in contents {
            for window in windows(content) {
                if is_trivial(window) {
                    all.trivial += 1;
                } else {
                    all.looked_for += 1;
                    all.filter.insert(window);
                }
            }
        }
        all
    }

    /// Adds the windows of these bytes that may be among the contents'.
    pub(super) fn find(&self, raw: &[u8], candidates: &mut HashSet<u128>) {
        candidates
            .extend(windows(raw).filter(|window| self.filter.may_hold(*window) && !is_trivial(*window)));
    }
}

/// Those of the candidates that are windows of the contents.
pub(super) fn confirm<'a>(
    contents: impl Iterator<Item = &'a [u8]>,
    candidates: &HashSet<u128>,
) -> HashSet<u128> {
    if candidates.is_empty() {
        return HashSet::new();
    }
    contents.flat_map(windows).filter(|window| candidates.contains(window)).collect()
}

/// Every 16 bytes in a row.
pub(super) fn windows(bytes: &[u8]) -> impl Iterator<Item = u128> {
    let mut window = 0_u128;
    bytes
        .iter()
        .map(move |byte| {
            window = window << 8 | u128::from(*byte);
            window
        })
        .skip(WINDOW - 1)
}

/// Bytes that any storage could have of its own: zeros but for four at most, or no more than two different ones.
pub(super) fn is_trivial(window: u128) -> bool {
    let bytes = window.to_be_bytes();
    let [first, ..] = bytes;
    let others = bytes.iter().fold(0, |others, byte| others + u32::from(*byte != 0));
    let second = bytes.iter().copied().find(|byte| *byte != first).unwrap_or(first);
    others <= 4 || bytes.iter().all(|byte| *byte == first || *byte == second)
}

/// A Bloom filter with two hashes. It says "no" only of what was not put in.
struct Filter {
    bits: Vec<u64>,
    shift: u32,
}

impl Filter {
    fn for_items(items: usize) -> Self {
        let bits = items.saturating_mul(BITS_EACH).next_power_of_two().clamp(1 << 16, 1 << 32);
        Self { bits: vec![0; bits / 64], shift: 64 - bits.trailing_zeros() }
    }

    fn insert(&mut self, item: u128) {
        for (word, bit) in self.places(item) {
            if let Some(word) = self.bits.get_mut(word) {
                *word |= bit;
            }
        }
    }

    fn may_hold(&self, item: u128) -> bool {
        self.places(item).iter().all(|(word, bit)| self.bits.get(*word).is_some_and(|word| word & bit != 0))
    }

    fn places(&self, item: u128) -> [(usize, u64); 2] {
        let low = u64::try_from(item & u128::from(u64::MAX)).unwrap_or_default();
        let high = u64::try_from(item >> 64).unwrap_or_default();
        let mixed = (low ^ high.rotate_left(29).wrapping_mul(ODD_1)).wrapping_mul(ODD_2);
        let again = (mixed ^ (mixed >> 31)).wrapping_mul(ODD_1);
        [mixed, again].map(|hash| {
            let place = hash >> self.shift;
            (usize::try_from(place / 64).unwrap_or(0), 1 << (place % 64))
        })
    }
}

/// The bytes of a content that must not show in a row.
pub(super) const WINDOW: usize = 16;
/// In 40 MB of random bytes, chance finds six given ones once in seven million times.
pub(super) const SHORTEST_NAME: usize = 6;
const PREFIX_MASK: u64 = (1 << (8 * SHORTEST_NAME)) - 1;
const BITS_EACH: usize = 16;
const ODD_1: u64 = 0x9E37_79B9_7F4A_7C15;
const ODD_2: u64 = 0xC2B2_AE3D_27D4_EB4F;

#[cfg(test)]
mod tests {
    use super::*;

    fn noise(length: usize) -> Vec<u8> {
        let mut state = 1_u64;
        let step = |state: &mut u64| {
            *state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            // No byte of text, which would make a window longer by chance.
            state.to_be_bytes()[0] | 0x80
        };
        (0..length).map(|_| step(&mut state)).collect()
    }

    fn found(content: &[u8], raw: &[u8]) -> usize {
        let mut candidates = HashSet::new();
        Windows::new([content].into_iter()).find(raw, &mut candidates);
        confirm([content].into_iter(), &candidates).len()
    }

    #[test]
    fn sixteen_bytes_are_found_at_every_offset_and_fifteen_are_not() {
        let content = b"the quick brown fox jumps over the lazy dog";
        for offset in 0..40 {
            for start in 0..content.len() - 16 {
                let mut raw = noise(100);
                raw[offset..offset + 16].copy_from_slice(&content[start..start + 16]);
                assert_eq!(found(content, &raw), 1);
                let mut raw = noise(100);
                raw[offset..offset + 15].copy_from_slice(&content[start..start + 15]);
                assert_eq!(found(content, &raw), 0);
            }
        }
    }

    #[test]
    fn names_are_found_whole_alone() {
        let names = Names::new([b"secret/name".to_vec(), b"secret".to_vec(), b"short".to_vec()]);
        let find = |raw: &[u8]| {
            let mut found = HashSet::new();
            names.find(raw, &mut found);
            found.len()
        };
        assert_eq!(names.len(), 2);
        assert_eq!(find(b"xxsecret/name"), 2);
        assert_eq!(find(b"secret/nam"), 1);
        assert_eq!(find(b"secre short"), 0);
    }

    #[test]
    fn runs_are_trivial_and_text_is_not() {
        let window = |bytes: &[u8; 16]| is_trivial(u128::from_be_bytes(*bytes));
        assert!(
            window(b"                ")
                && window(b"\n               ")
                && window(b"\0\0\0\0\0\0\x01\x02\0\0\0\x03\0\0\0\x04")
        );
        assert!(!window(b"fn main() { () }") && !window(b"   x           y"));
    }
}
