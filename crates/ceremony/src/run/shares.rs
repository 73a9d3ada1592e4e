//! Taking shares from people, who mistype.

use std::fmt::Write as _;

use strongroom::share_text::{self, Correction};
use strongroom::{Accepted, Decoded, ShareText};

use super::record::Event;
use super::{Ceremony, CeremonyError};
use crate::plan::Person;

/// What came of asking somebody for a share.
pub(super) enum Taken {
    /// It was taken.
    Yes {
        /// Its set.
        set: [u8; 16],
        /// What it is.
        accepted: Accepted,
    },
    /// The person has none, or gives up.
    No,
}

impl Ceremony<'_> {
    /// Asks until a share is taken or its holder gives up. Each error is said, and costs nothing.
    pub(super) fn take_share(
        &mut self,
        who: &Person,
        mut offer: impl FnMut(ShareText) -> Result<Accepted, String>,
    ) -> Result<Taken, CeremonyError> {
        loop {
            let Some(share) = self.typed_share(who)? else { return Ok(Taken::No) };
            let set = share.set;
            match offer(share) {
                Ok(accepted) => {
                    let (group, index) = (accepted.group.as_deref(), accepted.index);
                    self.event(&Event::ShareAccepted { set, group, index, by: who })?;
                    return Ok(Taken::Yes { set, accepted });
                }
                Err(why) => self.refuse(who, &why)?,
            }
        }
    }

    /// A share as its holder means it; corrections are shown to the holder alone.
    pub(super) fn typed_share(&mut self, who: &Person) -> Result<Option<ShareText>, CeremonyError> {
        loop {
            let typed = self.talk.secret(who, "enter your share, or nothing to pass")?;
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
