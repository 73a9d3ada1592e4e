//! The simulated directory and its operations.

use std::any::Any;
use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::io::{Disk, File, LockError, LockGuard};
use crate::simulation::file::Contents;
use crate::simulation::random::Random;

/// See the [module's documentation](crate::simulation). A clone is the same disk.
#[derive(Clone, Default)]
pub struct SimulatedDisk {
    world: Arc<Mutex<World>>,
}

/// What was done to the disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Operation {
    /// Opening a file, asking for its length, listing, locking.
    Look,
    /// Reading from a file.
    Read,
    /// Writing to a file.
    Write,
    /// Changing a file's length.
    SetLen,
    /// Syncing a file.
    Sync,
    /// Creating, renaming or removing a file.
    Name,
    /// Syncing the directory.
    SyncNames,
}

#[derive(Default)]
struct World {
    log: Vec<Operation>,
    crash_at: Option<u64>,
    kill_at: Option<u64>,
    no_power: bool,
    faults: BTreeMap<u64, io::ErrorKind>,
    lasting_faults: Vec<(Option<usize>, io::ErrorKind)>,
    files: Vec<Contents>,
    names: BTreeMap<String, usize>,
    durable_names: BTreeMap<String, usize>,
    pending_names: Vec<Naming>,
    locked: BTreeSet<String>,
}

#[derive(Clone)]
enum Naming {
    Add { name: String, file: usize },
    Move { from: String, to: String, file: usize },
    Remove { name: String },
}

impl SimulatedDisk {
    /// An empty disk.
    pub fn new() -> Self {
        Self::default()
    }

    /// How many operations there have been, the failed ones included.
    pub fn operations(&self) -> u64 {
        count(&self.world().log)
    }

    /// What they were, in order.
    pub fn history(&self) -> Vec<Operation> {
        self.world().log.clone()
    }

    /// The operations, by number, at which a crash leaves something else than at the one before: reading and looking
    /// leave no trace.
    pub fn crash_points(&self) -> Vec<u64> {
        let traces = |operation: &Operation| !matches!(operation, Operation::Look | Operation::Read);
        (0_u64..)
            .zip(&self.world().log)
            .filter(|(_, operation)| traces(operation))
            .map(|(number, _)| number)
            .collect()
    }

    /// Loses power at the operation of this number, counted from 0: it and everything after it fails. A write or
    /// sync that the power fails in may have been done in part.
    pub fn crash_at(&self, operation: u64) {
        self.world().crash_at = Some(operation);
    }

    /// Kills the process at the operation of this number: it and everything after it fails, until
    /// [`SimulatedDisk::restart`]. What was written stays readable, and what was not synced is still not durable.
    pub fn kill_at(&self, operation: u64) {
        self.world().kill_at = Some(operation);
    }

    /// Starts the next process after [`SimulatedDisk::kill_at`].
    pub fn restart(&self) {
        let mut world = self.world();
        world.kill_at = None;
        world.locked.clear();
    }

    /// Lets one operation fail. A write that fails has been done in part; what a failed sync did is up to the seed
    /// `operation`, and what it did not write is lost for ever, though it can still be read.
    pub fn fail_at(&self, operation: u64, kind: io::ErrorKind) {
        self.world().faults.insert(operation, kind);
    }

    /// Lets everything that writes fail until it is called with `None`: a full disk (`StorageFull`) or one that has
    /// become read-only (`ReadOnlyFilesystem`: files cannot be opened to write, either). Syncing what was written before
    /// succeeds.
    pub fn fail_writes(&self, kind: Option<io::ErrorKind>) {
        self.world().lasting_faults = kind.into_iter().map(|kind| (None, kind)).collect();
    }

    /// The same for one file alone. `false` if there is no such file.
    pub fn fail_writes_to(&self, name: &str, kind: io::ErrorKind) -> bool {
        let mut world = self.world();
        let file = world.names.get(name).copied();
        world.lasting_faults.extend(file.map(|file| (Some(file), kind)));
        file.is_some()
    }

    /// Flips a durable bit. `false` if there is no such byte.
    pub fn flip(&self, name: &str, offset: usize, bit: u8) -> bool {
        let mut world = self.world();
        let Some(&file) = world.names.get(name) else { return false };
        let Some(contents) = world.files.get_mut(file) else { return false };
        contents.flip(offset, bit);
        offset < contents.visible().len()
    }

