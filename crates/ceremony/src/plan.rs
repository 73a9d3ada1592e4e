//! The plan: one reviewed file that says everything about a ceremony before it begins.
//!
//! `docs/CEREMONY.md`, "Plan file", lists every word. The file is TOML; unknown words, kinds and steps are refused, and so is
//! a plan whose people, policy and steps do not fit together. What is unwise but possible comes out of [`check`].

pub mod ask;
pub mod check;
mod error;
mod file;
mod steps;
mod text;
mod value;

use std::collections::BTreeSet;
use std::fmt;
use std::path::PathBuf;

use sha2::{Digest as _, Sha256};
use strongroom::{HsmKey, Policy, Suite};
use strongroom_audit::Fingerprint;

pub use error::PlanError;
pub use steps::Step;

/// What a ceremony is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    /// A new store, with a new root key and its first shares.
    Create,
    /// Opens the store, checks it and seals it again: the drill.
    Unseal,
    /// Each holder proves alone, offline, that the share is the right one.
    ShareCheck,
    /// New holders in place of the present ones.
    Rekey,
    /// The keys in HSMs behind a slot are replaced.
    HsmKey,
    /// Another seal in place of the present one, e.g. an HSM beside the shares.
    SealChange,
    /// A store out of a backup and shares alone.
    Recovery,
    /// The store is destroyed.
    Destruction,
}

impl Kind {
    /// All kinds.
    pub const ALL: [Self; 8] = [
        Self::Create,
        Self::Unseal,
        Self::ShareCheck,
        Self::Rekey,
        Self::HsmKey,
        Self::SealChange,
        Self::Recovery,
        Self::Destruction,
    ];

    /// The word in a plan.
    pub fn word(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Unseal => "unseal",
            Self::ShareCheck => "share-check",
            Self::Rekey => "rekey",
            Self::HsmKey => "hsm-key",
            Self::SealChange => "seal-change",
            Self::Recovery => "recovery",
            Self::Destruction => "destruction",
        }
    }

    /// The kind of this word.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.word() == word)
    }

    /// Whether new shares are dealt.
    pub fn deals(self) -> bool {
        matches!(self, Self::Create | Self::Rekey | Self::SealChange)
    }

    /// Whether it changes or ends what is there, so that somebody else than the requester must approve.
    pub fn needs_approval(self) -> bool {
        matches!(self, Self::Rekey | Self::HsmKey | Self::SealChange | Self::Destruction)
    }

    /// The steps of the kind, in order.
    pub fn steps(self) -> &'static [Step] {
        steps::of(self)
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

/// What somebody does at a ceremony.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Role {
    /// Leads, and reads the plan out.
    Administrator,
    /// Watches, and signs each step off with initials.
    Witness,
    /// Watches for those who are not there.
    Auditor,
    /// Types at the machine.
    Operator,
    /// Approves a change.
    Approver,
    /// Gets a new share.
    Custodian,
    /// Brings a share of the present set.
    Holder,
}

impl Role {
    /// All roles.
    pub const ALL: [Self; 7] = [
        Self::Administrator,
        Self::Witness,
        Self::Auditor,
        Self::Operator,
        Self::Approver,
        Self::Custodian,
        Self::Holder,
    ];

    /// The word in a plan.
    pub fn word(self) -> &'static str {
        match self {
            Self::Administrator => "administrator",
            Self::Witness => "witness",
            Self::Auditor => "auditor",
            Self::Operator => "operator",
            Self::Approver => "approver",
            Self::Custodian => "custodian",
            Self::Holder => "holder",
        }
    }

    /// The role of this word.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.word() == word)
    }
}

/// How a share reaches its custodian.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Custody {
    /// Encrypted to an age recipient.
    Age {
        /// `age1…`.
        recipient: String,
    },
    /// Encrypted to an OpenPGP certificate.
    OpenPgp {
        /// The file with the certificate.
        certificate: PathBuf,
        /// The certificate's fingerprint in lower-case hexadecimal, which the file must have.
        fingerprint: String,
    },
    /// Shown once, on a cleared screen, to the custodian alone.
    Screen,
    /// Printed.
    Paper,
}

impl Custody {
    /// What to call it in plain words and in records.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Age { .. } => "age",
            Self::OpenPgp { .. } => "openpgp",
            Self::Screen => "screen",
            Self::Paper => "paper",
        }
    }
}

/// Somebody who takes part.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Person {
    /// As on the passport.
    pub name: String,
    /// What the person signs steps off with; no two have the same.
    pub initials: String,
    /// At least one.
    pub roles: BTreeSet<Role>,
    /// The group of the share that a custodian gets, where the policy has groups.
    pub group: Option<String>,
    /// How a custodian gets a share.
    pub custody: Option<Custody>,
    /// The key that this person co-signs the transcript with.
    pub signing: Option<SigningKey>,
}

