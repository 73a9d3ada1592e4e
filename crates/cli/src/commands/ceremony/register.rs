//! `ceremony register show|take|succeed|fail|end`, and what a share check enters.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use clap::{Args, Subcommand};
use serde_json::{Value, json};
use strongroom::HsmKey;
use strongroom_ceremony::audit::{Fingerprint, PublicKey, Signer, Time};
#[cfg(not(feature = "hsm"))]
use strongroom_ceremony::hsm::Tokens as _;
use strongroom_ceremony::register::{
    self, Holding, MAX_DAYS, Refused, Register as File, Share, Taken, Trust, YEAR,
};
use strongroom_ceremony::transcript::{self, Account};

use super::transcript::parse_fingerprint;
use crate::commands::file::parse_hsm;
use crate::context::Context;
use crate::exit::{Failure, Kind};
use crate::output::Output;
use crate::text::{hex, quoted};

/// The register.
#[derive(Subcommand)]
pub(crate) enum Register {
    /// Verify it, and tell who holds which share, when each was checked, and what is due.
    Show(Show),
    /// Enter what a sealed transcript says: shares that were made, or checked. Then sign it.
    Take(Take),
    /// Enter that another custodian has a share from now on. Then sign it.
    Succeed(Succeed),
    /// Enter that a custodian could not show a share, or showed a wrong one. Then sign it.
    Fail(Fail),
    /// Enter that a set of shares was replaced and opens nothing any more. Then sign it.
    End(End),
}

/// Show the register.
#[derive(Args)]
pub(crate) struct Show {
    /// The register.
    #[arg(value_name = "REGISTER")]
    register: PathBuf,
    /// The fingerprint of the key that must have signed it.
    #[arg(long, value_name = "FINGERPRINT", value_parser = parse_fingerprint)]
    key: Fingerprint,
}

/// Take a transcript's shares.
#[derive(Args)]
pub(crate) struct Take {
    #[command(flatten)]
    signed: Signed,
    /// The transcript.
    #[arg(value_name = "TRANSCRIPT")]
    transcript: PathBuf,
    /// The fingerprint of the key that must have sealed the transcript.
    #[arg(long, value_name = "FINGERPRINT", value_parser = parse_fingerprint)]
    transcript_key: Fingerprint,
    /// After how many days each share is due again, at most 366.
    #[arg(long, value_name = "DAYS", default_value_t = YEAR, value_parser = clap::value_parser!(u32).range(1..=i64::from(MAX_DAYS)))]
    days: u32,
}

/// Hand a share on.
#[derive(Args)]
pub(crate) struct Succeed {
    #[command(flatten)]
    signed: Signed,
    #[command(flatten)]
    of: Of,
    /// Who has it from now on.
    #[arg(long, value_name = "NAME")]
    to: String,
}

/// Write a failure down.
#[derive(Args)]
pub(crate) struct Fail {
    #[command(flatten)]
    signed: Signed,
    #[command(flatten)]
    of: Of,
    /// What happened, in a sentence.
    #[arg(long, value_name = "TEXT")]
    why: String,
}

/// A share, by who has it.
#[derive(Args)]
struct Of {
    /// Who has it, as `show` tells it.
    #[arg(long, value_name = "NAME")]
    custodian: String,
    /// The set's number, where this custodian has shares of several.
    #[arg(long, value_name = "SET", value_parser = parse_set)]
    set: Option<[u8; 16]>,
}

/// End a set.
#[derive(Args)]
pub(crate) struct End {
    #[command(flatten)]
    signed: Signed,
    /// The set's number, as `show` tells it.
    #[arg(value_name = "SET", value_parser = parse_set)]
    set: [u8; 16],
}

/// A register, and the key that signs it.
#[derive(Args)]
struct Signed {
    /// The register. It is begun where there is none.
    #[arg(value_name = "REGISTER")]
    register: PathBuf,
    #[command(flatten)]
    by: By,
}

