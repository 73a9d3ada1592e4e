//! The steps that a plan lists.

use std::fmt;

use super::Kind;

/// One step of a ceremony.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Step {
    /// The plan's hash is compared, people and devices are checked off.
    Open,
    /// Software, swap, core dumps and debuggers are looked at.
    Environment,
    /// Those who may do so approve.
    Approve,
    /// Holders bring shares of the present set, and the store opens.
    Unseal,
    /// The keys in HSMs wrap the slot's parts anew.
    Rotate,
    /// New shares are made.
    Deal,
    /// Each share goes to its custodian.
    HandOut,
    /// Each custodian acknowledges the duties that come with a share.
    Acknowledge,
    /// Time in which somebody may object.
    CoolOff,
    /// Every custodian shows that the share is there and right.
    Prove,
    /// What was prepared becomes so, in one commit.
    Commit,
    /// What still lies under old keys is sealed anew.
    Rewrap,
    /// Everything is read and checked.
    Check,
    /// Each holder's share is held against the slot file.
    CheckShares,
    /// The backup's seal and every record are checked; nothing is written.
    Verify,
    /// The store is written out of the backup.
    Restore,
    /// The store is named once more, by its number.
    Confirm,
    /// The store is removed.
    Destroy,
    /// The public slot file is written.
    Export,
    /// The end.
    Close,
}

impl Step {
    /// All steps.
    pub const ALL: [Self; 20] = [
        Self::Open,
        Self::Environment,
        Self::Approve,
        Self::Unseal,
        Self::Rotate,
        Self::Deal,
        Self::HandOut,
        Self::Acknowledge,
        Self::CoolOff,
        Self::Prove,
        Self::Commit,
        Self::Rewrap,
        Self::Check,
        Self::CheckShares,
        Self::Verify,
        Self::Restore,
        Self::Confirm,
        Self::Destroy,
        Self::Export,
        Self::Close,
    ];

    /// The word in a plan.
    pub fn word(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Environment => "environment",
            Self::Approve => "approve",
            Self::Unseal => "unseal",
            Self::Rotate => "rotate",
            Self::Deal => "deal",
            Self::HandOut => "hand-out",
            Self::Acknowledge => "acknowledge",
            Self::CoolOff => "cool-off",
            Self::Prove => "prove",
            Self::Commit => "commit",
            Self::Rewrap => "rewrap",
            Self::Check => "check",
            Self::CheckShares => "check-shares",
            Self::Verify => "verify",
            Self::Restore => "restore",
            Self::Confirm => "confirm",
            Self::Destroy => "destroy",
            Self::Export => "export",
            Self::Close => "close",
        }
    }

    /// The step of this word.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|step| step.word() == word)
    }

    /// What happens, in plain words.
    pub fn explained(self) -> &'static str {
        match self {
            Self::Open => {
                "The plan's hash is compared with the printed one; people and devices are checked off."
            }
            Self::Environment => "The program shows its hash; swap, core dumps and debuggers are looked for.",
            Self::Approve => "Each approver answers yes or no; the requester alone is not enough.",
            Self::Unseal => {
                "Holders bring shares of the present set until there are enough, and the store opens."
            }
            Self::Rotate => {
                "The HSM wraps its part of the slot with its new key; the shares stay as they are."
            }
            Self::Deal => "New shares are made. They open nothing yet.",
            Self::HandOut => {
                "Each custodian gets one share, in the way that the plan says, and nobody sees another's."
            }
            Self::Acknowledge => "Each custodian confirms to have the share and to know the duties.",
            Self::CoolOff => "Time passes in which anybody may object; the present shares work meanwhile.",
            Self::Prove => {
                "After a cooling-off time holders first bring the present shares again, since the store opens anew. Then every \
                 custodian enters the new share once, so that all of them are known to be good."
            }
            Self::Commit => "The change is made, in one commit. Before it, everything is as it was.",
            Self::Rewrap => "What lies under old keys is sealed under the new ones.",
            Self::Check => "Everything in the store is read and checked.",
            Self::CheckShares => {
                "Each holder enters the share alone; it is held against the public slot file."
            }
            Self::Verify => "The whole backup is checked; nothing is written yet.",
            Self::Restore => {
                "The store is written out of the backup, beside its place, and moved there at the end."
            }
            Self::Confirm => "The store's number is typed, so that the right one is destroyed.",
            Self::Destroy => {
                "The store's files are removed. Copies elsewhere are listed for those who hold them."
            }
            Self::Export => "The public slot file is written, which holders need for the yearly check.",
            Self::Close => "What was done is read out, and the ceremony ends.",
        }
    }

    /// Whether a plan may leave it out.
    pub fn is_optional(self) -> bool {
        matches!(self, Self::Acknowledge | Self::Rewrap | Self::Check | Self::CoolOff)
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

pub(super) fn of(kind: Kind) -> &'static [Step] {
    match kind {
        Kind::Create => CREATE,
        Kind::Unseal => UNSEAL,
        Kind::ShareCheck => SHARE_CHECK,
        Kind::Rekey | Kind::SealChange => REPLACE,
        Kind::HsmKey => HSM_KEY,
        Kind::Recovery => RECOVERY,
        Kind::Destruction => DESTRUCTION,
    }
}

const CREATE: &[Step] = &[
    Step::Open,
    Step::Environment,
    Step::Deal,
    Step::HandOut,
    Step::Acknowledge,
    Step::Commit,
    Step::Export,
    Step::Close,
];
const UNSEAL: &[Step] = &[Step::Open, Step::Environment, Step::Unseal, Step::Check, Step::Close];
const SHARE_CHECK: &[Step] = &[Step::Open, Step::Environment, Step::CheckShares, Step::Close];
const REPLACE: &[Step] = &[
    Step::Open,
    Step::Environment,
    Step::Approve,
    Step::Unseal,
    Step::Deal,
    Step::HandOut,
    Step::Acknowledge,
    Step::CoolOff,
    Step::Prove,
    Step::Commit,
    Step::Rewrap,
    Step::Export,
    Step::Close,
];
const HSM_KEY: &[Step] = &[
    Step::Open,
    Step::Environment,
    Step::Approve,
    Step::Unseal,
    Step::Rotate,
    Step::Check,
    Step::Export,
    Step::Close,
];
const RECOVERY: &[Step] =
    &[Step::Open, Step::Environment, Step::Unseal, Step::Verify, Step::Restore, Step::Export, Step::Close];
const DESTRUCTION: &[Step] =
    &[Step::Open, Step::Environment, Step::Approve, Step::Unseal, Step::Confirm, Step::Destroy, Step::Close];
