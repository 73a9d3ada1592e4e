//! `slot list|add|verify|activate|remove`.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use pollster::block_on;
use serde_json::{Value, json};
use strongroom::{CoolingOff, SlotError, SlotOptions, SlotState, Store};

use super::init::NewSlot;
use crate::context::{Context, find_slot};
use crate::exit::Failure;
use crate::handout::Handout;
use crate::shares::{self, Holders};
use crate::text::{deadline, quoted, slot_json, slot_line};

/// The ways to open the store.
#[derive(Subcommand)]
pub(crate) enum Slot {
    /// List them; the store stays sealed.
    List,
    /// Make another slot and deal its shares. It opens nothing until it is activated.
    Add(Add),
    /// Have holders show their shares of a slot, and HSMs open their parts: says whether that opens it, and what was not shown.
    Verify(OfSlot),
    /// Let a new slot open the store, once every one of its holders has shown their share and its HSMs have opened their parts.
    Activate(OfSlot),
    /// Have a slot's HSMs wrap their parts anew, with the keys that now go by these names: the shares stay what they are.
    Rewrap(Rewrap),
    /// Remove a slot. It opens nothing that is written from then on; rewrap for what was written before.
    Remove(Remove),
}

/// A new slot.
#[derive(Args)]
pub(crate) struct Add {
    /// What it is called.
    label: String,
    #[command(flatten)]
    new: NewSlot,
    #[command(flatten)]
    waits: Waits,
    #[command(flatten)]
    handout: Handout,
}

/// How long a new slot waits.
#[derive(Args)]
pub(crate) struct Waits {
    /// Let nobody activate the new slot before so long from now: `90s`, `30m`, `24h` or `3d`, at most 6 days. Meanwhile
    /// `slot remove` ends it.
    #[arg(long, value_name = "DURATION")]
    pub(crate) cooling_off: Option<CoolingOff>,
}

/// A slot and its holders' shares.
#[derive(Args)]
pub(crate) struct OfSlot {
    /// The slot, by label or id.
    slot: String,
    /// A file with shares of that slot; can be repeated. Without it the holders are asked.
    #[arg(long = "new-share-file", value_name = "FILE")]
    new_share_files: Vec<PathBuf>,
}

/// Whose parts to wrap anew.
#[derive(Args)]
pub(crate) struct Rewrap {
    /// The slot, by label or id.
    slot: String,
}

/// Which slot to remove.
#[derive(Args)]
pub(crate) struct Remove {
    /// The slot, by label or id.
    slot: String,
}

impl Slot {
    pub(crate) fn run(self, context: &mut Context) -> Result<(), Failure> {
        match self {
            Self::List => list(context),
            Self::Add(add) => add.run(context),
            Self::Verify(slot) => slot.verify(context),
            Self::Activate(slot) => slot.activate(context),
            Self::Rewrap(rewrap) => rewrap.run(context),
            Self::Remove(remove) => remove.run(context),
        }
    }
}

fn list(context: &mut Context) -> Result<(), Failure> {
    let output = context.output;
    let sealed = context.sealed()?;
    let slots: Vec<Value> = sealed.slots().slots().iter().map(slot_json).collect();
    let value = json!({ "store": sealed.store().to_string(), "slots": slots });
    output.result(&value, || sealed.slots().slots().iter().map(slot_line).collect())
}

impl Add {
    fn run(self, context: &mut Context) -> Result<(), Failure> {
        let cooling_off = self.waits.cooling_off.unwrap_or_default();
        let options =
            SlotOptions { suite: self.new.suite(), cooling_off, ..SlotOptions::new(self.new.policy()?) };
        let _place = self.handout.check(&options.policy)?;
        let output = context.output;
        let store = context.store()?;
        let dealt = block_on(store.add_slot(&self.label, options))?;
        let slots = store.slots()?;
        let slot = slots.find(dealt.slot()).ok_or(SlotError::Unknown)?;
        let given = match self.handout.give(output, store.id(), slot, dealt.share_texts()) {
            Ok(given) => given,
            Err(failure) => {
                // The pending slot opens nothing; if it cannot be taken away now, it ends by itself.
                let _ = block_on(store.remove_slot(slot.id()));
                return Err(failure);
            }
        };
        if self.handout.prints(slot.policy()) && !output.json {
            return Ok(());
        }
        output.result(&json!({ "slot": slot_json(slot), "shares": given.json }), || {
            let made = match given.json.len() {
                0 => "Made".to_owned(),
                shares => format!("Dealt {shares} shares for"),
            };
            vec![format!(
                "{made} slot {}: {}. It opens nothing until `strongroom slot activate`, {}.",
                quoted(slot.label()),
                slot.policy(),
                deadline(slot)
            )]
        })
    }
}

