//! New shares: made, brought to their custodians, and proved.

use std::fs::DirBuilder;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::PathBuf;
use std::sync::Arc;

use strongroom::{
    Accepted, CoolingOff, Dealt, DiskStorage, InitOptions, Policy, Possession, Preparation, Progress,
    ShareText, Slot, SlotId, SlotOptions, SlotState, Storage, StoreId, causes, share_text,
};

use super::record::Event;
use super::shares::{BRING_NEW, Gathering};
use super::{Ceremony, CeremonyError, Outcome, hexadecimal};
use crate::custody::{Recipient, write_private};
use crate::erasure::{Pages, erase_directory};
use crate::pages::Page;
use crate::plan::{Custody, Kind, Person, Plan, Role, Step};

/// Shares that were made.
pub(super) enum Deal {
    /// Of a store that is not made yet.
    New(Box<Preparation>),
    /// Of a slot that waits in a store.
    Pending(Dealt),
}

impl Deal {
    fn shares(&self) -> &[ShareText] {
        match self {
            Self::New(prepared) => prepared.share_texts(),
            Self::Pending(dealt) => dealt.share_texts(),
        }
    }
}

impl Ceremony<'_> {
    pub(super) fn deal(&mut self) -> Result<(), CeremonyError> {
        // Every key of every custodian is tried before there is anything to encrypt to it.
        for person in self.plan.with_role(Role::Custodian) {
            if let Some(custody) = &person.custody {
                Recipient::of(custody)?;
            }
        }
        let policy = self.policy()?;
        let (deal, store, slot) = match self.plan.kind {
            Kind::Create => self.deal_store(policy)?,
            _ => self.deal_slot(policy)?,
        };
        let (set, shares) = (slot.set_id(), deal.shares().len());
        self.note(|journal| {
            journal.set_fact(SLOT, &slot.id().to_string());
            journal.set_fact(SET, &hexadecimal(&set));
        })?;
        self.deal = Some(deal);
        self.event(&Event::Dealt { set, policy: &slot.policy().to_string(), shares })?;
        self.hsm_evidence(slot.policy())?;
        self.talk
            .tell(&format!("Store {store}: {shares} new shares were made, of set {}.", hexadecimal(&set)))?;
        Ok(())
    }

    fn deal_store(&mut self, policy: Policy) -> Result<(Deal, StoreId, Slot), CeremonyError> {
        let directory = self.store_directory()?.to_owned();
        let storage = match DiskStorage::create(&directory) {
            // An earlier start leaves storage without a store: that is no obstacle.
            Err(causes::StorageOpenError::AlreadyExists { .. }) => DiskStorage::open(&directory)?,
            storage => storage?,
        };
        let storage: Arc<dyn Storage> = Arc::new(storage);
        let mut options = InitOptions::new(&self.plan.label, policy);
        options.suite = self.plan.suite;
        options.hsm = self.hsm();
        let prepared = pollster::block_on(Preparation::new(storage, options))?;
        let slot = prepared.slots().find(prepared.slot()).cloned();
        let slot = slot.ok_or(CeremonyError::Misfit(SLOT_GONE))?;
        let store = prepared.store();
        Ok((Deal::New(Box::new(prepared)), store, slot))
    }

    fn deal_slot(&mut self, policy: Policy) -> Result<(Deal, StoreId, Slot), CeremonyError> {
        self.opened()?;
        // One that a killed process left: nobody has all of its shares.
        while let Some(stale) = self.slot_of_label(SlotState::Pending)? {
            pollster::block_on(self.store()?.remove_slot(stale.id()))?;
            self.event(&Event::Voided { set: stale.set_id() })?;
        }
        let old = self.slot_of_label(SlotState::Active)?.ok_or(CeremonyError::Misfit(NO_SLOT))?;
        let cooling_off =
            CoolingOff::from_seconds(self.cooling_off()).ok_or(CeremonyError::Misfit(TOO_LONG))?;
        let options = SlotOptions { suite: self.plan.suite, cooling_off, ..SlotOptions::new(policy) };
        let store = self.store()?;
        let dealt = pollster::block_on(store.add_replacement(old.id(), options))?;
        let slot = store.slots()?.find(dealt.slot()).cloned().ok_or(CeremonyError::Misfit(SLOT_GONE))?;
        let id = store.id();
        Ok((Deal::Pending(dealt), id, slot))
    }

    pub(super) fn hand_out(&mut self) -> Result<(), CeremonyError> {
        let deal = self.deal.take().ok_or(CeremonyError::Misfit(SHARES_GONE))?;
        let handed = self.hand_out_all(&deal);
        self.deal = Some(deal);
        handed
    }

    fn hand_out_all(&mut self, deal: &Deal) -> Result<(), CeremonyError> {
        let (store, slot) = match deal {
            Deal::New(prepared) => (prepared.store(), prepared.slots().find(prepared.slot()).cloned()),
            Deal::Pending(dealt) => {
                let store = self.store()?;
                (store.id(), store.slots()?.find(dealt.slot()).cloned())
            }
        };
        let slot = slot.ok_or(CeremonyError::Misfit(SLOT_GONE))?;
        let directory = self.shares_directory();
        erase_directory(&directory).map_err(|error| CeremonyError::io(NO_SHARE_FILES, error))?;
        let made = DirBuilder::new().recursive(true).mode(0o700).create(&directory);
        made.map_err(|error| CeremonyError::io(NO_SHARE_FILES, error))?;
        for share in deal.shares() {
            let group = slot.policy().leaf(share.group).and_then(|leaf| leaf.name);
            let index = share.share.index().get();
            let to = self.plan.custodian(group, index).ok_or(CeremonyError::NobodyIs(Role::Custodian))?;
            let custody = to.custody.as_ref().ok_or(CeremonyError::NobodyIs(Role::Custodian))?;
            self.bring(store, &slot, share, to, custody)?;
            let (set, threshold) = (share.set, share.threshold);
            self.event(&Event::HandedOut { set, group, index, threshold, to, custody: custody.word() })?;
        }
        Ok(())
    }

    fn bring(
        &mut self,
        store: StoreId,
        slot: &Slot,
        share: &ShareText,
        to: &Person,
        custody: &Custody,
    ) -> Result<(), CeremonyError> {
        let leaf = slot.policy().leaf(share.group);
        let group = leaf.and_then(|leaf| leaf.name);
        let recipient = Recipient::of(custody)?;
        let name = file_name(group, share.share.index().get(), &to.name);
        match custody {
            Custody::Age { .. } | Custody::OpenPgp { .. } => {
                let text = share_text::encode(share)?;
                let Some(sealed) = recipient.encrypt(&text)? else { return Ok(()) };
                let path = self.shares_directory().join(format!("{name}.{}", recipient.extension()));
                write_private(&path, &sealed).map_err(|error| CeremonyError::io(NO_SHARE_FILES, error))?;
                let shown = path.display();
                self.talk.tell(&format!("{}: your share is in {shown}, encrypted to your key.", to.name))?;
            }
            Custody::Screen => {
                let text = share_text::encode_grouped(share)?;
                self.talk.show_share(to, &self.heading(slot, share, group), &text)?;
            }
            Custody::Paper => {
                let (title, date) = (&self.plan.title, date(self.now()));
                let page = Page::new(title, &to.name, &date, store, slot, share, self.setting.rehearsal)?;
                let mut pages = Pages::default();
                for (form, text) in [("html", page.html()), ("txt", page.text())] {
                    let path = self.shares_directory().join(format!("{name}.{form}"));
                    let written = pages.write(path, text.as_bytes());
                    written.map_err(|error| CeremonyError::io(NO_SHARE_FILES, error))?;
                }
                self.printed(to, pages)?;
            }
        }
        Ok(())
    }

    fn printed(&mut self, to: &Person, pages: Pages) -> Result<(), CeremonyError> {
        let printed = self.until_printed(to, pages.paths());
        let missing =
            pages.erase().map_err(|error| CeremonyError::io("a printed page could not be erased", error))?;
        printed?;
        for path in missing {
            self.talk.tell(&format!(
                "{} was not there any more. The page was overwritten wherever it was moved to on this disk: whoever copied it \
                 must destroy the copy.",
                path.display()
            ))?;
        }
        Ok(())
    }

    fn until_printed(&mut self, to: &Person, paths: &[PathBuf]) -> Result<(), CeremonyError> {
        for path in paths {
            self.talk.tell(&format!(
                "{}: your page is {}; it is erased after this.",
                to.name,
                path.display()
            ))?;
        }
        while !self.talk.confirm(to, "is the page printed, and have you alone taken it?")? {
            self.talk.tell("Print it now; the ceremony waits.")?;
        }
        Ok(())
    }

    fn heading(&self, slot: &Slot, share: &ShareText, group: Option<&str>) -> String {
        let shares = slot.policy().leaf(share.group).map_or(0, |leaf| leaf.quorum.shares());
        let of = group.map(|group| format!(", group {group}")).unwrap_or_default();
        let mark = if self.setting.rehearsal { " REHEARSAL" } else { "" };
        let (index, label, set) = (share.share.index(), slot.label(), hexadecimal(&share.set));
        format!("Share {index} of {shares}{of}, slot {label}: any {}.{mark}\nSet {set}", share.threshold)
    }

    pub(super) fn acknowledge(&mut self) -> Result<Outcome, CeremonyError> {
        let plan = self.plan;
        let administrator = self.one(Role::Administrator)?;
        for person in plan.with_role(Role::Custodian) {
            let question = "do you have your share, and do you know that you keep it alone, show it to nobody, check it once \
                            a year and report its loss at once?";
            while !self.talk.confirm(person, question)? {
                let sure = format!(
                    "shall the ceremony be aborted, since {} does not say so? (no: {} is asked again)",
                    person.name, person.name
                );
                if self.talk.confirm(administrator, &sure)? {
                    let why = format!("{} did not acknowledge", person.name);
                    return self.abort(person, &why);
                }
            }
            self.event(&Event::Acknowledged { by: person })?;
        }
        Ok(Outcome::Done)
    }

    pub(super) fn cool_off(&mut self) -> Result<Outcome, CeremonyError> {
        let slot = self.new_slot()?;
        let until = self.takes_effect(&slot);
        let now = self.now();
        if now >= until {
            return Ok(Outcome::Done);
        }
        self.event(&Event::CoolingOff { until })?;
        self.talk.tell(&format!(
            "The cooling-off time lasts another {}. Go on with the same plan and --resume after it: present holders open the \
             store then with their present shares, and each new custodian shows the new one. Until the commit the present shares \
             open the store.",
            super::duration(until - now)
        ))?;
        Ok(Outcome::Cooling { until })
    }

    /// From when on a slot may replace the one before: by what the slot itself says, and by the plan, should it be another one.
    pub(super) fn takes_effect(&self, slot: &Slot) -> u64 {
        slot.not_before().max(slot.created().saturating_add(self.cooling_off()))
    }

    /// Every custodian shows the share, and every HSM gives its part.
    pub(super) fn prove(&mut self) -> Result<(), CeremonyError> {
        if self.open.is_none() {
            self.talk.tell("The present holders open the store first, with their present shares.")?;
        }
        self.opened()?;
        let slot = self.new_slot()?;
        let old = self.slot_of_label(SlotState::Active)?.map(|slot| slot.set_id());
        let store = self.store()?;
        let mut possession = store.possession(slot.id())?;
        let refused = pollster::block_on(store.prove_hsm(&mut possession))?;
        if let Some(error) = refused.first() {
            return Err(CeremonyError::Hsm(error.to_string()));
        }
        self.talk.tell("Now everybody who got a new share shows that it is good.")?;
        let mut proving = Proving { plan: self.plan, slot: &slot, old, possession };
        self.gather(self.plan.with_role(Role::Custodian).collect(), BRING_NEW, &mut proving)?;
        self.proved = Some(proving.possession.finish()?);
        Ok(())
    }

    /// The slot that this ceremony made, as it lies in the store.
    pub(super) fn new_slot(&mut self) -> Result<Slot, CeremonyError> {
        let id = self.new_slot_id().ok_or(CeremonyError::Misfit(SLOT_GONE))?;
        let slots = self.public_slots()?;
        slots.find(id).cloned().ok_or(CeremonyError::Misfit(SLOT_GONE))
    }

    pub(super) fn new_slot_id(&self) -> Option<SlotId> {
        self.journal.fact(SLOT)?.parse().ok()
    }

    /// Before an abort: new shares that wait in a store which is sealed end only where its holders open it.
    pub(super) fn end_pending(&mut self) -> Result<(), CeremonyError> {
        if self.open.is_some() || self.waiting()?.is_none() {
            return Ok(());
        }
        self.talk.tell(
            "The new shares wait in the store. Whoever has enough of the present and the new ones could still let them take effect; \
             they end when the present holders open the store now, or by themselves seven days after they were made.",
        )?;
        let witness = self.one(Role::Witness)?;
        if !self
            .talk
            .confirm(witness, "shall the present holders open the store now, to end the new shares?")?
        {
            return Ok(());
        }
        match self.opened() {
            Err(CeremonyError::TooFew { have, need }) => {
                self.talk.tell(&format!("{have} of {need} shares are here: the store stays sealed."))?;
                Ok(())
            }
            opened => opened,
        }
    }

    /// The slot of this ceremony that waits in the store, if there is one.
    fn waiting(&mut self) -> Result<Option<Slot>, CeremonyError> {
        let Some(id) = self.new_slot_id().filter(|_| self.plan.kind != Kind::Create) else { return Ok(None) };
        let slot = self.public_slots()?.find(id).cloned();
        Ok(slot.filter(|slot| slot.state() == SlotState::Pending))
    }

    /// What was handed out opens nothing any more; or, where the store is sealed, it is said that it waits.
    pub(super) fn void(&mut self) -> Result<(), CeremonyError> {
        self.deal = None;
        self.proved = None;
        let waiting = self.waiting()?;
        if let (Some(slot), Some(store)) = (&waiting, &self.open) {
            pollster::block_on(store.remove_slot(slot.id()))?;
        }
        let set = self.journal.fact(SET).and_then(|set| data_encoding::HEXLOWER.decode(set.as_bytes()).ok());
        if let Some(set) = set.and_then(|set| set.try_into().ok()) {
            self.void_set(set, waiting.is_some() && self.open.is_none())?;
        }
        let erased = erase_directory(&self.shares_directory());
        erased.map_err(|error| CeremonyError::io(NO_SHARE_FILES, error))?;
        self.note(|journal| {
            journal.undo(&[Step::Deal, Step::HandOut, Step::Acknowledge, Step::CoolOff, Step::Prove]);
        })
    }

    fn void_set(&mut self, set: [u8; 16], waits: bool) -> Result<(), CeremonyError> {
        let shown = hexadecimal(&set);
        if waits {
            self.event(&Event::Waiting { set })?;
            return Ok(self.talk.tell(&format!(
                "The shares of set {shown} are given up, and their slot waits in the store for up to seven days: `strongroom slot \
                 remove {}` ends it at once. Whoever has one of them destroys it.",
                self.journal.fact(SLOT).unwrap_or_default()
            ))?);
        }
        self.event(&Event::Voided { set })?;
        Ok(self.talk.tell(&format!(
            "The shares of set {shown} are void: whoever wrote one down or has its page or file destroys it."
        ))?)
    }

    fn policy(&self) -> Result<Policy, CeremonyError> {
        self.plan.policy.clone().ok_or(CeremonyError::Misfit("the plan has no policy: add it"))
    }

    fn shares_directory(&self) -> PathBuf {
        self.output.join("shares")
    }
}

