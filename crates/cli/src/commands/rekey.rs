//! `rekey`: new holders in place of old ones.

use std::path::PathBuf;
use std::sync::Arc;

use clap::{Args, Subcommand};
use pollster::block_on;
use serde_json::{Value, json};
use strongroom::{
    CoolingOff, HsmKeys, Policy, Rekeyed, Slot, SlotId, SlotOptions, SlotSet, SlotState, Store,
};

use super::init::NewSlot;
use super::keys;
use super::slot::{Waits, cooled_off};
use crate::context::{Context, find_slot, only_slot};
use crate::exit::{Failure, Kind};
use crate::handout::{Given, Handout};
use crate::output::Output;
use crate::shares::{self, Collector as _, Holders};
use crate::terminal;
use crate::text::{ago, deadline, quoted, slot_json};

/// Replace a slot's holders: at the terminal in one go, in scripts with `start` and `finish`.
#[derive(Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(crate) struct Rekey {
    #[command(subcommand)]
    step: Option<Step>,
    #[command(flatten)]
    start: Start,
    #[command(flatten)]
    ending: Ending,
}

/// One of the two steps.
#[derive(Subcommand)]
enum Step {
    /// Deal the new shares. The old ones stay good, and the new ones open nothing yet.
    Start(Start),
    /// Prove that every new holder has their share, then let the new ones open the store and the old ones no more.
    Finish(Finish),
}

/// What is to be replaced, and by what.
#[derive(Args)]
struct Start {
    /// The slot whose holders are replaced, by label or id. [default: the only one]
    #[arg(long)]
    slot: Option<String>,
    #[command(flatten)]
    new: NewSlot,
    #[command(flatten)]
    waits: Waits,
    #[command(flatten)]
    handout: Handout,
}

/// The second step.
#[derive(Args)]
struct Finish {
    /// The slot that is being replaced, by label or id. [default: the only one that is]
    #[arg(long)]
    slot: Option<String>,
    #[command(flatten)]
    ending: Ending,
}

/// How it ends.
#[derive(Args)]
struct Ending {
    /// A file with new shares; can be repeated. Without it every new holder is asked.
    #[arg(long = "new-share-file", value_name = "FILE")]
    new_share_files: Vec<PathBuf>,
    /// Leave what was written so far under the old keys: rewrap later.
    #[arg(long)]
    no_rewrap: bool,
}

impl Rekey {
    pub(crate) fn run(self, context: &mut Context) -> Result<(), Failure> {
        match self.step {
            Some(Step::Start(start)) => start.run(context),
            Some(Step::Finish(finish)) => finish.run(context),
            None => self.in_one_go(context),
        }
    }

    fn in_one_go(self, context: &mut Context) -> Result<(), Failure> {
        if self.start.waits.cooling_off.is_some_and(|time| time > CoolingOff::NONE) {
            return Err(Failure::usage(
                "with a cooling-off time a rekey is not done in one go: use `strongroom rekey start`, and `strongroom rekey \
                 finish` when it is over",
            ));
        }
        if !terminal::is_present() {
            return Err(Failure::usage(
                "the new holders must show that they have their shares, and there is no terminal to ask them at: use \
                 `strongroom rekey start`, then `strongroom rekey finish --new-share-file FILE …`",
            ));
        }
        let (output, hsm) = (context.output, context.hsm()?);
        let _place = self.start.handout.check(&self.start.planned(context)?)?;
        let (old, new, given) = self.start.deal(context)?;
        if new.policy().total_shares() > 0 {
            output.note("Now each of the new holders enters their share, to prove that it arrived.");
        }
        let replaced = replace(output, context.store()?, &hsm, &old, &new, &self.ending)?;
        replaced.tell(output, Some(given))
    }
}

impl Start {
    fn run(self, context: &mut Context) -> Result<(), Failure> {
        let _place = self.handout.check(&self.planned(context)?)?;
        let output = context.output;
        let (old, new, given) = self.deal(context)?;
        let value = json!({ "old": slot_json(&old), "new": slot_json(&new), "shares": given.json });
        if self.handout.prints(new.policy()) && !output.json {
            return Ok(());
        }
        output.result(&value, || {
            vec![
                format!(
                    "Dealt {} new shares for slot {}: {}.",
                    given.json.len(),
                    quoted(new.label()),
                    new.policy()
                ),
                format!("The old shares stay good until `strongroom rekey finish`, {}.", deadline(&new)),
            ]
        })
    }

    /// The policy that the new slot will have, as far as can be told before the store is open.
    fn planned(&self, context: &mut Context) -> Result<Policy, Failure> {
        if let Some(policy) = self.new.given_policy()? {
            return Ok(policy);
        }
        let sealed = context.sealed()?;
        Ok(self.old(sealed.slots())?.policy().clone())
    }

