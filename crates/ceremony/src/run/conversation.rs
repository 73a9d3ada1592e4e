//! How a ceremony talks to people: the seam behind which a full screen, a plain prompt or a script lies.

mod console;
mod full;
mod layout;
mod plain;
mod script;

use std::fmt;

use zeroize::Zeroizing;

use crate::plan::{Person, Step};

pub use console::{Console, Discard, EnterScreen, RESIZED, SecretInput};
pub use full::Full;
pub use plain::Plain;
pub use script::Script;

/// Where a ceremony is.
pub struct Stage<'a> {
    /// The ceremony's title.
    pub title: &'a str,
    /// The step that begins.
    pub step: Step,
    /// Its number, from 1.
    pub number: usize,
    /// All of them, in order.
    pub steps: &'a [Step],
    /// Whether it is a rehearsal.
    pub rehearsal: bool,
}

impl Stage<'_> {
    /// The step after it.
    pub fn next(&self) -> Option<Step> {
        self.steps.get(self.number).copied()
    }
}

/// The people at the keyboard.
///
/// Nothing that is given to [`secret`](Self::secret), [`private`](Self::private) or [`show_share`](Self::show_share), and no
/// answer to the first two, may stay anywhere: on no screen, in no scroll-back, log or history.
pub trait Conversation {
    /// A step begins.
    ///
    /// # Errors
    ///
    /// [`Gone`], here and below, when nobody is there any more: the ceremony stops, and can be resumed.
    fn stage(&mut self, stage: &Stage<'_>) -> Result<(), Gone>;

    /// Tells everybody something, one paragraph.
    ///
    /// # Errors
    ///
    /// [`Gone`].
    fn tell(&mut self, text: &str) -> Result<(), Gone>;

    /// Asks somebody something that everybody may hear.
    ///
    /// # Errors
    ///
    /// [`Gone`].
    fn ask(&mut self, who: &Person, question: &str) -> Result<String, Gone>;

    /// Has somebody type a secret, without echo.
    ///
    /// # Errors
    ///
    /// [`Gone`].
    fn secret(&mut self, who: &Person, question: &str) -> Result<Zeroizing<String>, Gone>;

    /// Shows somebody what is for no other eyes, on a screen that is cleared, and asks.
    ///
    /// # Errors
    ///
    /// [`Gone`].
    fn private(&mut self, who: &Person, text: &str, question: &str) -> Result<String, Gone>;

    /// Shows a share to its custodian alone until it is written down, which the custodian proves by its last characters.
    ///
    /// # Errors
    ///
    /// [`Gone`]: then nobody can say that it was written down.
    fn show_share(&mut self, who: &Person, heading: &str, share: &str) -> Result<(), Gone>;

    /// How many shares are here, of those that are needed.
    ///
    /// # Errors
    ///
    /// [`Gone`].
    fn progress(&mut self, have: usize, need: usize) -> Result<(), Gone>;

    /// Asks until the answer is yes or no.
    ///
    /// # Errors
    ///
    /// [`Gone`].
    fn confirm(&mut self, who: &Person, question: &str) -> Result<bool, Gone> {
        loop {
            match self.ask(who, question)?.trim().to_lowercase().as_str() {
                "yes" | "y" => return Ok(true),
                "no" | "n" => return Ok(false),
                _ => self.tell("Answer yes or no.")?,
            }
        }
    }
}

/// Nobody is there any more: the input ended, the terminal went away, or a script does not go on so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Gone(pub String);

impl fmt::Display for Gone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the ceremony stopped, since {}: go on with the same plan and --resume", self.0)
    }
}

impl std::error::Error for Gone {}