/// New shares, each of which its own custodian shows.
struct Proving<'a> {
    plan: &'a Plan,
    slot: &'a Slot,
    /// The set that opens the store until the commit.
    old: Option<[u8; 16]>,
    possession: Possession,
}

impl Gathering for Proving<'_> {
    const PROVES: bool = true;

    fn offer(&mut self, who: &Person, share: ShareText) -> Result<Accepted, String> {
        if self.old == Some(share.set) {
            return Err("this is a share of the present set: enter the new one".to_owned());
        }
        let group = self.slot.policy().leaf(share.group).and_then(|leaf| leaf.name);
        let index = share.share.index().get();
        let owner = self.plan.custodian(group, index).filter(|_| share.set == self.slot.set_id());
        if let Some(owner) = owner.filter(|owner| owner.name != who.name) {
            let of = group.map(|group| format!(" of group \"{group}\"")).unwrap_or_default();
            return Err(format!("this is share {index}{of}, which is {}'s: enter your own", owner.name));
        }
        self.possession.offer(share).map_err(|error| error.to_string())
    }

    fn is_ready(&self) -> bool {
        self.possession.missing().is_empty()
    }

    fn progress(&self) -> Vec<Progress> {
        Vec::new()
    }

    fn standing(&self) -> (usize, usize) {
        let need = self.slot.policy().leaves().map(|leaf| usize::from(leaf.quorum.shares())).sum();
        let missing = self.possession.missing().len();
        (usize::saturating_sub(need, missing), need)
    }
}

