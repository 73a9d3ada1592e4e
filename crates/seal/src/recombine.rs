//! From shares and HSMs to a slot's secret, through one level of sharing or two.

use std::num::NonZeroU8;

use strongroom_crypto::secret::{SecretBytes, SecretError};
use strongroom_shamir::{CombineError, Share, combine};

use crate::hsm::SECRET_LEN;
use crate::policy::{Leaf, Policy};

/// What has come together for one slot: shares, each with the number of its group, and what HSMs gave. Wiped on drop.
pub(crate) struct Hand {
    shares: Vec<(u8, Share)>,
    hsm: Vec<(u8, SecretBytes)>,
}

impl Hand {
    pub(crate) fn new() -> Self {
        Self { shares: Vec::new(), hsm: Vec::new() }
    }

    /// Takes a share that has been checked, and that is not [held](Self::holds) yet.
    pub(crate) fn take(&mut self, group: u8, share: Share) {
        self.shares.push((group, share));
    }

    /// Takes what an HSM gave for the part of this number, which has been checked.
    pub(crate) fn take_hsm(&mut self, number: u8, secret: SecretBytes) {
        if !self.holds_hsm(number) {
            self.hsm.push((number, secret));
        }
    }

    /// Whether the HSM part of this number, counted from 1 in the order of the policy, is here.
    pub(crate) fn holds_hsm(&self, number: u8) -> bool {
        self.hsm.iter().any(|(held, _)| *held == number)
    }

    pub(crate) fn holds(&self, group: u8, index: u8) -> bool {
        self.of_group(group).any(|share| share.index().get() == index)
    }

    /// How many shares of a group are here.
    pub(crate) fn count(&self, group: u8) -> usize {
        self.of_group(group).count()
    }

    /// Whether enough shares of one sharing are here.
    pub(crate) fn meets(&self, leaf: Leaf<'_>) -> bool {
        self.count(leaf.group) >= usize::from(leaf.quorum.threshold())
    }

    /// Whether the policy is met.
    pub(crate) fn opens(&self, policy: &Policy) -> bool {
        self.has_quorum(policy) && self.has_hsms(policy)
    }

    /// Whether enough shares are here; so it is where none are needed.
    pub(crate) fn has_quorum(&self, policy: &Policy) -> bool {
        policy.leaves().filter(|leaf| self.meets(*leaf)).count() >= required(policy)
    }

    /// Whether every HSM has given its part.
    pub(crate) fn has_hsms(&self, policy: &Policy) -> bool {
        (1..=u8::MAX).zip(policy.hsm_keys()).all(|(number, _)| self.holds_hsm(number))
    }

    /// The secret, from as many shares as are needed.
    pub(crate) fn secret(&self, policy: &Policy) -> Result<SecretBytes, RecombineError> {
        self.joined(policy, |sharing| self.shared(sharing))
    }

    /// The secret, once all shares of the policy are here: each of them takes part in some quorum, and all those quorums
    /// must agree.
    pub(crate) fn agreed_secret(&self, policy: &Policy) -> Result<SecretBytes, RecombineError> {
        self.joined(policy, |sharing| self.agreed_share(sharing))
    }

    /// The secrets of all parts of a policy, joined in its order.
    fn joined(
        &self,
        policy: &Policy,
        shared: impl Fn(&Policy) -> Result<SecretBytes, RecombineError>,
    ) -> Result<SecretBytes, RecombineError> {
        let mut numbers = 1..=u8::MAX;
        let mut secret = SecretBytes::zeroed(policy.members().len().saturating_mul(SECRET_LEN))?;
        for (member, place) in policy.members().iter().zip(secret.expose_mut().chunks_exact_mut(SECRET_LEN)) {
            let combined;
            let part = if let Policy::Hsm(_) = member {
                let number = numbers.next();
                let held = self.hsm.iter().find(|(held, _)| Some(*held) == number);
                &held.ok_or(RecombineError::Inconsistent)?.1
            } else {
                combined = shared(member)?;
                &combined
            };
            if part.len() != place.len() {
                return Err(RecombineError::Inconsistent);
            }
            place.copy_from_slice(part.expose());
        }
        Ok(secret)
    }

