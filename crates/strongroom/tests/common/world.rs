//! A store on a simulated disk, what is known of it, and what must hold of it after a fault.

use std::collections::BTreeMap;
use std::sync::Arc;

use strongroom::{Batch, DiskStorage, Plaintext, Store, TermState};
use strongroom_storage::simulation::SimulatedDisk;
use strongroom_storage::{CheckpointMode, Options, Storage};

use super::*;

/// What somebody who was told of every acknowledgement knows of a store.
#[derive(Clone, Default)]
pub struct Known {
    pub values: BTreeMap<String, Vec<u8>>,
    /// The values of a batch that was not answered: all of it happened, or nothing.
    pub doubtful: Option<BTreeMap<String, Vec<u8>>>,
    /// These open the store.
    pub shares: Vec<Shares>,
    /// After a change of holders that was not answered: these do instead.
    pub other_shares: Option<Vec<Shares>>,
    /// These do not open it any more.
    pub dead: Vec<Shares>,
}

/// A store on a simulated disk, and what is known of it.
pub struct World {
    pub store: Store,
    pub known: Known,
}

impl World {
    pub fn batch(&mut self, changes: &[(&str, Option<&str>)]) -> Result<(), String> {
        let mut batch = Batch::new();
        let mut after = self.known.values.clone();
        for (path, value) in changes {
            let parsed = path.parse().unwrap();
            if let Some(value) = value {
                // Long enough to fill a segment of the log soon.
                let value = value.repeat(if changes.len() > 100 { 1 } else { 300 });
                after.insert((*path).to_owned(), value.clone().into_bytes());
                batch = batch.put(parsed, Plaintext::new(value.into_bytes()));
            } else {
                after.remove(*path);
                batch = batch.delete(parsed);
            }
        }
        self.known.doubtful = Some(after.clone());
        if let Err(error) = wait(self.store.barrier().commit(batch)) {
            // What is known not to have happened must not have.
            if !error.outcome_unknown() {
                self.known.doubtful = None;
            }
            return Err(error.to_string());
        }
        self.known.doubtful = None;
        self.known.values = after;
        Ok(())
    }

    /// A change after which other shares open the store.
    pub fn change_holders(
        &mut self,
        after: Vec<Shares>,
        change: impl FnOnce(&Store) -> Result<(), String>,
    ) -> Result<(), String> {
        self.known.other_shares = Some(after.clone());
        change(&self.store)?;
        let before = std::mem::replace(&mut self.known.shares, after);
        self.known.other_shares = None;
        self.known.dead.extend(before.into_iter().filter(|set| !self.known.shares.contains(set)));
        Ok(())
    }

    pub fn rewrap(&mut self) -> Result<(), String> {
        wait(self.store.rewrap(go_on)).map(drop).map_err(|error| error.to_string())
    }
}

pub type Step = fn(&mut World) -> Result<(), String>;

pub fn disk_options() -> Options {
    Options {
        segment_size: 16 * 1024,
        cache_size: 1 << 20,
        checkpoint: CheckpointMode::Inline,
        ..Options::default()
    }
}

/// A store with nested directories, after a kill. `fill` moves on in the log, so that its segment is full somewhere else.
pub fn base(prepare: Step, fill: u64) -> (SimulatedDisk, Known) {
    let disk = SimulatedDisk::new();
    let storage = DiskStorage::create_on(&disk, &disk_options()).unwrap();
    let (store, shares) = init(Arc::new(storage), options()).unwrap();
    let mut world = World { store, known: Known { shares: vec![shares], ..Known::default() } };
    for (directory, n) in [("", 2), ("a/", 3), ("a/b/", 3), ("c/d/e/", 2)] {
        for n in 0..n {
            world.batch(&[(&format!("{directory}v{n}"), Some(&format!("{directory}{n}")))]).unwrap();
        }
    }
    for n in 0..fill {
        world.batch(&[(&format!("fill/f{n}"), Some("fill"))]).unwrap();
    }
    prepare(&mut world).unwrap();
    // Killed, not closed: closing would empty the log.
    (disk.after_kill(), world.known)
}

