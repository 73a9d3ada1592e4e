//! Taking shares from people, who mistype.

use std::fmt::Write as _;
use std::fs::File;

use strongroom::backup::BackupUnsealing;
use strongroom::share_text::{self, Correction};
use strongroom::{Accepted, Decoded, Progress, ShareText, Unsealing};

use super::record::Event;
use super::{Ceremony, CeremonyError};
use crate::plan::{Person, Role};

/// Shares that come together until they suffice.
pub(super) trait Gathering {
    /// Whether whoever brings one proves a new share so.
    const PROVES: bool = false;

    /// Takes a share, or says why not.
    fn offer(&mut self, who: &Person, share: ShareText) -> Result<Accepted, String>;

    /// Whether they suffice.
    fn is_ready(&self) -> bool;

    /// How far they are.
    fn progress(&self) -> Vec<Progress>;

    /// The shares that are here and those that are needed, of the slot that lacks least.
    fn standing(&self) -> (usize, usize) {
        let standings = self.progress().into_iter().map(|progress| standing(&progress));
        standings.min_by_key(|(have, need)| (need.saturating_sub(*have), *need)).unwrap_or_default()
    }
}

impl Gathering for Unsealing {
    fn offer(&mut self, _: &Person, share: ShareText) -> Result<Accepted, String> {
        Unsealing::offer(self, share).map_err(|error| error.to_string())
    }

    fn is_ready(&self) -> bool {
        self.ready().is_some()
    }

    fn progress(&self) -> Vec<Progress> {
        Unsealing::progress(self)
    }
}

impl Gathering for BackupUnsealing<File> {
    fn offer(&mut self, _: &Person, share: ShareText) -> Result<Accepted, String> {
        BackupUnsealing::offer(self, share).map_err(|error| error.to_string())
    }

    fn is_ready(&self) -> bool {
        self.ready().is_some()
    }

    fn progress(&self) -> Vec<Progress> {
        BackupUnsealing::progress(self)
    }
}

fn proves<G: Gathering>(_: &G) -> bool {
    G::PROVES
}

/// With groups, those of the groups that lack least.
fn standing(progress: &Progress) -> (usize, usize) {
    if progress.groups.is_empty() {
        return (progress.have, progress.need);
    }
    let mut groups: Vec<_> =
        progress.groups.iter().map(|(_, have, need)| ((*have).min(*need), *need)).collect();
    groups.sort_by_key(|(have, need)| need.saturating_sub(*have));
    groups.truncate(progress.need);
    groups.into_iter().fold((0, 0), |(have, need), group| (have + group.0, need + group.1))
}

pub(super) fn too_few(shares: &impl Gathering) -> CeremonyError {
    let (have, need) = shares.standing();
    CeremonyError::TooFew { have, need }
}

impl<'a> Ceremony<'a> {
    /// Asks each of these for a share, and those who had none again, until the shares suffice or nobody comes any more. Whether
    /// they do.
    pub(super) fn gather(
        &mut self,
        people: Vec<&'a Person>,
        question: &str,
        shares: &mut impl Gathering,
    ) -> Result<bool, CeremonyError> {
        let administrator = self.one(Role::Administrator)?;
        let mut waiting = people;
        loop {
            let mut passed = Vec::new();
            for person in waiting {
                if shares.is_ready() {
                    return Ok(true);
                }
                if !self.take_share(person, question, shares)? {
                    passed.push(person);
                }
                self.tell_standing(shares)?;
            }
            if shares.is_ready() || passed.is_empty() {
                return Ok(shares.is_ready());
            }
            let (have, need) = shares.standing();
            let names = passed.iter().map(|person| person.name.as_str()).collect::<Vec<_>>().join(", ");
            let question = format!("{have} of {need} shares are here. Shall {names} be asked again?");
            if !self.talk.confirm(administrator, &question)? {
                return Ok(false);
            }
            waiting = passed;
        }
    }

