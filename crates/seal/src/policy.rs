//! Who must come together to open a slot.

mod encoding;
mod hsm;
mod parse;

use std::collections::HashSet;
use std::fmt;

pub use crate::name::{MAX_NAME, NameError};
pub use encoding::DecodeError;
pub use hsm::HsmKey;
pub use parse::ParseError;

use crate::name;

/// Some of several share holders: `3 of 5`. Always 1 ≤ threshold ≤ shares.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Quorum {
    threshold: u8,
    shares: u8,
}

impl Quorum {
    /// `threshold` of `shares`.
    ///
    /// # Errors
    ///
    /// [`PolicyError::NoThreshold`] and [`PolicyError::ThresholdAboveShares`].
    pub fn new(threshold: u8, shares: u8) -> Result<Self, PolicyError> {
        if threshold == 0 {
            return Err(PolicyError::NoThreshold);
        }
        if threshold > shares {
            return Err(PolicyError::ThresholdAboveShares { threshold, shares });
        }
        Ok(Self { threshold, shares })
    }

    /// How many shares are enough.
    pub fn threshold(self) -> u8 {
        self.threshold
    }

    /// How many shares there are.
    pub fn shares(self) -> u8 {
        self.shares
    }
}

impl fmt::Display for Quorum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of {}", self.threshold, self.shares)
    }
}

/// Share holders who act under one name.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Group {
    name: String,
    quorum: Quorum,
}

impl Group {
    /// A group of this name.
    ///
    /// # Errors
    ///
    /// [`PolicyError::GroupName`] when the name is empty, too long or has characters that it may not have.
    pub fn new(name: &str, quorum: Quorum) -> Result<Self, PolicyError> {
        name::check_group(name).map_err(PolicyError::GroupName)?;
        Ok(Self { name: name.to_owned(), quorum })
    }

    /// What people call it.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// How many of its holders must come.
    pub fn quorum(&self) -> Quorum {
        self.quorum
    }
}

/// Who must come together to open a slot.
///
/// The text form ([`Display`](fmt::Display) and [`FromStr`](std::str::FromStr)) is
/// `shamir(3 of 5)`, `groups(2 of {security: 2 of 3, operations: 1 of 2})`, `hsm(token, key)` or
/// `all(shamir(3 of 5), hsm(token, key))`; `3 of 5` and `3/5` are read too.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Policy {
    /// Some of several share holders.
    Shamir(Quorum),
    /// Some of several groups, each with a quorum of its own. Made by [`Policy::groups`], which checks it.
    #[non_exhaustive]
    Groups {
        /// How many groups are enough: from 1 to their number.
        required: u8,
        /// The groups, from 1 to 255 of them, with distinct names.
        groups: Vec<Group>,
    },
    /// A key in an HSM, which needs no person.
    Hsm(HsmKey),
    /// All of these together; none of them alone says anything. Made by [`Policy::all`], which checks it.
    #[non_exhaustive]
    All {
        /// From 2 to [`MAX_MEMBERS`] policies, none of this kind; one of them at most has shares, and no key comes twice.
        members: Vec<Policy>,
    },
}

impl Policy {
    /// `threshold` of `shares` holders.
    ///
    /// # Errors
    ///
    /// As [`Quorum::new`].
    pub fn shamir(threshold: u8, shares: u8) -> Result<Self, PolicyError> {
        Quorum::new(threshold, shares).map(Self::Shamir)
    }

