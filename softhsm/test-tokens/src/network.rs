//! A token behind a network: p11-kit's server over SoftHSM, and p11-kit's client as the module.

use std::fs::{self, File};
use std::io;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use crate::directory::Directory;
use crate::environment::Claim;
use crate::error::TokenError;
use crate::programs::{self, Program};
use crate::softhsm;
use crate::token::{self, TestToken};

pub(crate) fn make(label: &str) -> Result<TestToken, TokenError> {
    // Asked for early: `p11-kit` without its server is a common installation.
    Program::new("p11-kit", programs::P11_KIT)?;
    let lib = programs::library(&["pkcs11/p11-kit-client.so"], programs::P11_KIT)?;
    let provider = softhsm::library()?;
    let directory = Directory::new()?;
    let behind = softhsm::environment(&directory);
    token::initialise(&directory, &provider, &behind, label)?;
    let server = Server::new(directory.path(), provider, behind);
    server.start()?;
    let address = format!("unix:path={}", server.socket.display());
    let environment = vec![("P11_KIT_SERVER_ADDRESS".to_string(), address)];
    let claim = Claim::set(&environment)?;
    let serial = token::serial(&directory, &lib, &environment, label)?;
    let (label, module, server) = (label.into(), lib.clone(), Some(server));
    Ok(TestToken { label, lib, module, serial, environment, server, directory, _claim: claim })
}

/// The server, which runs or does not.
#[derive(Debug)]
pub(crate) struct Server {
    provider: PathBuf,
    environment: Vec<(String, String)>,
    socket: PathBuf,
    log: PathBuf,
    running: Mutex<Option<Child>>,
}

impl Server {
    fn new(directory: &Path, provider: PathBuf, environment: Vec<(String, String)>) -> Self {
        let (socket, log) = (directory.join("socket"), directory.join("server.log"));
        Self { provider, environment, socket, log, running: Mutex::new(None) }
    }

    pub(crate) fn start(&self) -> Result<(), TokenError> {
        let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        end(&mut running)?;
        match fs::remove_file(&self.socket) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(TokenError::io(format!("cannot remove {}", self.socket.display()))(error));
            }
            _ => {}
        }
        *running = Some(self.spawn()?);
        let deadline = Instant::now() + PATIENCE;
        while !self.socket.exists() {
            if Instant::now() > deadline {
                end(&mut running)?;
                let printed = fs::read_to_string(&self.log).unwrap_or_default();
                return Err(TokenError::Program { command: "p11-kit server".into(), printed });
            }
            thread::sleep(Duration::from_millis(5));
        }
        Ok(())
    }

    pub(crate) fn kill(&self) -> Result<(), TokenError> {
        end(&mut self.running.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn spawn(&self) -> Result<Child, TokenError> {
        let log = || format!("cannot write {}", self.log.display());
        let output = File::create(&self.log).map_err(TokenError::io(log()))?;
        let errors = output.try_clone().map_err(TokenError::io(log()))?;
        Command::new("sh")
            .args(["-c", KEEPER, "keeper"])
            .args(["p11-kit", "server", "--foreground", "--provider"])
            .arg(&self.provider)
            .arg("--name")
            .arg(&self.socket)
            .arg("pkcs11:")
            .envs(self.environment.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::piped())
            .stdout(output)
            .stderr(errors)
            .process_group(0)
            .spawn()
            .map_err(TokenError::io("cannot start the server of p11-kit"))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // The keeper dies with this process in any case.
        let _ = self.kill();
    }
}

fn end(running: &mut Option<Child>) -> Result<(), TokenError> {
    let Some(mut keeper) = running.take() else { return Ok(()) };
    // Waiting closes the keeper's standard input first.
    keeper.wait().map(drop).map_err(TokenError::io("cannot wait for the server of p11-kit"))
}

/// Runs the server, and kills its whole process group when standard input is closed: the server has a process for each
/// connection, and none may outlive the test, however that ends.
const KEEPER: &str = r#""$@" < /dev/null & read -r _; kill -9 0"#;

/// How long the server may take until it listens.
const PATIENCE: Duration = Duration::from_secs(20);
