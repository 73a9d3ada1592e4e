//! `share verify`.

use std::fs::File;
use std::path::PathBuf;

use clap::{Args, Subcommand};
use serde_json::{Value, json};
use strongroom::backup::Backup;
use strongroom::{
    SealedStore, Share as RawShare, ShareError, ShareIdentity, ShareText, SlotSet, verify_share,
};

use super::backup::open_backup;
use crate::context::Context;
use crate::exit::{Failure, Kind};
use crate::shares::{self, Typed};
use crate::terminal;
use crate::text::quoted;

/// Shares.
#[derive(Subcommand)]
pub(crate) enum Share {
    /// Check that shares are good ones of this store, each by itself, without a quorum: for every holder, once a year.
    Verify(Verify),
}

/// Check shares.
#[derive(Args)]
pub(crate) struct Verify {
    /// Check against a backup instead of the store.
    #[arg(long, value_name = "FILE")]
    backup: Option<PathBuf>,
}

impl Share {
    pub(crate) fn run(self, context: &mut Context) -> Result<(), Failure> {
        let Self::Verify(verify) = self;
        verify.run(context)
    }
}

/// What shares are checked against.
pub(crate) enum Against {
    Store(SealedStore),
    Backup {
        path: PathBuf,
        backup: Backup<File>,
    },
    /// The public slot file of a ceremony.
    Slots(Box<SlotSet>),
}

impl Against {
    fn verify(&self, share: &ShareText) -> Result<ShareIdentity, ShareError> {
        match self {
            Self::Store(store) => store.verify_share(share),
            Self::Backup { backup, .. } => backup.verify_share(share),
            Self::Slots(slots) => verify_share(slots, share),
        }
    }

    /// The same once more, since recognising a raw share uses it up.
    fn again(&self, context: &mut Context) -> Result<Self, Failure> {
        Ok(match self {
            Self::Store(_) => Self::Store(context.sealed()?),
            Self::Backup { path, .. } => Self::Backup { path: path.clone(), backup: open_backup(path)? },
            Self::Slots(slots) => Self::Slots(slots.clone()),
        })
    }

    /// A raw share is recognised by collecting it, and forgotten again.
    fn recognise(self, share: RawShare) -> Result<strongroom::Accepted, Failure> {
        Ok(match self {
            Self::Store(store) => store.unsealing().offer_vault(None, share)?,
            Self::Backup { backup, .. } => backup.unsealing().offer_vault(None, share)?,
            Self::Slots(_) => {
                return Err(Failure::usage(
                    "a slot file tells nothing of a share in Vault's form: check it against the store",
                ));
            }
        })
    }
}

impl Verify {
    fn run(self, context: &mut Context) -> Result<(), Failure> {
        let against = match &self.backup {
            Some(path) => Against::Backup { path: path.clone(), backup: open_backup(path)? },
            None => Against::Store(context.sealed()?),
        };
        check(context, against).map(drop)
    }
}

/// What came of checking shares.
#[derive(Default)]
struct Checked {
    found: Vec<Value>,
    /// Those of our own form, with their sets.
    own: Vec<([u8; 16], ShareIdentity)>,
    /// Where each came from, and what is wrong with it.
    bad: Vec<(String, String)>,
}

/// Checks the shares that come from files or from a person, each by itself. Returns those of our own form, with their sets.
pub(crate) fn check(
    context: &mut Context,
    mut against: Against,
) -> Result<Vec<([u8; 16], ShareIdentity)>, Failure> {
    context.protect()?;
    let output = context.output;
    let mut checked = Checked::default();
    if context.global.common.share_files.is_empty() {
        if !terminal::is_present() {
            return Err(Failure::usage("there is no terminal to ask at: give --share-file FILE"));
        }
        checked.ask(context, &mut against)?;
    } else {
        let mut texts = Vec::new();
        for file in &context.global.common.share_files {
            for (line, text) in shares::read_file(output, file)? {
                texts.push((format!("{}, line {line}", file.display()), text));
            }
        }
        if texts.is_empty() {
            return Err(Failure::usage("the share files hold no share"));
        }
        for (origin, text) in texts {
            if let Err(why) = checked.take(context, &mut against, &origin, &text)? {
                checked.bad.push((origin, why));
            }
        }
    }
    tell(context, &checked)?;
    Ok(checked.own)
}