    fn old<'a>(&self, slots: &'a SlotSet) -> Result<&'a Slot, Failure> {
        match &self.slot {
            Some(text) => find_slot(slots, text, Some(SlotState::Active)),
            None => only_slot(slots, SlotState::Active),
        }
    }

    /// Adds the pending slot and hands its shares out; takes it away again if they cannot be.
    fn deal(&self, context: &mut Context) -> Result<(Slot, Slot, Given), Failure> {
        let output = context.output;
        let given_policy = self.new.given_policy()?;
        let store = context.store()?;
        let slots = store.slots()?;
        let old = self.old(&slots)?.clone();
        if let Some(pending) = pending_of(&slots, &old) {
            return Err(Failure::new(
                Kind::Conflict,
                format!(
                    "a rekey of slot {} has begun already: its new shares were dealt {} (slot {:.8}). End it with \
                     `strongroom rekey finish`, or drop it with `strongroom slot remove {:.8}` and start again",
                    quoted(old.label()),
                    ago(pending.created()),
                    pending.id(),
                    pending.id()
                ),
            ));
        }
        let policy: Policy = given_policy.unwrap_or_else(|| old.policy().clone());
        let cooling_off = self.waits.cooling_off.unwrap_or_default();
        let options = SlotOptions { suite: self.new.suite(), cooling_off, ..SlotOptions::new(policy) };
        let dealt = block_on(store.add_replacement(old.id(), options))?;
        let new = slot_of(store, dealt.slot())?;
        match self.handout.give(output, store.id(), &new, dealt.share_texts()) {
            Ok(given) => Ok((old, new, given)),
            Err(failure) => {
                // The pending slot opens nothing; if it cannot be taken away now, it ends by itself.
                let _ = block_on(store.remove_slot(new.id()));
                Err(failure)
            }
        }
    }
}

impl Finish {
    fn run(self, context: &mut Context) -> Result<(), Failure> {
        let (output, hsm) = (context.output, context.hsm()?);
        let store = context.store()?;
        let slots = store.slots()?;
        let new = match &self.slot {
            Some(text) => find_slot(&slots, text, Some(SlotState::Pending))?,
            None => only_slot(&slots, SlotState::Pending).map_err(|failure| {
                let done = failure.kind == Kind::NotFound
                    && store.barrier().status().is_ok_and(|status| status.rewrap_pending);
                let hint = if done {
                    "no rekey has been started that is not finished. If its rewrap was interrupted: `strongroom rewrap` \
                     goes on with it"
                } else if failure.kind == Kind::NotFound {
                    "no rekey has been started that is not finished: begin with `strongroom rekey start`"
                } else {
                    &failure.message
                };
                Failure::new(failure.kind, hint)
            })?,
        };
        if new.state() != SlotState::Pending {
            return Err(Failure::new(
                Kind::NotFound,
                format!(
                    "no new shares wait for slot {}: begin with `strongroom rekey start`",
                    quoted(new.label())
                ),
            ));
        }
        let of_label = slots
            .slots()
            .iter()
            .find(|slot| slot.label() == new.label() && slot.state() == SlotState::Active);
        let old = of_label.ok_or_else(|| {
            Failure::new(
                Kind::NotFound,
                format!("slot {} replaces none: use `strongroom slot activate`", quoted(new.label())),
            )
        })?;
        cooled_off(store, new)?;
        replace(output, store, &hsm, old, new, &self.ending)?.tell(output, None)
    }
}

/// What came of it.
struct Replaced {
    rekeyed: Rekeyed,
    old: Slot,
    new: Slot,
    rewrap: Option<strongroom::RewrapOutcome>,
}

fn replace(
    output: Output,
    store: &Store,
    hsm: &Arc<dyn HsmKeys>,
    old: &Slot,
    new: &Slot,
    ending: &Ending,
) -> Result<Replaced, Failure> {
    let mut holders = Holders::all(store.possession(new.id())?, new.clone());
    let what = format!("the proof that all holders of slot {} have theirs", quoted(new.label()));
    shares::collect(output, &ending.new_share_files, hsm, &mut holders, &what).map_err(|failure| {
        let missing = holders.possession.finish().err().filter(|_| !holders.is_complete());
        let missing = missing.map(|error| format!("\n{error}")).unwrap_or_default();
        Failure::new(
            failure.kind,
            format!(
                "{}{missing}\nThe old shares stay good; repeat `strongroom rekey finish`",
                failure.message
            ),
        )
    })?;
    let proved = holders.possession.finish()?;
    let rekeyed = block_on(store.replace_slot(old.id(), proved))?;
    let rewrap = if ending.no_rewrap {
        None
    } else {
        Some(keys::rewrap(output, store).map_err(|failure| {
            Failure::new(
                failure.kind,
                format!(
                    "slot {} has its new holders, and the old shares open nothing that is written from now on, but the \
                     rewrap of what was written before was interrupted: go on with `strongroom rewrap` and the new \
                     shares. {}",
                    quoted(new.label()),
                    failure.message
                ),
            )
        })?)
    };
    Ok(Replaced { rekeyed, old: old.clone(), new: slot_of(store, new.id())?, rewrap })
}

impl Replaced {
    fn tell(&self, output: Output, given: Option<Given>) -> Result<(), Failure> {
        let shares = given.map(|given| Value::from(given.json));
        let value = json!({
            "old": slot_json(&self.old),
            "new": slot_json(&self.new),
            "term": self.rekeyed.term,
            "shares": shares,
            "rewrap": self.rewrap.as_ref().map(keys::outcome_json),
        });
        output.result(&value, || {
            let mut lines = vec![
                format!("Slot {} is opened in a new way: {}.", quoted(self.new.label()), self.new.policy()),
                format!(
                    "The old shares open nothing that is written from now on (term {}).",
                    self.rekeyed.term
                ),
            ];
            match &self.rewrap {
                Some(outcome) => lines.extend(keys::outcome_lines(outcome)),
                None => lines.push("What was written before waits for `strongroom rewrap`.".to_owned()),
            }
            lines
        })
    }
}

fn pending_of<'a>(slots: &'a SlotSet, old: &Slot) -> Option<&'a Slot> {
    slots.slots().iter().find(|slot| slot.state() == SlotState::Pending && slot.label() == old.label())
}

fn slot_of(store: &Store, id: SlotId) -> Result<Slot, Failure> {
    let slots = store.slots()?;
    slots.find(id).cloned().ok_or_else(|| strongroom::SlotError::Unknown.into())
}