    fn shared(&self, sharing: &Policy) -> Result<SecretBytes, RecombineError> {
        let enough = |leaf: Leaf<'_>| {
            let shares: Vec<&Share> =
                self.of_group(leaf.group).take(leaf.quorum.threshold().into()).collect();
            combine(&shares).map_err(RecombineError::from)
        };
        let Policy::Groups { required, .. } = sharing else {
            return sharing.leaf(0).map_or(Err(RecombineError::Inconsistent), enough);
        };
        let groups = sharing.leaves().filter(|leaf| self.meets(*leaf)).take(usize::from(*required));
        let groups = groups.map(|leaf| group_share(leaf, enough(leaf)?)).collect::<Result<Vec<_>, _>>()?;
        if groups.len() < usize::from(*required) {
            return Err(RecombineError::Inconsistent);
        }
        Ok(combine(&groups.iter().collect::<Vec<_>>())?)
    }

    fn agreed_share(&self, sharing: &Policy) -> Result<SecretBytes, RecombineError> {
        let all = |leaf: Leaf<'_>| {
            let shares: Vec<&Share> = self.of_group(leaf.group).collect();
            agreed(leaf.quorum.threshold(), &shares)
        };
        let Policy::Groups { required, .. } = sharing else {
            return sharing.leaf(0).map_or(Err(RecombineError::Inconsistent), all);
        };
        let groups =
            sharing.leaves().map(|leaf| group_share(leaf, all(leaf)?)).collect::<Result<Vec<_>, _>>()?;
        agreed(*required, &groups.iter().collect::<Vec<_>>())
    }

    /// The shares, in the order in which they came.
    pub(crate) fn into_shares(self) -> Vec<(u8, Share)> {
        self.shares
    }

    fn of_group(&self, group: u8) -> impl Iterator<Item = &Share> {
        self.shares.iter().filter(move |(of, _)| *of == group).map(|(_, share)| share)
    }
}

/// Why shares give no secret.
#[derive(Debug)]
pub(crate) enum RecombineError {
    /// There are too few of them, or different quorums give different secrets.
    Inconsistent,
    /// Memory for secrets could not be had.
    Secret(SecretError),
}

impl From<CombineError> for RecombineError {
    fn from(error: CombineError) -> Self {
        match error {
            CombineError::Memory(error) => Self::Secret(error),
            _ => Self::Inconsistent,
        }
    }
}

impl From<SecretError> for RecombineError {
    fn from(error: SecretError) -> Self {
        Self::Secret(error)
    }
}

/// How many of a policy's sharings are needed.
pub(crate) fn required(policy: &Policy) -> usize {
    match policy.sharing() {
        Some(Policy::Groups { required, .. }) => usize::from(*required),
        Some(_) => 1,
        None => 0,
    }
}

fn group_share(leaf: Leaf<'_>, y: SecretBytes) -> Result<Share, RecombineError> {
    // A group's number counts from 1, and is the x of its share.
    let number = NonZeroU8::new(leaf.group).ok_or(RecombineError::Inconsistent)?;
    Ok(Share::new(number, y))
}

/// Quorums side by side, and one more for what is left over at the end, cover every share.
fn agreed(threshold: u8, shares: &[&Share]) -> Result<SecretBytes, RecombineError> {
    let threshold = usize::from(threshold);
    let mut quorums = shares.chunks_exact(threshold).chain(shares.rchunks_exact(threshold).take(1));
    let first = combine(quorums.next().ok_or(RecombineError::Inconsistent)?)?;
    for quorum in quorums {
        if !combine(quorum)?.ct_eq(&first) {
            return Err(RecombineError::Inconsistent);
        }
    }
    Ok(first)
}
