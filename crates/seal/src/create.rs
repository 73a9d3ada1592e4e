//! Making a slot and its shares.

use std::fmt;

use strongroom_crypto::hpke::Suite;
use strongroom_crypto::random::{self, RandomnessError};
use strongroom_crypto::record::StoreId;
use strongroom_crypto::secret::{Secret, SecretBytes, SecretError};
use strongroom_shamir::text::ShareText;
use strongroom_shamir::{Share, SplitError, split};

use crate::binding::{self, KeyError, SlotKeys};
use crate::hsm::{self, HsmKeys, HsmPartError, SECRET_LEN};
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

/// Makes a slot with a fresh secret, which exists only in the shares and in what HSMs wrapped once this returns.
///
/// The parts have been put together again before they are handed out: every share took part in a quorum, and every HSM
/// unwrapped what it had wrapped, and that gave the slot's keys again. `created` is in seconds since 1970. With keys of an
/// HSM in the policy this blocks for as long as the token takes; without, `hsm` is never called.
///
/// # Errors
///
/// [`CreateError::Label`] is the caller's, [`CreateError::Hsm`] an HSM's; the others mean that the machine gives no
/// randomness or no memory for secrets, or fails to compute. In no case has anything been made that must be undone.
pub fn create(
    store: StoreId,
    label: &str,
    policy: Policy,
    suite: Suite,
    created: u64,
    hsm: &dyn HsmKeys,
) -> Result<NewSlot, CreateError> {
    name::check_label(label).map_err(CreateError::Label)?;
    let id = SlotId::new(random::array()?);
    let parts = policy.members().iter().map(|_| Secret::random()).collect::<Result<Vec<Secret<32>>, _>>()?;
    let mut hand = Hand::new();
    for (part, secret) in policy.members().iter().zip(&parts) {
        deal(part, secret, &mut hand)?;
    }
    let wrapped = wrap_parts(store, id, label, &policy, &parts, hsm, &mut hand)?;
    let keys = SlotKeys::derive(store, id, &policy, suite, &joined(&parts)?)?;
    let agreed = hand.agreed_secret(&policy).map_err(CreateError::from)?;
    let again = SlotKeys::derive(store, id, &policy, suite, &agreed)?;
    if !again.psk.ct_eq(&keys.psk) || again.pair.public_key() != keys.pair.public_key() {
        return Err(CreateError::SelfCheck);
    }
    let shares = hand.into_shares();
    let commit = |(group, share): &(u8, Share)| {
        binding::commitment(store, id, *group, share.index().get(), share.y().expose())
    };
    let mut commitments: Vec<_> =
        if policy.is_committed() { shares.iter().map(commit).collect() } else { Vec::new() };
    let hsm_parts = policy.members().iter().zip(&parts).filter(|(part, _)| matches!(part, Policy::Hsm(_)));
    commitments.extend(
        (1..=u8::MAX)
            .zip(hsm_parts)
            .map(|(number, (_, secret))| binding::hsm_commitment(store, id, number, secret.expose())),
    );
    let public_key = keys.pair.public_key().to_vec();
    let thresholds: Vec<u8> = shares
        .iter()
        .filter_map(|(group, _)| policy.leaf(*group))
        .map(|leaf| leaf.quorum.threshold())
        .collect();
    let header =
        Header { id, created, label: label.to_owned(), suite, policy, public_key, commitments, hsm: wrapped };
    let slot = Slot::pending(store, header);
    let set = slot.set_id();
    let shares = shares.into_iter().zip(thresholds);
    let shares =
        shares.map(|((group, share), threshold)| ShareText { set, group, threshold, share }).collect();
    Ok(NewSlot { slot, psk: keys.psk, shares })
}

/// Has every HSM of the policy wrap its part, and takes into the hand what each unwraps again.
fn wrap_parts(
    store: StoreId,
    id: SlotId,
    label: &str,
    policy: &Policy,
    parts: &[Secret<32>],
    hsm: &dyn HsmKeys,
    hand: &mut Hand,
) -> Result<Vec<Vec<u8>>, CreateError> {
    let mut wrapped = Vec::new();
    let members = policy.members().iter().zip(parts);
    let keys = members.filter_map(|(part, secret)| match part {
        Policy::Hsm(key) => Some((key, secret)),
        _ => None,
    });
    for (number, (key, secret)) in (1..=u8::MAX).zip(keys) {
        let context = binding::hsm_context(store, id, number, policy);
        let secret = SecretBytes::copy_from_slice(secret.expose())?;
        let (sealed, again) = hsm::wrap(hsm, key, label, &secret, &context).map_err(CreateError::Hsm)?;
        hand.take_hsm(number, again);
        wrapped.push(sealed);
    }
    Ok(wrapped)
}

fn joined(parts: &[Secret<32>]) -> Result<SecretBytes, SecretError> {
    let mut secret = SecretBytes::zeroed(parts.len().saturating_mul(SECRET_LEN))?;
    for (part, place) in parts.iter().zip(secret.expose_mut().chunks_exact_mut(SECRET_LEN)) {
        place.copy_from_slice(part.expose());
    }
    Ok(secret)
}

/// Splits the secret of one part as the policy says.
fn deal(policy: &Policy, secret: &Secret<32>, hand: &mut Hand) -> Result<(), CreateError> {
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
        // Nobody holds shares of these.
        Policy::Hsm(_) | Policy::All { .. } => {}
    }
    Ok(())
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
    /// An HSM did not wrap its part, or not rightly.
    Hsm(HsmPartError),
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
            Self::Hsm(error) => error.fmt(f),
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
            Self::Hsm(error) => Some(error),
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