/// Group and index tell it from every other, so that it need not hold a long name whole: file systems take 255 bytes.
fn file_name(group: Option<&str>, index: u8, name: &str) -> String {
    match group {
        Some(group) => format!("share-{}-{index}-{}", plain(group, MAX_GROUP), plain(name, MAX_NAME)),
        None => format!("share-{index}-{}", plain(name, MAX_NAME)),
    }
}

/// The beginning of a text, in at most so many bytes, without what could lead to another directory.
fn plain(text: &str, bytes: usize) -> String {
    let mut plain = String::new();
    for c in text.chars().map(|c| if c.is_alphanumeric() { c } else { '-' }) {
        if plain.len() + c.len_utf8() > bytes {
            break;
        }
        plain.push(c);
    }
    plain
}

/// The day in UTC, as ISO 8601 writes it (Hinnant, "chrono-compatible low-level date algorithms").
fn date(seconds: u64) -> String {
    let days = seconds / 86_400 + 719_468;
    let (era, day_of_era) = (days / 146_097, days % 146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    let year = year_of_era + era * 400 + u64::from(month <= 2);
    format!("{year:04}-{month:02}-{day:02}")
}

/// In bytes, of a person's name and a group's in the name of a file.
const MAX_NAME: usize = 60;
const MAX_GROUP: usize = 160;
const SLOT: &str = "slot";
const SET: &str = "set";
const NO_SHARE_FILES: &str = "the files of the shares could not be written or removed";
const SLOT_GONE: &str =
    "the slot that this ceremony made is not in the store any more: abort, and begin a new ceremony";
const SHARES_GONE: &str =
    "the new shares are not in memory any more: go on with --resume, which deals new ones";
const TOO_LONG: &str = "the cooling-off time is longer than 6 days: correct the plan";
const NO_SLOT: &str = "the store has no active slot of the plan's label: correct the label";

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn days_are_those_of_the_calendar() {
        for (seconds, day) in [
            (0, "1970-01-01"),
            (951_782_400, "2000-02-29"),
            (951_868_800, "2000-03-01"),
            (1_795_651_199, "2026-11-25"),
            (4_107_542_400, "2100-03-01"),
        ] {
            assert_eq!(date(seconds), day);
        }
    }

    #[test]
    fn names_stay_in_their_directory() {
        assert_eq!(file_name(Some("../etc"), 1, "A/b"), "share----etc-1-A-b");
    }

    #[test]
    fn long_name_makes_a_file_that_file_systems_take() {
        let (name, group) = ("王".repeat(200), "é".repeat(127));
        let directory = tempfile::tempdir().unwrap();
        assert!(
            fs::write(directory.path().join(&name), "").is_err(),
            "the control: the whole name is too long"
        );
        let file = file_name(Some(&group), 1, &name);
        assert_eq!(file, format!("share-{}-1-{}", "é".repeat(80), "王".repeat(20)));
        fs::write(directory.path().join(format!("{file}.html")), "").unwrap();
        assert_ne!(file, file_name(Some(&group), 2, &name));
    }
}
