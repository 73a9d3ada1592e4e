//! What a plan names and this machine has: the store, its slots, backup and slot file, modules of HSMs.
//!
//! What cannot be seen from here gives no finding: a plan may be checked on another machine than the ceremony's.

use std::fs::{self, File};
use std::path::Path;
use std::sync::Arc;

use strongroom::backup::Backup;
use strongroom::causes::StorageOpenError;
use strongroom::{DiskStorage, HsmKey, OpenError, SealedStore, Slot, SlotSet, SlotState};

use super::Finding;
use crate::plan::{Kind, Plan};
use crate::slot_file;

pub(super) fn find(plan: &Plan, findings: &mut Vec<Finding>) {
    if let Err(error) = crate::run::places::fit(plan) {
        findings.push(Finding::Missing(error.to_string()));
    }
    let slots = match plan.kind {
        Kind::Create => new_place(plan, findings),
        Kind::Recovery => {
            empty_place(plan, findings);
            slots_of_backup(plan)
        }
        Kind::ShareCheck => slots_of_file(plan),
        _ => slots_of_store(plan),
    };
    match slots {
        Ok(Some(slots)) => fit(plan, &slots, findings),
        Ok(None) => {}
        Err(missing) => findings.push(Finding::Missing(missing)),
    }
}

/// The tokens that the active slots of this label name, as far as storage, a backup or a slot file tells.
pub(in crate::plan) fn tokens(slots: &SlotSet, label: &str) -> Vec<String> {
    let keys = active(slots).filter(|slot| slot.label() == label).flat_map(|slot| slot.policy().hsm_keys());
    keys.map(|key| key.token().to_owned()).collect()
}

/// The slots of a store as anybody can read them. `None` where they cannot be seen from here, e.g. since another process has the
/// store open.
pub(in crate::plan) fn store_slots(directory: &Path) -> Result<Option<SlotSet>, String> {
    let there_is_none =
        || Err(format!("there is no store in {} on this machine: correct store", directory.display()));
    match DiskStorage::open(directory) {
        Ok(storage) => match pollster::block_on(SealedStore::open(Arc::new(storage))) {
            Ok(store) => Ok(Some(store.slots().clone())),
            Err(OpenError::NoStore) => there_is_none(),
            Err(error) => Err(format!("the store in {}: {error}", directory.display())),
        },
        Err(StorageOpenError::NotFound { .. }) => there_is_none(),
        Err(StorageOpenError::Corrupt(problem)) => {
            Err(format!("the store in {} is damaged: {problem}", directory.display()))
        }
        Err(_) => Ok(None),
    }
}

/// The slots of a backup's time.
pub(in crate::plan) fn backup_slots(path: &Path) -> Result<Option<SlotSet>, String> {
    let Ok(file) = File::open(path) else {
        let is_there = path.exists();
        let missing = || format!("the backup {} is not on this machine: correct backup", path.display());
        return if is_there { Ok(None) } else { Err(missing()) };
    };
    let backup = Backup::open(file).map_err(|error| format!("the backup {}: {error}", path.display()))?;
    Ok(Some(backup.slots().clone()))
}

type Slots = Result<Option<SlotSet>, String>;

fn slots_of_store(plan: &Plan) -> Slots {
    plan.store.as_deref().map_or(Ok(None), store_slots)
}

fn slots_of_backup(plan: &Plan) -> Slots {
    plan.backup.as_deref().map_or(Ok(None), backup_slots)
}

fn slots_of_file(plan: &Plan) -> Slots {
    let Some(path) = &plan.slot_file else { return Ok(None) };
    if !path.exists() {
        return Err(format!("the slot file {} is not on this machine: correct slot_file", path.display()));
    }
    let Ok(text) = fs::read_to_string(path) else { return Ok(None) };
    slot_file::decode(&text).map(Some).map_err(|error| format!("{}: {error}", path.display()))
}

