//! Who signs the transcript, and where the HSMs are.

use std::collections::BTreeSet;
use std::path::Path;

use strongroom::{HsmKey, Policy};

use super::answers::{key_id, module, tokens, why, yes_or_no};
use super::draft::SIGNING_KEY;
use super::{AskError, Interview, Places};
use crate::hsm::softhsm;
use crate::plan::check::places;
use crate::plan::text::visible;
use crate::plan::{Kind, value};

impl Interview<'_> {
    /// Who signs the transcript. The tokens that this needs.
    pub(super) fn signing(&mut self) -> Result<Vec<String>, AskError> {
        let remark =
            "The key that signs the transcript at the end. Without it whoever has the file can alter it.";
        let words = ["transcript_key", "transcript_fingerprint"];
        let question =
            "Which key in an HSM signs the transcript? (hsm(TOKEN, KEY); nothing: nobody signs it)";
        let mut fingerprints = BTreeSet::new();
        let Some((key, fingerprint)) = self.signing_key(question, words, &fingerprints)? else {
            let examples = ["transcript_key = \"hsm(TOKEN, KEY)\"", "transcript_fingerprint = \"…\""];
            self.draft.left_out(remark, &examples);
            return Ok(Vec::new());
        };
        self.draft.word(words[0], &key.to_string(), remark);
        self.draft.word(words[1], &fingerprint, "By which everybody knows it.");
        fingerprints.insert(fingerprint);
        let mut tokens = vec![key.token().to_owned()];
        let question = "Who co-signs it with a key of their own? (nothing when that was all)";
        while let Some(name) = self.name_or_nobody(question, |_| None)? {
            if !self.draft.has(&name) || self.draft.says(&name, SIGNING_KEY) {
                self.questions.refuse("name somebody who takes part, and has no key yet")?;
                continue;
            }
            let question = format!("Which key in an HSM is {name}'s? (hsm(TOKEN, KEY); nothing: none)");
            let words = [SIGNING_KEY, "signing_fingerprint"];
            if let Some((key, fingerprint)) = self.signing_key(&question, words, &fingerprints)? {
                tokens.push(key.token().to_owned());
                let said = [key.to_string(), fingerprint.clone()];
                self.draft.person_words(&name, words.into_iter().zip(said).collect());
                fingerprints.insert(fingerprint);
            }
        }
        Ok(tokens)
    }

    /// A key and its fingerprint, which is nobody else's.
    fn signing_key(
        &mut self,
        question: &str,
        [key_word, fingerprint_word]: [&'static str; 2],
        taken: &BTreeSet<String>,
    ) -> Result<Option<(HsmKey, String)>, AskError> {
        let key = self.parsed(question, "", |_, answer| match answer {
            "" => Ok(None),
            answer => {
                visible(key_word, answer).map_err(why)?;
                value::key_in_hsm(key_word, answer).map(Some).map_err(why)
            }
        })?;
        let Some(key) = key else { return Ok(None) };
        let question =
            "What is that key's fingerprint? (as `strongroom hsm check` shows it; nothing: no key after all)";
        let fingerprint = self.parsed(question, "", |_, answer| match answer {
            "" => Ok(None),
            answer => {
                let fingerprint =
                    value::fingerprint_of_key(fingerprint_word, answer).map_err(why)?.to_string();
                if taken.contains(&fingerprint) {
                    return Err(
                        "this is another's already: everybody signs with a key of their own".to_owned()
                    );
                }
                Ok(Some(fingerprint))
            }
        })?;
        Ok(fingerprint.map(|fingerprint| (key, fingerprint)))
    }

    /// The section of each HSM that the ceremony needs.
    pub(super) fn hsms(
        &mut self,
        kind: Kind,
        policy: Option<&Policy>,
        signing: &[String],
        places: &Places,
        label: &str,
    ) -> Result<(), AskError> {
        let wrapping: Vec<String> =
            policy.iter().flat_map(|policy| policy.hsm_keys()).map(|key| key.token().to_owned()).collect();
        let mut needed = Vec::new();
        let present = if matches!(kind, Kind::Create | Kind::ShareCheck) {
            Vec::new()
        } else {
            self.present(kind, places, label)?
        };
        for token in wrapping.iter().chain(&present).chain(signing) {
            if !needed.contains(token) {
                needed.push(token.clone());
            }
        }
        for token in &needed {
            let makes_key = wrapping.contains(token) || (kind == Kind::HsmKey && present.contains(token));
            self.hsm(kind, token, makes_key)?;
        }
        Ok(())
    }

    /// The HSMs that the store needs as it is: what can be read of its slots here is proposed.
    fn present(&mut self, kind: Kind, places: &Places, label: &str) -> Result<Vec<String>, AskError> {
        let store = places.store.as_deref().filter(|_| kind != Kind::Recovery).map(Path::new);
        let slots = match (store, places.backup.as_deref().map(Path::new)) {
            (Some(store), _) => places::store_slots(store),
            (None, Some(backup)) => places::backup_slots(backup),
            (None, None) => Ok(None),
        };
        // What is wrong with them is for `check` to say.
        let proposed = slots.ok().flatten().map(|slots| places::tokens(&slots, label).join(", "));
        let question = "Which HSMs open the store, by their names in its policy? (with commas between; nothing for none)";
        self.parsed(question, &proposed.unwrap_or_default(), |_, answer| {
            let tokens = tokens(answer)?;
            if kind == Kind::HsmKey && tokens.is_empty() {
                return Err("the key of at least one is replaced: name it".to_owned());
            }
            Ok(tokens)
        })
    }

    fn hsm(&mut self, kind: Kind, token: &str, makes_key: bool) -> Result<(), AskError> {
        let question = format!("Where is the PKCS #11 module of the HSM \"{token}\"?");
        let lib = self.parsed(&question, softhsm().unwrap_or_default(), |_, answer| module(answer))?;
        self.draft.section(token);
        self.draft.token_left_out("The words are those of the configuration file. Never a PIN.", &[]);
        self.draft.token_word("lib", &lib);
        let question = format!("What is the label of the token in the HSM \"{token}\"?");
        let token_label = self.parsed(&question, token, |_, answer| {
            visible("token_label", answer).map_err(why)?;
            if answer.is_empty() { Err("a label is needed".to_owned()) } else { Ok(answer.to_owned()) }
        })?;
        self.draft.token_word("token_label", &token_label);
        let question =
            "Where does its PIN come from? (env://NAME or file:///PATH; nothing: asked at the ceremony)";
        let pin = self.parsed(question, "", |_, answer| {
            if !answer.is_empty() {
                value::pin(answer).map_err(why)?;
            }
            Ok(answer.to_owned())
        })?;
        if pin.is_empty() {
            let remark = "Where the PIN is, not the PIN. Without it, it is asked at the ceremony.";
            self.draft.token_left_out(remark, &["pin = \"env://STRONGROOM_PIN\""]);
        } else {
            self.draft.token_word("pin", &pin);
        }
        self.key(kind, makes_key)
    }

    fn key(&mut self, kind: Kind, makes_key: bool) -> Result<(), AskError> {
        let remark = "The id of the key that wraps, where several have its label.";
        if kind == Kind::HsmKey && makes_key {
            let question =
                "Which id has the new key? (hexadecimal, as in 02; nothing: no other key has its label)";
            let id = self.parsed(question, "", |_, answer| key_id(answer))?;
            match id.as_str() {
                // Without an id none is made.
                "" => {
                    self.draft.token_left_out(remark, &["key_id = \"02\""]);
                    return Ok(());
                }
                id => self.draft.token_word("key_id", id),
            }
        }
        if !makes_key {
            return Ok(());
        }
        let question = "Is the key that wraps made at the ceremony if it is not there? (yes or no)";
        if self.parsed(question, "yes", |_, answer| yes_or_no(answer))? {
            self.draft.token_flag("generate_key");
        } else {
            self.draft
                .token_left_out("Makes the key that wraps if it is not there.", &["generate_key = true"]);
        }
        Ok(())
    }
}
