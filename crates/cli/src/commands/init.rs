//! `init`.

use std::sync::Arc;

use clap::{Args, ValueEnum};
use pollster::block_on;
use serde_json::json;
use strongroom::{DiskStorage, InitOptions, Policy, Preparation, RotationPolicy, Suite};

use super::restore;
use crate::context::Context;
use crate::exit::{Failure, Kind};
use crate::handout::Handout;
use crate::text::{quoted, slot_json};

/// Who is to open a slot, and how the root key is wrapped for it.
#[derive(Args, Clone)]
pub(crate) struct NewSlot {
    /// Who must come together: `3 of 5`, `groups(2 of {security: 2 of 3, operations: 1 of 2})`, `hsm(token, key)`, or
    /// `all(3 of 5, hsm(token, key))`. [default: 3 of 5, or in a rekey that of the slot]
    #[arg(long, visible_alias = "seal", value_parser = parse_policy, conflicts_with_all = ["shares", "threshold"])]
    policy: Option<Policy>,
    /// How many shares to make (with --threshold, instead of --policy).
    #[arg(long, value_name = "N", requires = "threshold")]
    shares: Option<u8>,
    /// How many of them open it.
    #[arg(long, value_name = "T", requires = "shares")]
    threshold: Option<u8>,
    /// The algorithms that wrap the root key: X-Wing is secure against quantum computers too.
    #[arg(long, value_enum, default_value_t = SuiteName::XWing)]
    suite: SuiteName,
}

/// A suite by name.
#[derive(Clone, Copy, ValueEnum)]
enum SuiteName {
    /// ML-KEM-768 with X25519.
    #[value(name = "x-wing")]
    XWing,
    /// DHKEM(P-256, HKDF-SHA256).
    #[value(name = "p-256")]
    P256,
}

impl NewSlot {
    /// The policy, if one was given.
    pub(crate) fn given_policy(&self) -> Result<Option<Policy>, Failure> {
        match (&self.policy, self.threshold, self.shares) {
            (Some(policy), ..) => Ok(Some(policy.clone())),
            (None, Some(threshold), Some(shares)) => {
                Policy::shamir(threshold, shares).map(Some).map_err(|error| Failure::usage(error.to_string()))
            }
            _ => Ok(None),
        }
    }

    /// The policy, or 3 of 5.
    pub(crate) fn policy(&self) -> Result<Policy, Failure> {
        match self.given_policy()? {
            Some(policy) => Ok(policy),
            None => Policy::shamir(3, 5).map_err(|error| Failure::usage(error.to_string())),
        }
    }

    pub(crate) fn suite(&self) -> Suite {
        match self.suite {
            SuiteName::XWing => Suite::XWing,
            SuiteName::P256 => Suite::P256,
        }
    }
}

fn parse_policy(text: &str) -> Result<Policy, String> {
    text.parse().map_err(|error: strongroom::causes::PolicyParseError| error.to_string())
}

/// Make a new store.
#[derive(Args)]
pub(crate) struct Init {
    #[command(flatten)]
    slot: NewSlot,
    /// What the first slot is called. [default: custodians, or hsm where it has no shares]
    #[arg(long)]
    label: Option<String>,
    #[command(flatten)]
    handout: Handout,
    /// Begin a new term when the active one is so many days old, or `never`.
    #[arg(long, value_name = "DAYS", default_value = "365", value_parser = parse_age)]
    max_age: Age,
    /// Begin a new term when the active one has sealed so many records.
    #[arg(long, value_name = "N", value_parser = parse_seals)]
    max_seals: Option<u64>,
}

/// A greatest age in seconds.
#[derive(Clone, Copy)]
pub(crate) struct Age(pub(crate) Option<u64>);