    /// A file's bytes as a program would read them; not counted as an operation.
    pub fn contents(&self, name: &str) -> Option<Vec<u8>> {
        let world = self.world();
        let file = world.names.get(name)?;
        Some(world.files.get(*file)?.visible().to_vec())
    }

    /// What the machine finds after losing power now; the seed chooses among all that it could find.
    #[must_use]
    pub fn after_crash(&self, seed: u64) -> Self {
        let mut random = Random::new(seed);
        let world = self.world();
        let names = world.surviving_names(&mut random);
        let files = world.files.iter().map(|contents| contents.after_crash(&mut random)).collect();
        Self::from(files, names)
    }

    /// What the next process finds after this one was killed now: everything that was written.
    #[must_use]
    pub fn after_kill(&self) -> Self {
        let world = self.world();
        Self::from(world.files.iter().map(Contents::after_kill).collect(), world.names.clone())
    }

    fn from(files: Vec<Contents>, names: BTreeMap<String, usize>) -> Self {
        let world = World { files, durable_names: names.clone(), names, ..World::default() };
        Self { world: Arc::new(Mutex::new(world)) }
    }

    fn world(&self) -> MutexGuard<'_, World> {
        self.world.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl World {
    /// Counts an operation and says how it goes.
    fn begin(&mut self, operation: Operation, file: Option<usize>) -> io::Result<()> {
        let number = count(&self.log);
        self.log.push(operation);
        self.no_power |= self.crash_at.is_some_and(|at| number >= at);
        if self.no_power {
            return Err(io::Error::other("the power is gone"));
        }
        if self.kill_at.is_some_and(|at| number >= at) {
            return Err(io::Error::other("the process is dead"));
        }
        if let Some(kind) = self.faults.remove(&number) {
            return Err(kind.into());
        }
        let lasting = self.lasting_faults.iter().find(|(of, _)| of.is_none() || *of == file);
        match (lasting, operation) {
            (Some((_, kind)), Operation::Write | Operation::SetLen | Operation::Name) => Err((*kind).into()),
            _ => Ok(()),
        }
    }

    fn find(&self, name: &str) -> io::Result<usize> {
        self.names.get(name).copied().ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    fn file(&mut self, file: usize) -> io::Result<&mut Contents> {
        self.files.get_mut(file).ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    fn surviving_names(&self, random: &mut Random) -> BTreeMap<String, usize> {
        let mut names = self.durable_names.clone();
        // A journal keeps a beginning of what was done; a simpler file system keeps any part of it.
        let journal = random.one_in(2);
        let kept = random.below(self.pending_names.len() + 1);
        for (number, naming) in self.pending_names.iter().enumerate() {
            if if journal { number < kept } else { random.one_in(2) } {
                naming.apply(&mut names);
            }
        }
        names
    }
}

impl Naming {
    fn apply(&self, names: &mut BTreeMap<String, usize>) {
        match self {
            Self::Add { name, file } => {
                names.insert(name.clone(), *file);
            }
            Self::Move { from, to, file } => {
                names.remove(from);
                names.insert(to.clone(), *file);
            }
            Self::Remove { name } => {
                names.remove(name);
            }
        }
    }
}

impl Disk for SimulatedDisk {
    fn directory(&self) -> PathBuf {
        PathBuf::from("(simulated)")
    }

    fn open(&self, name: &str) -> io::Result<Arc<dyn File>> {
        let mut world = self.world();
        world.begin(Operation::Look, None)?;
        if world.lasting_faults.contains(&(None, io::ErrorKind::ReadOnlyFilesystem)) {
            return Err(io::ErrorKind::ReadOnlyFilesystem.into());
        }
        let file = world.find(name)?;
        Ok(Arc::new(SimulatedFile { disk: self.clone(), file }))
    }

    fn create(&self, name: &str) -> io::Result<Arc<dyn File>> {
        let mut world = self.world();
        world.begin(Operation::Name, None)?;
        if world.names.contains_key(name) {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        let file = world.files.len();
        world.files.push(Contents::default());
        world.change_names(Naming::Add { name: name.to_owned(), file });
        Ok(Arc::new(SimulatedFile { disk: self.clone(), file }))
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        let mut world = self.world();
        world.begin(Operation::Name, None)?;
        let file = world.find(from)?;
        world.change_names(Naming::Move { from: from.to_owned(), to: to.to_owned(), file });
        Ok(())
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        let mut world = self.world();
        world.begin(Operation::Name, None)?;
        world.find(name)?;
        world.change_names(Naming::Remove { name: name.to_owned() });
        Ok(())
    }

    fn list(&self) -> io::Result<Vec<String>> {
        let mut world = self.world();
        world.begin(Operation::Look, None)?;
        Ok(world.names.keys().cloned().collect())
    }

    fn sync(&self) -> io::Result<()> {
        let mut world = self.world();
        world.begin(Operation::SyncNames, None)?;
        world.durable_names = world.names.clone();
        world.pending_names.clear();
        Ok(())
    }

    fn lock(&self, name: &str) -> Result<LockGuard, LockError> {
        let mut world = self.world();
        world.begin(Operation::Look, None).map_err(LockError::Io)?;
        if !world.locked.insert(name.to_owned()) {
            return Err(LockError::Held { pid: Some(std::process::id()) });
        }
        Ok(Box::new(SimulatedLock { disk: self.clone(), name: name.to_owned() })
            as Box<dyn Any + Send + Sync>)
    }
}

impl World {
    fn change_names(&mut self, naming: Naming) {
        naming.apply(&mut self.names);
        self.pending_names.push(naming);
    }
}

struct SimulatedLock {
    disk: SimulatedDisk,
    name: String,
}

impl Drop for SimulatedLock {
    fn drop(&mut self) {
        self.disk.world().locked.remove(&self.name);
    }
}

struct SimulatedFile {
    disk: SimulatedDisk,
    file: usize,
}

impl File for SimulatedFile {
    fn len(&self) -> io::Result<u64> {
        let mut world = self.disk.world();
        world.begin(Operation::Look, None)?;
        u64::try_from(world.file(self.file)?.visible().len()).map_err(|_| io::ErrorKind::InvalidInput.into())
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<()> {
        let mut world = self.disk.world();
        world.begin(Operation::Read, Some(self.file))?;
        let start = position(offset)?;
        let bytes = world.file(self.file)?.visible().get(start..).and_then(|rest| rest.get(..buffer.len()));
        buffer.copy_from_slice(bytes.ok_or(io::ErrorKind::UnexpectedEof)?);
        Ok(())
    }

    fn write_at(&self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        let mut world = self.disk.world();
        let outcome = world.begin(Operation::Write, Some(self.file));
        let offset = position(offset)?;
        let powerless = world.no_power && world.crash_at.is_some_and(|at| at + 1 < count(&world.log));
        let bytes = match &outcome {
            Ok(()) => bytes,
            Err(_) if powerless => return outcome,
            Err(_) if world.kill_at.is_some() => return outcome,
            // The power failed in this write: all of it is pending, and the crash tears it.
            Err(_) if world.no_power => bytes,
            Err(_) => bytes.get(..bytes.len() / 2).unwrap_or_default(),
        };
        world.file(self.file)?.write(offset, bytes);
        outcome
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        let mut world = self.disk.world();
        world.begin(Operation::SetLen, Some(self.file))?;
        let len = position(len)?;
        world.file(self.file)?.set_len(len);
        Ok(())
    }

    fn sync_data(&self) -> io::Result<()> {
        let mut world = self.disk.world();
        let outcome = world.begin(Operation::Sync, Some(self.file));
        let (no_power, dead) = (world.no_power, world.kill_at.is_some());
        let seed = count(&world.log);
        let contents = world.file(self.file)?;
        match &outcome {
            Ok(()) => contents.sync(),
            // What is pending stays so, and the crash decides about it.
            Err(_) if no_power || dead => {}
            Err(_) => contents.fail_sync(&mut Random::new(seed)),
        }
        outcome
    }
}

fn position(offset: u64) -> io::Result<usize> {
    usize::try_from(offset).map_err(|_| io::ErrorKind::InvalidInput.into())
}

fn count(log: &[Operation]) -> u64 {
    u64::try_from(log.len()).unwrap_or(u64::MAX)
}