    /// `required` of these groups.
    ///
    /// # Errors
    ///
    /// [`PolicyError`] when there are no groups or more than 255, fewer than required, two of one name, or names that are too
    /// long in all.
    pub fn groups(required: u8, groups: Vec<Group>) -> Result<Self, PolicyError> {
        let count = u8::try_from(groups.len()).map_err(|_| PolicyError::TooManyGroups)?;
        if count == 0 {
            return Err(PolicyError::NoGroups);
        }
        if required == 0 {
            return Err(PolicyError::NoThreshold);
        }
        if required > count {
            return Err(PolicyError::RequiredAboveGroups { required, groups: count });
        }
        let mut names = HashSet::new();
        if let Some(repeated) = groups.iter().find(|group| !names.insert(group.name())) {
            return Err(PolicyError::RepeatedGroup { name: repeated.name.clone() });
        }
        let names: usize = groups.iter().map(|group| group.name.len()).sum();
        if names > MAX_NAMES {
            return Err(PolicyError::NamesTooLong);
        }
        Ok(Self::Groups { required, groups })
    }

    /// All of these policies together, in this order.
    ///
    /// # Errors
    ///
    /// [`PolicyError`] when there are fewer than two or more than [`MAX_MEMBERS`], when one is of this kind itself, when
    /// two have shares (make them groups), or when one key comes twice.
    pub fn all(members: Vec<Self>) -> Result<Self, PolicyError> {
        if members.len() < 2 || members.len() > MAX_MEMBERS {
            return Err(PolicyError::Members { members: members.len() });
        }
        if members.iter().any(|member| matches!(member, Self::All { .. })) {
            return Err(PolicyError::Nested);
        }
        if members.iter().filter(|member| member.sharing().is_some()).count() > 1 {
            return Err(PolicyError::TwoSharings);
        }
        let mut keys = HashSet::new();
        if let Some(key) = members.iter().flat_map(Self::hsm_keys).find(|key| !keys.insert(*key)) {
            return Err(PolicyError::RepeatedKey(key.clone()));
        }
        Ok(Self::All { members })
    }

    /// The part of the policy whose shares people hold, if there is one.
    pub fn sharing(&self) -> Option<&Self> {
        match self {
            Self::Shamir(_) | Self::Groups { .. } => Some(self),
            Self::Hsm(_) => None,
            Self::All { .. } => self.members().iter().find(|member| member.sharing().is_some()),
        }
    }

    /// The keys in HSMs that are needed, in the order of the policy.
    pub fn hsm_keys(&self) -> impl Iterator<Item = &HsmKey> {
        self.members().iter().filter_map(|member| match member {
            Self::Hsm(key) => Some(key),
            _ => None,
        })
    }

    /// What must come together: the parts of `all(…)`, and of any other policy the policy itself.
    pub(crate) fn members(&self) -> &[Self] {
        match self {
            Self::All { members } => members,
            _ => std::slice::from_ref(self),
        }
    }

    /// How many shares there are in all.
    pub fn total_shares(&self) -> usize {
        self.leaves().map(|leaf| usize::from(leaf.quorum.shares)).sum()
    }

    /// The sharings whose shares people hold, in the order of their commitments.
    pub fn leaves(&self) -> impl Iterator<Item = Leaf<'_>> {
        let (plain, groups) = match self.sharing() {
            Some(Self::Shamir(quorum)) => {
                (Some(Leaf { group: 0, name: None, quorum: *quorum }), [].as_slice())
            }
            Some(Self::Groups { groups, .. }) => (None, groups.as_slice()),
            _ => (None, [].as_slice()),
        };
        let numbered = (1..=u8::MAX).zip(groups);
        plain.into_iter().chain(numbered.map(|(number, group)| Leaf {
            group: number,
            name: Some(group.name()),
            quorum: group.quorum,
        }))
    }

    /// The sharing of this group number; 0 where there are no groups.
    pub fn leaf(&self, group: u8) -> Option<Leaf<'_>> {
        self.leaves().find(|leaf| leaf.group == group)
    }

    /// Whether shares have commitments: all but those of a plain `1 of n`, each of which is the secret itself.
    pub fn is_committed(&self) -> bool {
        !matches!(self, Self::Shamir(quorum) if quorum.threshold == 1)
    }

    /// How many commitments there are: those of the shares, then one for each key in an HSM.
    pub(crate) fn commitments(&self) -> usize {
        let shares = if self.is_committed() { self.total_shares() } else { 0 };
        shares + self.hsm_keys().count()
    }

    /// Where the commitment of a share stands among the slot's.
    pub(crate) fn seat(&self, group: u8, index: u8) -> Option<usize> {
        let before: usize = self
            .leaves()
            .take_while(|leaf| leaf.group != group)
            .map(|leaf| usize::from(leaf.quorum.shares))
            .sum();
        let leaf = self.leaf(group)?;
        let place = index.checked_sub(1).filter(|_| index <= leaf.quorum.shares)?;
        before.checked_add(usize::from(place))
    }
}