/// Reads a number of days, or `never`.
pub(crate) fn parse_age(text: &str) -> Result<Age, String> {
    if text == "never" {
        return Ok(Age(None));
    }
    let days: u64 = text.parse().map_err(|_| "give a number of days, or never".to_owned())?;
    match days.checked_mul(24 * 60 * 60) {
        Some(seconds) if (1..=MOST_DAYS).contains(&days) => Ok(Age(Some(seconds))),
        _ => Err(format!("give a number of days from 1 to {MOST_DAYS}, or never")),
    }
}

fn parse_seals(text: &str) -> Result<u64, String> {
    match text.parse() {
        Ok(seals) if seals >= SEALS_MIN => Ok(seals),
        Ok(_) => Err(format!(
            "a store that begins a new term more often than every {SEALS_MIN} records would do little else"
        )),
        Err(_) => Err("give a number of records".to_owned()),
    }
}

impl Init {
    pub(crate) fn run(self, context: &mut Context) -> Result<(), Failure> {
        let policy = self.slot.policy()?;
        let usual = if policy.total_shares() == 0 { "hsm" } else { "custodians" };
        let mut options = InitOptions::new(self.label.as_deref().unwrap_or(usual), policy);
        options.suite = self.slot.suite();
        options.barrier = context.barrier_options();
        options.rotation = RotationPolicy {
            max_age: self.max_age.0,
            max_seals: self.max_seals.or(RotationPolicy::DEFAULT.max_seals),
        };
        let _place = self.handout.check(&options.policy)?;
        options.hsm = context.hsm()?;
        context.protect()?;
        let output = context.output;
        if restore::is_unfinished(context.directory()) {
            return Err(Failure::new(
                Kind::Conflict,
                "a restore into this directory was interrupted: repeat `strongroom restore`, or choose another directory",
            ));
        }
        let storage = match DiskStorage::create(context.directory()) {
            Ok(storage) => storage,
            // An `init` that was interrupted leaves storage without a store: that is no obstacle.
            Err(strongroom::causes::StorageOpenError::AlreadyExists { .. }) => {
                DiskStorage::open(context.directory())?
            }
            Err(error) => return Err(error.into()),
        };
        let prepared = block_on(Preparation::new(Arc::new(storage), options))?;
        let store = prepared.store();
        let slot = prepared
            .slots()
            .find(prepared.slot())
            .cloned()
            .ok_or_else(|| Failure::new(Kind::Failure, "the new slot is missing"))?;
        let given = self.handout.give(output, store, &slot, prepared.share_texts())?;
        let (written, directory) = (given.files(), context.directory().display().to_string());
        let value = json!({
            "store": store.to_string(), "directory": directory, "slot": slot_json(&slot), "shares": given.json,
        });
        let prints = self.handout.prints(slot.policy());
        if prints && output.json {
            // The shares first: a store whose shares were lost would be lost as well.
            output.result(&value, Vec::new)?;
        }
        let open = match block_on(prepared.commit()) {
            Ok(open) => open,
            Err(error) => {
                given.take_back();
                return Err(error.into());
            }
        };
        context.session = Some(Arc::new(open));
        if prints {
            return Ok(());
        }
        output.result(&value, || {
            let mut lines = vec![
                format!("{} in {directory}: store {store}.", output.good("Made")),
                format!("Slot {} opens it: {}.", quoted(slot.label()), slot.policy()),
            ];
            if slot.policy().hsm_keys().next().is_some() {
                lines.push(
                    "Without that HSM nobody can open it: add another way, for people (`strongroom slot add`) or another HSM."
                        .to_owned(),
                );
            }
            match written {
                0 => {}
                1 => lines.push(
                    "The share was written as a file. Move it to its holder, and leave no copy here.".to_owned(),
                ),
                _ => lines.push(format!(
                    "{written} shares were written as files. Move each to its holder, and leave no copy here."
                )),
            }
            lines
        })
    }
}

/// A hundred years: more days were mistyped.
pub(crate) const MOST_DAYS: u64 = 36_500;
const SEALS_MIN: u64 = 1000;