/// The key that signs a register.
#[derive(Args)]
pub(super) struct By {
    /// The key in an HSM that signs the register. What is there must be signed by it to the end.
    #[arg(long, value_name = "hsm(TOKEN, KEY)", value_parser = parse_hsm)]
    signer: Option<HsmKey>,
    /// The fingerprint of the key that signed what is there, where it is another.
    #[arg(long, value_name = "FINGERPRINT", value_parser = parse_fingerprint)]
    signed_so_far: Option<Fingerprint>,
    /// Sign the lines at the end that nobody signed, too: look at them first.
    #[arg(long)]
    unsigned: bool,
}

impl Register {
    pub(crate) fn run(self, context: &mut Context) -> Result<(), Failure> {
        match self {
            Self::Show(show) => show.run(context.output),
            Self::Take(take) => {
                let account = transcript::verify(&read(&take.transcript)?, &take.transcript_key)?;
                take.signed.take(context, &account, take.days)
            }
            Self::Succeed(succeed) => {
                let (of, to) = (succeed.of, succeed.to);
                succeed.signed.write(context, |register| {
                    Ok(register.succeed(of.share(register)?, &of.custodian, &to)?)
                })
            }
            Self::Fail(fail) => {
                let (of, why) = (fail.of, fail.why);
                fail.signed.write(context, |register| {
                    Ok(register.failed(of.share(register)?, &of.custodian, &why)?)
                })
            }
            Self::End(end) => end.signed.write(context, |register| Ok(register.end(end.set)?)),
        }
    }
}

impl Show {
    fn run(self, output: Output) -> Result<(), Failure> {
        let holdings = register::verify(&read(&self.register)?, &self.key)?;
        let now = Time::from_seconds(seconds());
        let shares: Vec<Value> =
            holdings.shares().map(|(share, holding)| json_of(share, holding, now)).collect();
        output.result(&json!({ "shares": shares }), || {
            register::text(&holdings, now).lines().map(str::to_owned).collect()
        })
    }
}

impl Signed {
    /// Enters one line.
    fn write(
        &self,
        context: &mut Context,
        enter: impl FnOnce(&mut File) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        let ((), key) = self.signed(context, enter)?;
        let name = self.register.display().to_string();
        let value = json!({ "register": name, "entries": 1, "signed_by": key });
        context.output.result(&value, || vec![entered(&name, 1, &key)])
    }

    /// Enters what fits of a transcript, and tells what does not.
    fn take(&self, context: &mut Context, account: &Account, days: u32) -> Result<(), Failure> {
        let (taken, key) = self.signed(context, |register| Ok(register.take(account, days)?))?;
        let Taken { entries, refused } = taken;
        let name = self.register.display().to_string();
        for refused in &refused {
            context.output.warning(&format!("not entered: {refused}"));
        }
        let refused: Vec<_> = refused.iter().map(refused_json).collect();
        let value = json!({ "register": name, "entries": entries, "signed_by": key, "refused": refused });
        context.output.result(&value, || vec![entered(&name, entries, &key)])
    }

    /// Enters something, and has it signed.
    fn signed<T>(
        &self,
        context: &mut Context,
        enter: impl FnOnce(&mut File) -> Result<T, Failure>,
    ) -> Result<(T, String), Failure> {
        let mut open = self.by.open(context, &self.register)?;
        match enter(&mut open.register) {
            Ok(done) => Ok((done, open.sign()?)),
            Err(failure) => {
                open.leave(&self.register);
                Err(failure)
            }
        }
    }
}

fn entered(register: &str, entries: usize, key: &str) -> String {
    let lines = if entries == 1 { "1 line".to_owned() } else { format!("{entries} lines") };
    format!("{register}: {lines} entered, and signed by the key of fingerprint {key}.")
}

fn refused_json(refused: &Refused) -> Value {
    let Share { set, group, index } = &refused.share;
    json!({
        "set": hex(set), "group": group.as_ref().map(ToString::to_string), "index": index,
        "custodian": refused.custodian.as_str(), "why": refused.rule.to_string(),
    })
}