impl Checked {
    /// Asks the person until a share is good, nothing is typed, or it was tried often enough: whoever is sent away by the first
    /// error types the share into the shell next.
    fn ask(&mut self, context: &mut Context, against: &mut Against) -> Result<(), Failure> {
        let mut prompt = "Share (it does not show): ";
        for _ in 0..TRIES {
            let typed = terminal::ask_hidden(prompt)?.unwrap_or_default();
            // What of a paste follows the first line is for no shell.
            terminal::open()
                .and_then(|terminal| terminal::discard(&terminal))
                .map_err(terminal::unreadable)?;
            if typed.trim().is_empty() {
                break;
            }
            let Err(why) = self.take(context, against, TYPED, &typed)? else {
                self.bad.clear();
                return Ok(());
            };
            context.output.note(&format!("Not taken: {why}."));
            self.bad = vec![(TYPED.to_owned(), why)];
            prompt = "Share again, or nothing to end (it does not show): ";
        }
        if self.bad.is_empty() {
            return Err(Failure::new(Kind::Sealed, "no share was typed: nothing was checked"));
        }
        Ok(())
    }

    /// Checks one share; what is wrong with it comes back.
    fn take(
        &mut self,
        context: &mut Context,
        against: &mut Against,
        origin: &str,
        text: &str,
    ) -> Result<Result<(), String>, Failure> {
        let share = match shares::parse(text.trim()) {
            Err(why) => return Ok(Err(why)),
            Ok(Typed::Own(share)) => share,
            Ok(Typed::Mended(share, corrections)) => {
                if !terminal::is_present() {
                    return Ok(Err(shares::unconfirmed(&corrections)));
                }
                if !shares::confirm(context.output, &corrections)? {
                    return Ok(Err("it was not typed as it is written".to_owned()));
                }
                share
            }
            Ok(Typed::Raw(share)) => {
                let again = against.again(context)?;
                let taken = std::mem::replace(against, again);
                return Ok(match taken.recognise(share) {
                    Ok(accepted) => {
                        self.found.push(accepted_json(origin, &accepted));
                        Ok(())
                    }
                    Err(failure) => Err(failure.message),
                });
            }
        };
        Ok(match against.verify(&share) {
            Ok(identity) => {
                self.found.push(identity_json(origin, &identity));
                self.own.push((share.set, identity));
                Ok(())
            }
            Err(error) => Err(error.to_string()),
        })
    }
}

fn tell(context: &Context, checked: &Checked) -> Result<(), Failure> {
    let Checked { found, bad, .. } = checked;
    let output = context.output;
    let lines: Vec<String> = found
        .iter()
        .map(|share| {
            let text = |name: &str| share.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
            let group = share.get("group").and_then(Value::as_str);
            let group = group.map(|group| format!(" of group {}", quoted(group))).unwrap_or_default();
            let pending =
                if text("state") == "pending" { " The slot is pending: it opens nothing yet." } else { "" };
            format!(
                "{}: share {}{group} of slot {}.{pending}",
                output.good("Good"),
                share.get("index").unwrap_or(&Value::Null),
                quoted(&text("label"))
            )
        })
        .collect();
    let refused: Vec<Value> =
        bad.iter().map(|(origin, why)| json!({ "origin": origin, "problem": why })).collect();
    output.result(&json!({ "good": found, "bad": refused }), || lines)?;
    if bad.is_empty() {
        return Ok(());
    }
    let bad: Vec<String> = bad.iter().map(|(origin, why)| format!("{origin}: {why}")).collect();
    Err(Failure::new(Kind::Sealed, bad.join("; ")))
}

fn identity_json(origin: &str, share: &ShareIdentity) -> Value {
    json!({
        "origin": origin, "slot": share.slot.to_string(), "label": share.label, "group": share.group,
        "index": share.index, "threshold": share.threshold, "state": share.state.to_string(),
    })
}

fn accepted_json(origin: &str, share: &strongroom::Accepted) -> Value {
    json!({
        "origin": origin, "slot": share.slot.to_string(), "label": share.label, "group": share.group,
        "index": share.index, "threshold": null, "state": "active",
    })
}

const TYPED: &str = "the share that was typed";
/// So often may a share be typed.
const TRIES: usize = 5;