pub fn open_on(disk: &SimulatedDisk, options: &Options) -> Result<Arc<dyn Storage>, String> {
    DiskStorage::open_on(disk, options)
        .map(|storage| Arc::new(storage) as Arc<dyn Storage>)
        .map_err(|error| error.to_string())
}

/// What a crash is followed by. Says whether other shares than before open the store.
pub fn recover(found: &SimulatedDisk, options: &Options, known: &Known) -> Result<bool, String> {
    let storage = open_on(found, options)?;
    let opens = |sets: &[Shares]| -> Vec<Result<Store, String>> {
        sets.iter().map(|set| unseal(Arc::clone(&storage), &set[1..])).collect()
    };
    let others = known.other_shares.as_deref().unwrap_or_default();
    let (before, after) = (opens(&known.shares), opens(others));
    let old = before.iter().all(Result::is_ok);
    let new = known.other_shares.is_some() && after.iter().all(Result::is_ok);
    for set in &known.dead {
        if unseal(Arc::clone(&storage), &set[1..]).is_ok() {
            return Err("shares that were replaced open the store".to_owned());
        }
    }
    if !old && !new {
        let errors: Vec<_> = before.into_iter().chain(after).filter_map(Result::err).collect();
        return Err(format!("neither the old nor the new shares open the store: {errors:?}"));
    }
    let opened = before.into_iter().chain(after).find_map(Result::ok).ok_or("no store")?;
    whole(&opened, known)?;
    // It goes on: what was interrupted is ended, and new values are kept.
    put(&opened, "later/value", b"later")?;
    wait(opened.rewrap(go_on)).map_err(|error| error.to_string())?;
    let status = opened.barrier().status().map_err(|error| error.to_string())?;
    if status.terms.iter().any(|term| term.info.state == TermState::Deactivated)
        || status.leaving_names_generation.is_some()
    {
        return Err("the rewrap left old keys behind".to_owned());
    }
    if get(&opened, "later/value") != Some(b"later".to_vec()) {
        return Err("a value that was put after the crash is not there".to_owned());
    }
    wait(opened.barrier().delete("later/value".parse().unwrap())).map_err(|error| error.to_string())?;
    whole(&opened, known)?;
    Ok(new && !old)
}

pub fn whole(store: &Store, known: &Known) -> Result<(), String> {
    let found = contents(store)?;
    if found != known.values && Some(&found) != known.doubtful.as_ref() {
        let missing = known.values.iter().find(|(path, value)| found.get(*path) != Some(value));
        return Err(format!("not what was acknowledged, e.g. {:?}", missing.map(|(path, _)| path)));
    }
    let check = wait(store.check(|_, _| std::ops::ControlFlow::Continue(()))).map_err(|e| e.to_string())?;
    if check.is_clean() { Ok(()) } else { Err(format!("the check found {check:?}")) }
}

pub fn nothing(_: &mut World) -> Result<(), String> {
    Ok(())
}

pub fn second_slot(world: &mut World) -> Result<(), String> {
    let (slot, shares) = add_slot(&world.store, "second")?;
    let proved = prove(&world.store, slot, &shares);
    let both = vec![world.known.shares[0].clone(), shares];
    world.change_holders(both, |store| wait(store.activate_slot(proved)).map_err(|error| error.to_string()))
}

pub fn replace_holders(world: &mut World) -> Result<(), String> {
    let old = first_slot(&world.store);
    let (slot, shares) = add_slot(&world.store, "replacement")?;
    let proved = prove(&world.store, slot, &shares);
    world.change_holders(vec![shares], |store| {
        wait(store.replace_slot(old, proved)).map(drop).map_err(|error| error.to_string())
    })
}

pub fn rotated(world: &mut World) -> Result<(), String> {
    // More than one step of a rewrap holds.
    let names: Vec<String> = (0..520).map(|n| format!("many/m{n}")).collect();
    world.batch(&names.iter().map(|name| (name.as_str(), Some("m"))).collect::<Vec<_>>())?;
    wait(world.store.barrier().rotate()).map_err(|error| error.to_string())?;
    world.batch(&[("a/v0", Some("after the rotation"))])
}