/// One sharing of a policy whose shares people hold: the only one, or a group's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Leaf<'a> {
    /// The group's number, counted from 1; 0 where there are no groups.
    pub group: u8,
    /// The group's name.
    pub name: Option<&'a str>,
    /// How many of its holders must come.
    pub quorum: Quorum,
}

impl fmt::Display for Policy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Shamir(quorum) => write!(f, "shamir({quorum})"),
            Self::Groups { required, groups } => {
                write!(f, "groups({required} of {{")?;
                for (place, group) in groups.iter().enumerate() {
                    let separator = if place == 0 { "" } else { ", " };
                    write!(f, "{separator}{}: {}", group.name, group.quorum)?;
                }
                f.write_str("})")
            }
            Self::Hsm(key) => key.fmt(f),
            Self::All { members } => {
                f.write_str("all(")?;
                for (place, member) in members.iter().enumerate() {
                    let separator = if place == 0 { "" } else { ", " };
                    write!(f, "{separator}{member}")?;
                }
                f.write_str(")")
            }
        }
    }
}

/// Why numbers or names make no policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PolicyError {
    /// A threshold of 0 would let nobody open the slot.
    NoThreshold,
    /// More shares would be needed than there are.
    ThresholdAboveShares {
        /// How many would be needed.
        threshold: u8,
        /// How many there would be.
        shares: u8,
    },
    /// There are no groups.
    NoGroups,
    /// There are more than 255 groups.
    TooManyGroups,
    /// More groups would be needed than there are.
    RequiredAboveGroups {
        /// How many would be needed.
        required: u8,
        /// How many there would be.
        groups: u8,
    },
    /// Two groups have one name.
    RepeatedGroup {
        /// That name.
        name: String,
    },
    /// The names of all groups together have more bytes than [`MAX_NAMES`].
    NamesTooLong,
    /// A group's name is refused.
    GroupName(NameError),
    /// The name of a token or of its key is refused.
    HsmName(NameError),
    /// `all(…)` has fewer than two members or more than [`MAX_MEMBERS`].
    Members {
        /// How many it has.
        members: usize,
    },
    /// `all(…)` stands within `all(…)`.
    Nested,
    /// Two members of `all(…)` have shares.
    TwoSharings,
    /// Two members of `all(…)` are this key.
    RepeatedKey(HsmKey),
}

impl fmt::Display for PolicyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoThreshold => f.write_str("a threshold is at least 1"),
            Self::ThresholdAboveShares { threshold, shares } => {
                write!(
                    f,
                    "the threshold {threshold} is above the number of shares, {shares}: nobody could open it"
                )
            }
            Self::NoGroups => f.write_str("a policy of groups needs at least one group"),
            Self::TooManyGroups => f.write_str("a policy has at most 255 groups"),
            Self::RequiredAboveGroups { required, groups } => {
                write!(f, "{required} groups are required, but there are {groups}: nobody could open it")
            }
            Self::RepeatedGroup { name } => {
                write!(f, "two groups are called \"{name}\": give each a name of its own")
            }
            Self::NamesTooLong => {
                write!(f, "the names of all groups together have at most {MAX_NAMES} bytes: shorten them")
            }
            Self::GroupName(error) => write!(f, "a group's name is refused: {error}"),
            Self::HsmName(error) => write!(f, "the name of a token or of its key is refused: {error}"),
            Self::Members { members } => {
                write!(f, "all(…) joins from 2 to {MAX_MEMBERS} policies, and here are {members}")
            }
            Self::Nested => f.write_str("all(…) cannot stand within all(…): write its members side by side"),
            Self::TwoSharings => f.write_str(
                "all(…) takes one policy with shares: make several quorums the groups of one, as in \
                 groups(2 of {security: 2 of 3, operations: 1 of 2})",
            ),
            Self::RepeatedKey(key) => write!(f, "{key} stands there twice: once is enough"),
        }
    }
}

