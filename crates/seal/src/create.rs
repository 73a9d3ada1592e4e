//! Making a slot and its shares.

use std::fmt;

use strongroom_crypto::hpke::Suite;
use strongroom_crypto::random::{self, RandomnessError};
use strongroom_crypto::record::StoreId;
use strongroom_crypto::secret::{Secret, SecretError};
use strongroom_shamir::text::ShareText;
use strongroom_shamir::{Share, SplitError, split};

use crate::binding::{self, KeyError, SlotKeys};
use crate::name::{self, NameError};
use crate::policy::Policy;
use crate::recombine::{Hand, RecombineError};
use crate::slot::{Header, Slot, SlotId};

/// A slot that nobody knows of yet.
pub struct NewSlot {
    /// The slot, pending.
    pub slot: Slot,
    /// What the running store wraps root keys for this slot with: for the keyring.
    pub psk: Secret<32>,
    /// One share for each holder, in the order of the policy's groups and then of the indexes. They exist nowhere else.
    pub shares: Vec<ShareText>,
}

/// Makes a slot with a fresh secret, which exists only in the shares once this returns.
///
/// The shares have been recombined before they are handed out: every one of them took part in a quorum that gave the slot's
/// keys again. `created` is in seconds since 1970.
///
/// # Errors
///
/// [`CreateError::Label`] is the caller's; the others mean that the machine gives no randomness or no memory for
/// secrets, or fails to compute. In no case has anything been made that must be undone.
pub fn create(
    store: StoreId,
    label: &str,
    policy: Policy,
    suite: Suite,
    created: u64,
) -> Result<NewSlot, CreateError> {
    name::check_label(label).map_err(CreateError::Label)?;
    let id = SlotId::new(random::array()?);
    let secret = Secret::<32>::random()?;
    let hand = deal(&policy, &secret)?;
    let keys = SlotKeys::derive(store, id, &policy, suite, &secret)?;
    let agreed = hand.agreed_secret(&policy).map_err(CreateError::from)?;
    let again = SlotKeys::derive(store, id, &policy, suite, &agreed)?;
    if !again.psk.ct_eq(&keys.psk) || again.pair.public_key() != keys.pair.public_key() {
        return Err(CreateError::SelfCheck);
    }
    let shares = hand.into_shares();
    let commit = |(group, share): &(u8, Share)| {
        binding::commitment(store, id, *group, share.index().get(), share.y().expose())
    };
    let commitments = if policy.is_committed() { shares.iter().map(commit).collect() } else { Vec::new() };
    let public_key = keys.pair.public_key().to_vec();
    let thresholds: Vec<u8> = shares
        .iter()
        .filter_map(|(group, _)| policy.leaf(*group))
        .map(|leaf| leaf.quorum.threshold())
        .collect();
    let slot = Slot::pending(
        store,
        Header { id, created, label: label.to_owned(), suite, policy, public_key, commitments },
    );
    let set = slot.set_id();
    let shares = shares.into_iter().zip(thresholds);
    let shares =
        shares.map(|((group, share), threshold)| ShareText { set, group, threshold, share }).collect();
    Ok(NewSlot { slot, psk: keys.psk, shares })
}

/// Splits the secret as the policy says.
fn deal(policy: &Policy, secret: &Secret<32>) -> Result<Hand, CreateError> {
    let mut hand = Hand::new();
    let mut deal_leaf = |group: u8, secret: &[u8], threshold: u8, shares: u8| {
        for share in split(secret, threshold, shares)? {
            hand.take(group, share);
        }
        Ok::<(), SplitError>(())
    };
    match policy {
        Policy::Shamir(quorum) => deal_leaf(0, secret.expose(), quorum.threshold(), quorum.shares())?,
        Policy::Groups { required, .. } => {
            let count = u8::try_from(policy.leaves().count()).unwrap_or(u8::MAX);
            let group_shares = split(secret.expose(), *required, count)?;
            for (leaf, share) in policy.leaves().zip(&group_shares) {
                // The group's number is the x of its share, by which recombining finds it again.
                if share.index().get() != leaf.group {
                    return Err(CreateError::SelfCheck);
                }
                deal_leaf(leaf.group, share.y().expose(), leaf.quorum.threshold(), leaf.quorum.shares())?;
            }
        }
    }
    Ok(hand)
}

/// Why no slot was made.
#[derive(Debug)]
pub enum CreateError {
    /// The label is refused.
    Label(NameError),
    /// The operating system gives no randomness.
    Randomness(RandomnessError),
    /// Memory for secrets could not be had.
    Secret(SecretError),
    /// The secret could not be split.
    Split(SplitError),
    /// The slot's keys could not be derived.
    Keys(KeyError),
    /// The shares did not give the slot's keys again: the machine computes wrongly.
    SelfCheck,
}

impl fmt::Display for CreateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("no slot was made: ")?;
        match self {
            Self::Label(error) => write!(f, "the label is refused: {error}"),
            Self::Randomness(error) => error.fmt(f),
            Self::Secret(error) => error.fmt(f),
            Self::Split(error) => error.fmt(f),
            Self::Keys(error) => error.fmt(f),
            Self::SelfCheck => f.write_str(
                "its shares did not give its keys again when they were tried. Do not trust this machine with keys",
            ),
        }
    }
}

impl std::error::Error for CreateError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Label(error) => Some(error),
            Self::Randomness(error) => Some(error),
            Self::Secret(error) => Some(error),
            Self::Split(error) => Some(error),
            Self::Keys(error) => Some(error),
            Self::SelfCheck => None,
        }
    }
}

impl From<RandomnessError> for CreateError {
    fn from(error: RandomnessError) -> Self {
        Self::Randomness(error)
    }
}

impl From<SecretError> for CreateError {
    fn from(error: SecretError) -> Self {
        Self::Secret(error)
    }
}

impl From<SplitError> for CreateError {
    fn from(error: SplitError) -> Self {
        Self::Split(error)
    }
}

impl From<KeyError> for CreateError {
    fn from(error: KeyError) -> Self {
        Self::Keys(error)
    }
}

impl From<RecombineError> for CreateError {
    fn from(error: RecombineError) -> Self {
        match error {
            RecombineError::Secret(error) => Self::Secret(error),
            RecombineError::Inconsistent => Self::SelfCheck,
        }
    }
}
