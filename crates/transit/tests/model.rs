//! Random histories of one key against a naive model of what each version may do.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic, missing_docs)]

mod common;

use std::collections::BTreeMap;

use common::*;
use proptest::prelude::*;
use strongroom_transit::algorithm::KeyType;
use strongroom_transit::{ConfigChange, DecryptOptions, EncryptOptions, Options, VersionState};

#[derive(Clone, Copy, Debug)]
enum Step {
    Rotate,
    Prepare,
    State(u32, VersionState),
    Minimums(u32, u32),
    Trim(u32),
    Wait,
    Reopen,
}

fn step() -> impl Strategy<Value = Step> {
    let state = proptest::sample::select(VersionState::ALL.to_vec());
    prop_oneof![
        3 => Just(Step::Rotate),
        1 => Just(Step::Prepare),
        5 => (1u32..7, state).prop_map(|(version, state)| Step::State(version, state)),
        3 => (0u32..6, 0u32..6).prop_map(|(decryption, encryption)| Step::Minimums(decryption, encryption)),
        1 => (0u32..6).prop_map(Step::Trim),
        2 => Just(Step::Wait),
        1 => Just(Step::Reopen),
    ]
}

/// The rules, written as they are told.
struct Model {
    /// State, since when, and a ciphertext.
    versions: BTreeMap<u32, (VersionState, u64, Option<Vec<u8>>)>,
    available: u32,
    decryption: u32,
    encryption: u32,
    now: u64,
}

impl Model {
    fn latest(&self) -> u32 {
        *self.versions.keys().last().unwrap()
    }

    fn may_encrypt(&self, version: Option<u32>) -> Option<u32> {
        let active = |number: &u32| self.versions[number].0 == VersionState::Active;
        let number = match version {
            Some(number) => number,
            None => *self.versions.keys().rev().find(|number| active(number))?,
        };
        let minimum = self.encryption.max(self.decryption);
        (self.versions.contains_key(&number) && active(&number) && number >= minimum).then_some(number)
    }

    fn may_decrypt(&self, number: u32) -> bool {
        use VersionState as S;
        number >= self.decryption
            && self
                .versions
                .get(&number)
                .is_some_and(|(state, ..)| matches!(state, S::Active | S::Deactivated | S::Compromised))
    }

    /// Whether the step is allowed; if so, it is done.
    fn apply(&mut self, step: Step) -> bool {
        let (latest, now) = (self.latest(), self.now);
        match step {
            Step::Rotate => drop(self.versions.insert(latest + 1, (VersionState::Active, now, None))),
            Step::Prepare => drop(self.versions.insert(latest + 1, (VersionState::PreActivation, now, None))),
            Step::State(number, state) => {
                let Some((from, since, _)) = self.versions.get_mut(&number) else { return false };
                let destroys = state == VersionState::Destroyed;
                let rested = *from == VersionState::PreActivation || now >= *since + DAY;
                if !from.may_become(state) || destroys && (*from == VersionState::Active || !rested) {
                    return false;
                }
                (*from, *since) = (state, now);
            }
            Step::Minimums(decryption, encryption) => {
                let decryption = decryption.max(1);
                let fits = decryption <= latest && encryption <= latest && decryption >= self.available;
                if !fits || (encryption != 0 && encryption < decryption) {
                    return false;
                }
                (self.decryption, self.encryption) = (decryption, encryption);
            }
            Step::Trim(to) => {
                let used = self.encryption != 0 && to <= self.encryption && to <= self.decryption;
                if to < self.available || to > latest || !used {
                    return false;
                }
                self.available = to;
                self.versions.retain(|number, _| *number >= to);
            }
            Step::Wait => self.now += DAY,
            Step::Reopen => {}
        }
        true
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    #[test]
    fn key_does_what_the_rules_say(steps in proptest::collection::vec(step(), 1..30)) {
        let _clock = clock();
        let (fixture, mut transit) = Fixture::new();
        let mut key = create(&transit, "key", KeyType::Aes256Gcm96);
        let mut model = Model {
            versions: BTreeMap::from([(1, (VersionState::Active, now(), None))]),
            available: 1,
            decryption: 1,
            encryption: 0,
            now: now(),
        };
        for step in steps {
            let name = name("key");
            let done = match step {
                Step::Rotate => wait(transit.rotate(&name)).is_ok(),
                Step::Prepare => wait(transit.prepare_version(&name)).is_ok(),
                Step::State(version, state) => wait(transit.set_state(&name, version, state)).is_ok(),
                Step::Minimums(decryption, encryption) => {
                    let change = ConfigChange {
                        min_decryption_version: Some(decryption),
                        min_encryption_version: Some(encryption),
                        ..ConfigChange::default()
                    };
                    wait(transit.configure(&name, &change)).is_ok()
                }
                Step::Trim(to) => wait(transit.trim(&name, to)).is_ok(),
                Step::Wait => {
                    pass(DAY);
                    true
                }
                Step::Reopen => {
                    let barrier = transit.barrier().clone();
                    drop((key, transit));
                    transit = common::transit(&barrier, Options::default());
                    drop(barrier);
                    key = wait(transit.key(&name)).unwrap();
                    true
                }
            };
            prop_assert_eq!(done, model.apply(step), "{:?}", step);
            for version in [None, Some(0), Some(1), Some(2), Some(3), Some(model.latest() + 1)] {
                let options = EncryptOptions { version, ..EncryptOptions::default() };
                let sealed = key.encrypt(b"message", &options).ok();
                let by = sealed.as_ref().map(|sealed| u32::from_be_bytes(sealed[..4].try_into().unwrap()));
                prop_assert_eq!(by, model.may_encrypt(version), "{:?} after {:?}", version, step);
                if let Some(by) = by {
                    model.versions.get_mut(&by).unwrap().2 = sealed;
                }
            }
            for (number, (.., sealed)) in &model.versions {
                let Some(sealed) = sealed else { continue };
                let opened = key.decrypt(sealed, &DecryptOptions::default());
                prop_assert_eq!(opened.is_ok(), model.may_decrypt(*number), "{} after {:?}", number, step);
            }
            prop_assert_eq!(key.latest_version().unwrap(), model.latest());
        }
        drop(fixture);
    }
}