impl Person {
    /// Whether the person has the role.
    pub fn is(&self, role: Role) -> bool {
        self.roles.contains(&role)
    }
}

/// What the machine may be like although a ceremony would refuse it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Allowance {
    /// Swap in use.
    Swap,
    /// A process that may leave a core dump.
    CoreDumps,
    /// A debugger that is attached.
    Debugger,
}

impl Allowance {
    /// The word in a plan.
    pub fn word(self) -> &'static str {
        match self {
            Self::Swap => "swap",
            Self::CoreDumps => "core-dumps",
            Self::Debugger => "debugger",
        }
    }

    /// The allowance of this word.
    pub fn from_word(word: &str) -> Option<Self> {
        [Self::Swap, Self::CoreDumps, Self::Debugger].into_iter().find(|allowance| allowance.word() == word)
    }
}

/// A key that signs the transcript: its own, or that of somebody who was there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SigningKey {
    /// Where it is.
    pub key: HsmKey,
    /// What everybody knows it by.
    pub fingerprint: Fingerprint,
}

/// A plan that fits together.
#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    /// What it is for.
    pub kind: Kind,
    /// What people call it.
    pub title: String,
    /// The store's directory: there already, or to be made by `create` and `recovery`.
    pub store: Option<PathBuf>,
    /// Where the journal, the pages, the encrypted shares and the public slot file go.
    pub output: PathBuf,
    /// The slot that is made or replaced, by its label.
    pub label: String,
    /// Who can open the new slot.
    pub policy: Option<Policy>,
    /// How the root key is wrapped.
    pub suite: Suite,
    /// The backup that `recovery` starts from.
    pub backup: Option<PathBuf>,
    /// The public slot file that `share-check` holds shares against.
    pub slot_file: Option<PathBuf>,
    /// Who asked for it.
    pub requested_by: Option<String>,
    /// Between dealing and commit, in seconds.
    pub cooling_off: u64,
    /// The SHA-256 that the program must have.
    pub software: Option<[u8; 32]>,
    /// The key that signs the transcript at the end.
    pub transcript: Option<SigningKey>,
    /// What lies on the table: machines, tokens, sealed bags, by serial number.
    pub devices: Vec<String>,
    /// What is allowed although it is unsafe.
    pub allow: BTreeSet<Allowance>,
    /// Everybody who must come.
    pub people: Vec<Person>,
    /// The steps, in order.
    pub steps: Vec<Step>,
    /// The sections `[hsm.NAME]`, in the words of a configuration file.
    pub hsm: toml::Table,
    hash: [u8; 32],
}

impl Plan {
    /// Reads a plan and holds it against itself.
    ///
    /// # Errors
    ///
    /// [`PlanError`] names the first word that is wrong, and the line where there is one.
    pub fn parse(text: &str) -> Result<Self, PlanError> {
        file::parse(text, Sha256::digest(text.as_bytes()).into())
    }

    /// The SHA-256 of the file's bytes: what everybody compares before the ceremony begins.
    pub fn hash(&self) -> [u8; 32] {
        self.hash
    }

    /// The people with this role, in the order of the plan.
    pub fn with_role(&self, role: Role) -> impl Iterator<Item = &Person> {
        self.people.iter().filter(move |person| person.is(role))
    }

    /// Who gets the share of this group and index: custodians take the indexes of their group in the order of the plan.
    pub fn custodian(&self, group: Option<&str>, index: u8) -> Option<&Person> {
        let mut of_group = self.with_role(Role::Custodian).filter(|person| person.group.as_deref() == group);
        of_group.nth(usize::from(index.checked_sub(1)?))
    }

    /// The person of this name.
    pub fn person(&self, name: &str) -> Option<&Person> {
        self.people.iter().find(|person| person.name == name)
    }

    /// Those who co-sign the transcript, in the order of the plan.
    pub fn signers(&self) -> impl Iterator<Item = (&Person, &SigningKey)> {
        self.people.iter().filter_map(|person| Some((person, person.signing.as_ref()?)))
    }

    /// The sections `[hsm.NAME]` as a configuration file of their own; empty where there are none.
    pub fn hsm_configuration(&self) -> String {
        let mut file = toml::Table::new();
        if !self.hsm.is_empty() {
            file.insert("hsm".to_owned(), toml::Value::Table(self.hsm.clone()));
        }
        file.to_string()
    }
}

/// The version of the plan file that this program reads.
pub const VERSION: u32 = 1;
