//! A file's bytes: as programs see them, and as a loss of power could leave them.

use crate::log::SECTOR;
use crate::simulation::random::Random;

#[derive(Clone, Default)]
pub(super) struct Contents {
    /// What a program reads.
    visible: Vec<u8>,
    /// What is certain.
    durable: Vec<u8>,
    /// What has been done since the last sync, in order.
    pending: Vec<Pending>,
}

#[derive(Clone)]
enum Pending {
    Write { offset: usize, bytes: Vec<u8> },
    SetLen(usize),
}

/// How a loss of power treats what is pending.
#[derive(Clone, Copy)]
enum Fate {
    AllLost,
    AllKept,
    /// A part is kept, in the order in which it was written.
    InOrder,
    /// A part is kept, in any order.
    Reordered,
}

impl Contents {
    pub(super) fn visible(&self) -> &[u8] {
        &self.visible
    }

    pub(super) fn write(&mut self, offset: usize, bytes: &[u8]) {
        overwrite(&mut self.visible, offset, bytes);
        self.pending.push(Pending::Write { offset, bytes: bytes.to_vec() });
    }

    pub(super) fn set_len(&mut self, len: usize) {
        self.visible.resize(len, 0);
        self.pending.push(Pending::SetLen(len));
    }

    pub(super) fn sync(&mut self) {
        for pending in self.pending.drain(..) {
            match pending {
                Pending::Write { offset, bytes } => overwrite(&mut self.durable, offset, &bytes),
                Pending::SetLen(len) => self.durable.resize(len, 0),
            }
        }
    }

    /// What Linux makes of a sync that fails: the pages stay readable, and nobody will ever write them.
    pub(super) fn fail_sync(&mut self, random: &mut Random) {
        let kept = self.survive(random);
        self.durable = kept;
        self.pending.clear();
    }

    /// Changes a bit behind everybody's back.
    pub(super) fn flip(&mut self, offset: usize, bit: u8) {
        for bytes in [&mut self.visible, &mut self.durable] {
            if let Some(byte) = bytes.get_mut(offset) {
                *byte ^= 1_u8 << (bit % 8);
            }
        }
    }

    pub(super) fn after_crash(&self, random: &mut Random) -> Self {
        let kept = self.survive(random);
        Self { visible: kept.clone(), durable: kept, pending: Vec::new() }
    }

    pub(super) fn after_kill(&self) -> Self {
        Self { visible: self.visible.clone(), durable: self.visible.clone(), pending: Vec::new() }
    }

    fn survive(&self, random: &mut Random) -> Vec<u8> {
        let fate = match random.below(8) {
            0 => Fate::AllLost,
            1 => Fate::AllKept,
            2..=4 => Fate::InOrder,
            _ => Fate::Reordered,
        };
        match fate {
            Fate::AllLost => return self.durable.clone(),
            Fate::AllKept => return self.visible.clone(),
            Fate::InOrder | Fate::Reordered => {}
        }
        let mut lengths = vec![self.durable.len()];
        let mut sectors = Vec::new();
        let mut reached = self.durable.len();
        for pending in &self.pending {
            match pending {
                Pending::Write { offset, bytes } => {
                    reached = reached.max(offset.saturating_add(bytes.len()));
                    // A write is lost as a whole, or in part.
                    if !random.one_in(3) {
                        let torn = random.one_in(2);
                        let parts = split_at_sectors(*offset, bytes);
                        sectors.extend(parts.into_iter().filter(|_| !torn || random.one_in(2)));
                    }
                }
                Pending::SetLen(len) => reached = *len,
            }
            lengths.push(reached);
        }
        if matches!(fate, Fate::Reordered) {
            random.shuffle(&mut sectors);
        }
        let mut kept = self.durable.clone();
        for (offset, bytes) in sectors {
            overwrite(&mut kept, offset, bytes);
        }
        // The length is metadata: it comes late or early, whatever became of the bytes.
        let length = lengths.get(random.below(lengths.len())).copied().unwrap_or_default();
        kept.resize(length, 0);
        kept
    }
}

fn overwrite(contents: &mut Vec<u8>, offset: usize, bytes: &[u8]) {
    let end = offset.saturating_add(bytes.len());
    if contents.len() < end {
        contents.resize(end, 0);
    }
    if let Some(place) = contents.get_mut(offset..end) {
        place.copy_from_slice(bytes);
    }
}

fn split_at_sectors(offset: usize, bytes: &[u8]) -> Vec<(usize, &[u8])> {
    let mut parts = Vec::new();
    let (mut offset, mut rest) = (offset, bytes);
    while !rest.is_empty() {
        let room = SECTOR - offset % SECTOR;
        let (part, after) = rest.split_at_checked(room).unwrap_or((rest, &[]));
        parts.push((offset, part));
        offset = offset.saturating_add(part.len());
        rest = after;
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_synced_survives_every_crash() {
        let mut contents = Contents::default();
        contents.write(0, &[1; 3 * SECTOR]);
        contents.sync();
        contents.write(3 * SECTOR, &[2; SECTOR]);
        for seed in 0..100 {
            let after = contents.after_crash(&mut Random::new(seed));
            assert_eq!(after.visible()[..3 * SECTOR], [1; 3 * SECTOR]);
        }
    }

    #[test]
    fn what_was_not_synced_is_kept_lost_torn_and_reordered() {
        let mut contents = Contents::default();
        contents.write(0, &[0; 4 * SECTOR]);
        contents.sync();
        contents.write(0, &[1; 4 * SECTOR]);
        contents.write(0, &[2; SECTOR]);
        let mut firsts = std::collections::BTreeSet::new();
        let mut torn = 0;
        for seed in 0..200 {
            let after = contents.after_crash(&mut Random::new(seed));
            let sectors: Vec<u8> = after.visible().chunks(SECTOR).map(|sector| sector[0]).collect();
            assert!(
                after.visible().chunks(SECTOR).all(|sector| sector.iter().all(|byte| *byte == sector[0]))
            );
            firsts.insert(sectors[0]);
            torn += u32::from(sectors[1..].contains(&0) && sectors[1..].contains(&1));
        }
        assert_eq!(firsts.into_iter().collect::<Vec<_>>(), [0, 1, 2]);
        assert!(torn > 10, "{torn}");
    }

    #[test]
    fn length_is_volatile_until_a_sync() {
        let mut contents = Contents::default();
        contents.set_len(SECTOR);
        contents.sync();
        contents.set_len(4 * SECTOR);
        let lengths: std::collections::BTreeSet<usize> =
            (0..100).map(|seed| contents.after_crash(&mut Random::new(seed)).visible().len()).collect();
        assert_eq!(lengths.into_iter().collect::<Vec<_>>(), [SECTOR, 4 * SECTOR]);
    }
}