impl std::error::Error for PolicyError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::GroupName(error) | Self::HsmName(error) => Some(error),
            _ => None,
        }
    }
}

/// The most bytes that the names of a policy's groups have together, so that the policy stays within HPKE's `info`.
pub const MAX_NAMES: usize = 32_768;

/// The most policies that `all(…)` joins.
pub const MAX_MEMBERS: usize = 8;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_that_nobody_could_meet_are_refused() {
        assert_eq!(Quorum::new(0, 5), Err(PolicyError::NoThreshold));
        assert_eq!(Quorum::new(0, 0), Err(PolicyError::NoThreshold));
        assert_eq!(Quorum::new(6, 5), Err(PolicyError::ThresholdAboveShares { threshold: 6, shares: 5 }));
        for shares in 1..=255 {
            for threshold in [1, shares] {
                assert!(Quorum::new(threshold, shares).is_ok());
            }
        }
        let group = |name| Group::new(name, Quorum::new(1, 2).unwrap()).unwrap();
        assert_eq!(Policy::groups(1, vec![]), Err(PolicyError::NoGroups));
        assert_eq!(Policy::groups(0, vec![group("a")]), Err(PolicyError::NoThreshold));
        assert!(matches!(Policy::groups(2, vec![group("a")]), Err(PolicyError::RequiredAboveGroups { .. })));
        assert!(matches!(
            Policy::groups(1, vec![group("a"), group("a")]),
            Err(PolicyError::RepeatedGroup { .. })
        ));
        assert!(Policy::groups(2, vec![group("a"), group("b")]).is_ok());
    }

    #[test]
    fn seats_follow_groups_and_indexes_without_gap() {
        let policy: Policy = "groups(2 of {a: 2 of 3, b: 1 of 2, c: 4 of 4})".parse().unwrap();
        let mut seats = Vec::new();
        for leaf in policy.leaves() {
            for index in 1..=leaf.quorum.shares() {
                seats.push(policy.seat(leaf.group, index).unwrap());
            }
        }
        assert_eq!(seats, (0..policy.total_shares()).collect::<Vec<_>>());
        assert_eq!(policy.total_shares(), 9);
        for (group, index) in [(0, 1), (4, 1), (1, 0), (1, 4), (2, 3), (255, 255)] {
            assert_eq!(policy.seat(group, index), None, "{group} {index}");
        }
        let plain = Policy::shamir(3, 5).unwrap();
        assert_eq!((plain.seat(0, 5), plain.seat(0, 6), plain.seat(1, 1)), (Some(4), None, None));
    }

    #[test]
    fn two_hundred_and_fifty_five_groups_are_all_numbered() {
        let groups = (0..255).map(|n| Group::new(&format!("g{n}"), Quorum::new(1, 1).unwrap()).unwrap());
        let policy = Policy::groups(255, groups.collect()).unwrap();
        assert_eq!(policy.leaves().map(|leaf| leaf.group).collect::<Vec<_>>(), (1..=255).collect::<Vec<_>>());
        assert_eq!(Policy::decode(&policy.encode()), Ok(policy));
        let long = |n: u8| Group::new(&format!("{n:0>200}"), Quorum::new(1, 1).unwrap()).unwrap();
        assert_eq!(Policy::groups(1, (0..255).map(long).collect()), Err(PolicyError::NamesTooLong));
        assert!(Policy::groups(1, (0..163).map(long).collect()).is_ok());
    }
}