impl OfSlot {
    fn verify(self, context: &mut Context) -> Result<(), Failure> {
        let (output, hsm) = (context.output, context.hsm()?);
        let store = context.store()?;
        let slots = store.slots()?;
        let slot = find_slot(&slots, &self.slot, None)?;
        let mut holders = Holders::quorum(store.possession(slot.id())?, slot.clone());
        let what = format!("the proof that slot {} can be opened", quoted(slot.label()));
        shares::collect(output, &self.new_share_files, &hsm, &mut holders, &what)?;
        let proved = holders.possession.quorum_proved()?;
        let missing: Vec<Value> = holders
            .possession
            .missing()
            .into_iter()
            .map(|(group, index)| json!({ "group": group, "index": index }))
            .collect();
        output.result(&json!({ "slot": slot_json(slot), "opens": proved, "not_shown": missing }), || {
            let mut shown: Vec<String> = slot.policy().hsm_keys().map(ToString::to_string).collect();
            let shares = slot.policy().total_shares();
            if shares > 0 {
                shown.insert(0, format!("{} of its {shares} shares", shares - missing.len()));
            }
            vec![format!("What was shown opens slot {}: {}.", quoted(slot.label()), shown.join(" and "))]
        })
    }

    fn activate(self, context: &mut Context) -> Result<(), Failure> {
        let (output, hsm) = (context.output, context.hsm()?);
        let store = context.store()?;
        let slots = store.slots()?;
        let slot = find_slot(&slots, &self.slot, Some(SlotState::Pending))?;
        if slot.state() != SlotState::Pending {
            return Err(SlotError::WrongState.into());
        }
        cooled_off(store, slot)?;
        let mut holders = Holders::all(store.possession(slot.id())?, slot.clone());
        let what = format!("the proof that all holders of slot {} have theirs", quoted(slot.label()));
        shares::collect(output, &self.new_share_files, &hsm, &mut holders, &what)?;
        let proved = holders.possession.finish()?;
        block_on(store.activate_slot(proved))?;
        let slots = store.slots()?;
        let slot = slots.find(slot.id()).ok_or(SlotError::Unknown)?;
        output.result(&json!({ "slot": slot_json(slot) }), || {
            vec![format!("Slot {} opens the store from now on: {}.", quoted(slot.label()), slot.policy())]
        })
    }
}

impl Rewrap {
    fn run(self, context: &mut Context) -> Result<(), Failure> {
        let output = context.output;
        let store = context.store()?;
        let slots = store.slots()?;
        let slot = find_slot(&slots, &self.slot, None)?;
        if slot.policy().hsm_keys().next().is_none() {
            return Err(Failure::usage(format!("slot {} has no key in an HSM", quoted(slot.label()))));
        }
        block_on(store.rewrap_hsm(slot.id()))?;
        output.result(&json!({ "slot": slot_json(slot), "rewrapped": true }), || {
            vec![
                format!(
                    "The HSM parts of slot {} are wrapped anew, and there is a new root key.",
                    quoted(slot.label())
                ),
                "Keep the old keys in the HSM for as long as there are backups from before.".to_owned(),
            ]
        })
    }
}

impl Remove {
    fn run(self, context: &mut Context) -> Result<(), Failure> {
        let output = context.output;
        let store = context.store()?;
        let slots = store.slots()?;
        let slot = find_slot(&slots, &self.slot, None)?;
        block_on(store.remove_slot(slot.id()))?;
        let was_active = slot.state() == SlotState::Active;
        output.result(&json!({ "slot": slot_json(slot), "removed": true }), || {
            let mut lines = vec![format!("Slot {} is gone.", quoted(slot.label()))];
            if was_active {
                lines.push(
                    "What opened it opens nothing that is written from now on; `strongroom rewrap` does the same for what was \
                     written before."
                        .to_owned(),
                );
            }
            lines
        })
    }
}

/// Refuses before the holders are asked for their shares what the store would refuse after it.
pub(crate) fn cooled_off(store: &Store, slot: &strongroom::Slot) -> Result<(), SlotError> {
    let until = slot.not_before();
    if store.barrier().now() < until {
        return Err(SlotError::CoolingOff { slot: slot.id(), until });
    }
    Ok(())
}