impl By {
    /// The register, once it was verified; and its key, which was tried.
    pub(super) fn open(&self, context: &mut Context, path: &Path) -> Result<Open, Failure> {
        let signer = self.signer.as_ref().ok_or_else(|| {
            Failure::usage(
                "a register is signed by a key in an HSM: say which with --signer 'hsm(TOKEN, KEY)'",
            )
        })?;
        context.protect()?;
        let signer = signer_of(context, signer)?;
        let key = PublicKey::new(signer.algorithm(), signer.public_key());
        let key = key.ok_or_else(|| {
            Failure::new(Kind::Hsm, "the signing key is no point on its curve: name another")
        })?;
        let key = key.fingerprint();
        let trust = Trust { key: self.signed_so_far.unwrap_or(key), unsigned: self.unsigned };
        let is_new = !path.exists();
        let (register, _) = File::open(path, seconds, &trust)?;
        Ok(Open { register, is_new, signer, key })
    }
}

/// A register that is open, and its key.
pub(super) struct Open {
    pub(super) register: File,
    /// Whether there was none before.
    is_new: bool,
    signer: Box<dyn Signer>,
    key: Fingerprint,
}

impl Open {
    /// Removes what was begun where nothing was entered.
    pub(super) fn leave(self, path: &Path) {
        if self.is_new && self.register.holdings().shares().next().is_none() {
            // It stays unsigned where it cannot be removed, which the next command says.
            let _ = fs::remove_file(path);
        }
    }

    /// Signs what was entered; the key's fingerprint.
    pub(super) fn sign(mut self) -> Result<String, Failure> {
        self.register.sign(&*self.signer)?;
        Ok(self.key.to_string())
    }
}

impl Of {
    /// The share that they have.
    fn share(&self, register: &File) -> Result<Share, Failure> {
        let theirs = register.holdings().shares().filter(|(share, holding)| {
            holding.custodian() == self.custodian && self.set.is_none_or(|set| set == share.set)
        });
        let theirs: Vec<_> = theirs.map(|(share, _)| share.clone()).collect();
        match theirs.as_slice() {
            [share] => Ok(share.clone()),
            [] => Err(Failure::new(
                Kind::NotFound,
                format!(
                    "{} has no such share in the register: see who has which with show",
                    quoted(&self.custodian)
                ),
            )),
            several => Err(Failure::usage(format!(
                "{} has {} shares: say which with --set",
                quoted(&self.custodian),
                several.len()
            ))),
        }
    }
}

#[cfg(feature = "hsm")]
fn signer_of(context: &mut Context, key: &HsmKey) -> Result<Box<dyn Signer>, Failure> {
    Ok(Box::new(context.hsms()?.signer(key, None)?))
}

/// Says that there is none.
#[cfg(not(feature = "hsm"))]
fn signer_of(context: &mut Context, key: &HsmKey) -> Result<Box<dyn Signer>, Failure> {
    Ok(context.hsms()?.signer(key)?)
}

fn json_of(share: &Share, holding: &Holding, now: Time) -> Value {
    json!({
        "set": hex(&share.set), "group": share.group.as_ref().map(ToString::to_string), "index": share.index, "custodian": holding.custodian(),
        "proved": holding.proved().map(Time::seconds), "due": holding.due().seconds(), "is_due": holding.due() <= now,
        "failed": holding.is_failed(), "predecessors": holding.predecessors().collect::<Vec<_>>(),
    })
}

fn read(path: &Path) -> Result<Vec<u8>, Failure> {
    fs::read(path).map_err(|error| Failure::io(format_args!("{} could not be read", path.display()), &error))
}

fn parse_set(text: &str) -> Result<[u8; 16], String> {
    let bytes = data_encoding::HEXLOWER_PERMISSIVE.decode(text.as_bytes()).ok();
    bytes.and_then(|bytes| bytes.try_into().ok()).ok_or_else(|| "a set has 32 hexadecimal digits".to_owned())
}

fn seconds() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}
