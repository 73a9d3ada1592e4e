//! From the start of a process to an open store: with an HSM that nobody has to attend to, and with three shares.

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Instant;

use strongroom::pkcs11::{KeyKind, KeySpec};
use strongroom::{HsmFile, Hsms, InitOptions, Preparation, SealedStore, Store};
use strongroom_test_tokens::TestToken;
use zeroize::Zeroizing;

use crate::store;

type Failure = Box<dyn std::error::Error + Send + Sync>;

/// Two stores of a thousand records on disk: one that a token of `SoftHSM` opens, one that three shares open.
pub struct Stores {
    directory: tempfile::TempDir,
    shares: Vec<Zeroizing<String>>,
    /// Removes the token when it is dropped.
    _token: TestToken,
}

/// What opens a store.
#[derive(Clone, Copy)]
pub enum With {
    /// The token alone.
    Hsm,
    /// Three shares of five.
    Shares,
}

impl Stores {
    /// Makes the token and both stores.
    ///
    /// # Errors
    ///
    /// As the token and the stores say.
    pub fn new() -> Result<Self, Failure> {
        let directory = tempfile::tempdir()?;
        let token = TestToken::softhsm("unsealed")?;
        let configuration = format!(
            "[hsm.main]\nlib = '{}'\ntoken_label = '{}'\npin_file = '{}'\n",
            token.lib().display(),
            token.label(),
            token.pin_file().display()
        );
        fs::write(directory.path().join(CONFIGURATION), configuration)?;
        let hsms = hsms(directory.path())?;
        hsms.token("main")?.generate(&KeySpec::new(KeyKind::Aes256, "root"))?;
        let seal = "hsm(main, root)".parse().map_err(|error| format!("{error}"))?;
        let options = InitOptions { hsm: hsms, ..InitOptions::new("hsm", seal) };
        let with_hsm =
            pollster::block_on(Preparation::new(store::disk(&directory.path().join("hsm"))?, options))?;
        store::fill(&pollster::block_on(with_hsm.commit())?, RECORDS)?;
        let (with_shares, shares) = store::create(store::disk(&directory.path().join("shares"))?)?;
        store::fill(&with_shares, RECORDS)?;
        Ok(Self { directory, shares, _token: token })
    }

    /// Seconds from the start of a process to its word that the store is open.
    ///
    /// # Errors
    ///
    /// When the process ends without that word.
    pub fn start(&self, with: With) -> Result<f64, Failure> {
        let program = std::env::current_exe()?;
        let how = match with {
            With::Hsm => "hsm",
            With::Shares => "shares",
        };
        let started = Instant::now();
        let mut child = Command::new(program)
            .arg(UNSEAL_AND_TELL)
            .arg(self.directory.path())
            .arg(how)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let mut input = child.stdin.take().ok_or("no input")?;
        for share in self.shares.iter().take(3) {
            writeln!(input, "{}", **share)?;
        }
        drop(input);
        let mut word = String::new();
        BufReader::new(child.stdout.take().ok_or("no output")?).read_line(&mut word)?;
        let seconds = started.elapsed().as_secs_f64();
        if !child.wait()?.success() || word.trim_end() != WORD {
            return Err("the process that opens the store has failed".into());
        }
        Ok(seconds)
    }
}

/// What the process does that is measured: opens the store, says so, and ends.
///
/// # Errors
///
/// As the store says.
#[expect(clippy::print_stdout, reason = "its parent waits for the word")]
pub fn unseal_and_tell(directory: &Path, how: &str) -> Result<(), Failure> {
    let opened = if how == "hsm" {
        with_hsm(directory)?
    } else {
        let shares: Result<Vec<_>, _> =
            std::io::stdin().lines().map(|line| line.map(Zeroizing::new)).collect();
        store::unseal(store::disk(&directory.join("shares"))?, &shares?)?
    };
    println!("{WORD}");
    drop(opened);
    Ok(())
}

fn with_hsm(directory: &Path) -> Result<Store, Failure> {
    let sealed = pollster::block_on(SealedStore::open(store::disk(&directory.join("hsm"))?))?;
    let mut unsealing = sealed.unsealing().with_hsm(hsms(directory)?);
    if let Some(error) = pollster::block_on(unsealing.ask_hsms())?.into_iter().next() {
        return Err(error.to_string().into());
    }
    Ok(pollster::block_on(unsealing.unseal())?)
}

fn hsms(directory: &Path) -> Result<Arc<Hsms>, Failure> {
    let file: HsmFile = fs::read_to_string(directory.join(CONFIGURATION))?.parse()?;
    Ok(Arc::new(Hsms::new(file, |_| None)?))
}

/// The argument by which `measure` is such a process.
pub const UNSEAL_AND_TELL: &str = "--unseal-and-tell";

const CONFIGURATION: &str = "config.toml";
const RECORDS: u64 = 1000;
const WORD: &str = "unsealed";