/// Where `create` makes the store. Storage without a store is what an interrupted one left, and it goes on with that.
fn new_place(plan: &Plan, findings: &mut Vec<Finding>) -> Slots {
    let Some(store) = plan.store.as_deref() else { return Ok(None) };
    match names(store) {
        Some(names) if names.is_empty() => return Ok(None),
        Some(names) if names.iter().any(|name| !STORAGE.contains(&name.as_str())) => {
            findings.push(Finding::Unwise(format!(
                "{} holds other files, which whoever destroys the store one day removes with it: choose a new directory",
                store.display()
            )));
        }
        Some(_) => {}
        None if store.exists() => {
            return Err(format!("{} is no directory: choose another place for the store", store.display()));
        }
        None => return Ok(None),
    }
    match DiskStorage::open(store) {
        Ok(storage) => match pollster::block_on(SealedStore::open(Arc::new(storage))) {
            Err(OpenError::NoStore) => Ok(None),
            _ => Err(format!("there is a store in {} already: choose a new directory", store.display())),
        },
        Err(StorageOpenError::Corrupt(problem)) => {
            Err(format!("{} holds damaged storage ({problem}): choose a new directory", store.display()))
        }
        Err(_) => Ok(None),
    }
}

/// Where `recovery` puts the store.
fn empty_place(plan: &Plan, findings: &mut Vec<Finding>) {
    let Some(store) = plan.store.as_deref().filter(|store| store.exists()) else { return };
    if names(store).is_none_or(|names| !names.is_empty()) {
        findings.push(Finding::Missing(format!("{} is not empty: choose a new directory", store.display())));
    }
}

/// What lies in a directory; `None` where it cannot be read.
fn names(directory: &Path) -> Option<Vec<String>> {
    let entries = fs::read_dir(directory).ok()?;
    Some(entries.flatten().map(|entry| entry.file_name().to_string_lossy().into_owned()).collect())
}

/// Holds the slots against the label and the sections `[hsm.NAME]`.
fn fit(plan: &Plan, slots: &SlotSet, findings: &mut Vec<Finding>) {
    let label = &plan.label;
    let slot = active(slots).find(|slot| slot.label() == label);
    if slot.is_none() {
        let labels: Vec<_> = active(slots).map(|slot| format!("\"{}\"", slot.label())).collect();
        let has = if labels.is_empty() { "none".to_owned() } else { labels.join(", ") };
        let text = format!("there is no active slot \"{label}\", but {has}: correct label");
        // Kinds that change nothing about a slot open whichever they can.
        let needed = matches!(plan.kind, Kind::Rekey | Kind::SealChange | Kind::HsmKey);
        findings.push(if needed { Finding::Missing(text) } else { Finding::Unwise(text) });
    }
    // Shares are checked alone, and no HSM is asked.
    if plan.kind == Kind::ShareCheck {
        return;
    }
    let lacking = |slot: &Slot| -> Option<String> {
        let token =
            slot.policy().hsm_keys().map(HsmKey::token).find(|token| !plan.hsm.contains_key(*token))?;
        Some(format!(
            "slot \"{}\" needs the HSM \"{token}\", and the plan has no section [hsm.{token}]: add it",
            slot.label()
        ))
    };
    let none_opens = active(slots).all(|slot| lacking(slot).is_some());
    for slot in active(slots) {
        let is_the_plans = slot.label() == label;
        match lacking(slot) {
            Some(text) if none_opens || (is_the_plans && plan.kind == Kind::HsmKey) => {
                findings.push(Finding::Missing(text));
            }
            Some(text) if is_the_plans => findings.push(Finding::Unwise(text)),
            _ => {}
        }
    }
}

fn active(slots: &SlotSet) -> impl Iterator<Item = &Slot> {
    slots.slots().iter().filter(|slot| slot.state() == SlotState::Active)
}

/// What storage makes in a directory.
const STORAGE: [&str; 5] = ["lock", "log.0", "log.1", "strongroom.redb", "strongroom.redb.new"];