    fn tell_standing(&mut self, shares: &impl Gathering) -> Result<(), CeremonyError> {
        let (have, need) = shares.standing();
        self.talk.progress(have, need)?;
        let progress = shares.progress();
        let groups = progress.iter().flat_map(|progress| &progress.groups).filter(|(_, have, _)| *have > 0);
        let groups: Vec<_> = groups.map(|(name, have, need)| format!("{name} {have} of {need}")).collect();
        if !groups.is_empty() {
            self.talk.tell(&format!("Groups: {}.", groups.join(", ")))?;
        }
        Ok(())
    }

    /// Asks until a share is taken or its holder gives up; whether it was taken. Each error is said, and costs nothing.
    fn take_share(
        &mut self,
        who: &Person,
        question: &str,
        shares: &mut impl Gathering,
    ) -> Result<bool, CeremonyError> {
        loop {
            let Some(share) = self.typed_share(who, question)? else { return Ok(false) };
            let set = share.set;
            let accepted = match shares.offer(who, share) {
                Ok(accepted) => accepted,
                Err(why) => {
                    self.refuse(who, &why)?;
                    continue;
                }
            };
            let (group, index) = (accepted.group.as_deref(), accepted.index);
            self.event(&Event::ShareAccepted { set, group, index, by: who })?;
            if proves(shares) {
                self.event(&Event::Proved { by: who, set, group, index })?;
            }
            return Ok(true);
        }
    }

    /// A share as its holder means it; corrections are shown to the holder alone.
    pub(super) fn typed_share(
        &mut self,
        who: &Person,
        question: &str,
    ) -> Result<Option<ShareText>, CeremonyError> {
        loop {
            let typed = self.talk.secret(who, question)?;
            if typed.trim().is_empty() {
                return Ok(None);
            }
            match share_text::decode(&typed) {
                Ok(Decoded::Exact(share)) => return Ok(Some(share)),
                Ok(Decoded::Corrected { share, corrections }) => {
                    let shown = zeroize::Zeroizing::new(described(&corrections));
                    let question = "does your copy say so? (yes or no)";
                    let answer = self.talk.private(who, &shown, question)?;
                    if matches!(answer.trim().to_lowercase().as_str(), "yes" | "y") {
                        return Ok(Some(share));
                    }
                    self.talk
                        .tell("The share was not taken: compare it with your copy and enter it again.")?;
                }
                Err(error) => self.refuse(who, &error.to_string())?,
            }
        }
    }

    pub(super) fn refuse(&mut self, who: &Person, why: &str) -> Result<(), CeremonyError> {
        self.event(&Event::ShareRefused { by: who, why })?;
        self.talk.tell(&format!("Not taken: {why}."))?;
        Ok(())
    }
}

/// How a present share is asked for, and a new one.
pub(super) const BRING: &str = "enter your share, or nothing to pass";
pub(super) const BRING_NEW: &str = "enter your new share, or nothing to pass";

/// What was corrected, for the holder's eyes.
fn described(corrections: &[Correction]) -> String {
    let mut text = match corrections.len() {
        1 => "1 letter differs from what the share must say:".to_owned(),
        letters => format!("{letters} letters differ from what the share must say:"),
    };
    for correction in corrections {
        let (group, letter) = place(correction.position);
        // Writing into a string does not fail.
        let _ = write!(
            text,
            "\n  group {group}, letter {letter}: typed {}, must be {}",
            correction.typed, correction.corrected
        );
    }
    text
}

/// The group of six and the letter in it, both counted from 1.
fn place(position: usize) -> (usize, usize) {
    let before = position.saturating_sub(1);
    (before / GROUP + 1, before % GROUP + 1)
}

const GROUP: usize = 6;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_those_on_the_page() {
        assert_eq!(place(1), (1, 1));
        assert_eq!(place(6), (1, 6));
        assert_eq!(place(7), (2, 1));
        assert_eq!(place(102), (17, 6));
    }
}
