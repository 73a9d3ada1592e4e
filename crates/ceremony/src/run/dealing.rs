//! New shares: made, brought to their custodians, and proved.

use std::fs::{self, DirBuilder};
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use strongroom::{
    CoolingOff, Dealt, DiskStorage, InitOptions, Policy, Possession, Preparation, ShareText, Slot, SlotId,
    SlotOptions, SlotState, Storage, StoreId, causes, share_text,
};

use super::record::Event;
use super::shares::Taken;
use super::{Ceremony, CeremonyError, Outcome, hexadecimal, remove_directory};
use crate::custody::{Recipient, write_private};
use crate::pages::Page;
use crate::plan::{Custody, Kind, Person, Role, Step};

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

impl<'a> Ceremony<'a> {
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
        self.journal.set_fact(SLOT, &slot.id().to_string())?;
        self.journal.set_fact(SET, &hexadecimal(&set))?;
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
        remove_directory(&directory).map_err(|error| CeremonyError::io(NO_SHARE_FILES, error))?;
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
                let paths =
                    ["html", "txt"].map(|form| self.shares_directory().join(format!("{name}.{form}")));
                for (path, form) in paths.iter().zip([page.html(), page.text()]) {
                    write_private(path, form.as_bytes())
                        .map_err(|error| CeremonyError::io(NO_SHARE_FILES, error))?;
                }
                let printed = self.printed(to, &paths);
                for path in &paths {
                    erase(path)
                        .map_err(|error| CeremonyError::io("a printed page could not be erased", error))?;
                }
                printed?;
            }
        }
        Ok(())
    }

    fn printed(&mut self, to: &Person, paths: &[PathBuf]) -> Result<(), CeremonyError> {
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
        for person in plan.with_role(Role::Custodian) {
            let question = "do you have your share, and do you know that you keep it alone, show it to nobody, check it once \
                            a year and report its loss at once?";
            if !self.talk.confirm(person, question)? {
                let why = format!("{} did not acknowledge", person.name);
                return self.abort(person, &why);
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
            "The cooling-off time lasts another {} s. Start the ceremony again with the same plan after it. Until the commit \
             the present shares open the store.",
            until - now
        ))?;
        Ok(Outcome::Cooling { until })
    }

    /// From when on a slot may replace the one before: by what the slot itself says, and by the plan, should it be another one.
    pub(super) fn takes_effect(&self, slot: &Slot) -> u64 {
        slot.not_before().max(slot.created().saturating_add(self.cooling_off()))
    }

    /// Every custodian shows the share, and every HSM gives its part.
    pub(super) fn prove(&mut self) -> Result<(), CeremonyError> {
        self.opened()?;
        let slot = self.new_slot()?;
        let store = self.store()?;
        let mut possession = store.possession(slot.id())?;
        let refused = pollster::block_on(store.prove_hsm(&mut possession))?;
        if let Some(error) = refused.first() {
            return Err(CeremonyError::Hsm(error.to_string()));
        }
        let plan = self.plan;
        for person in plan.with_role(Role::Custodian) {
            if possession.missing().is_empty() {
                break;
            }
            self.prove_one(person, &slot, &mut possession)?;
        }
        self.proved = Some(possession.finish()?);
        Ok(())
    }

    fn prove_one(
        &mut self,
        person: &'a Person,
        slot: &Slot,
        possession: &mut Possession,
    ) -> Result<(), CeremonyError> {
        self.talk.tell(&format!("{}: show that your new share is good.", person.name))?;
        let plan = self.plan;
        let taken = self.take_share(person, |share| {
            let group = slot.policy().leaf(share.group).and_then(|leaf| leaf.name);
            let index = share.share.index().get();
            let owner = plan.custodian(group, index).filter(|_| share.set == slot.set_id());
            if let Some(owner) = owner.filter(|owner| owner.name != person.name) {
                let of = group.map(|group| format!(" of group \"{group}\"")).unwrap_or_default();
                return Err(format!("this is share {index}{of}, which is {}'s: enter your own", owner.name));
            }
            possession.offer(share).map_err(|error| error.to_string())
        })?;
        if let Taken::Yes { set, accepted } = taken {
            let (group, index) = (accepted.group.as_deref(), accepted.index);
            self.event(&Event::Proved { by: person, set, group, index })?;
            let progress = possession.progress();
            self.talk.progress(progress.have, progress.need)?;
        }
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

    /// What was handed out opens nothing any more.
    pub(super) fn void(&mut self) -> Result<(), CeremonyError> {
        self.deal = None;
        self.proved = None;
        if let (Some(id), Some(store)) = (self.new_slot_id(), &self.open)
            && store.slots()?.find(id).is_some_and(|slot| slot.state() == SlotState::Pending)
        {
            pollster::block_on(store.remove_slot(id))?;
        }
        let set = self.journal.fact(SET).and_then(|set| data_encoding::HEXLOWER.decode(set.as_bytes()).ok());
        if let Some(set) = set.and_then(|set| set.try_into().ok()) {
            self.event(&Event::Voided { set })?;
        }
        let removed = remove_directory(&self.shares_directory());
        removed.map_err(|error| CeremonyError::io(NO_SHARE_FILES, error))?;
        self.journal.undo(&[Step::Deal, Step::HandOut, Step::Acknowledge, Step::CoolOff, Step::Prove])?;
        Ok(())
    }

    fn policy(&self) -> Result<Policy, CeremonyError> {
        self.plan.policy.clone().ok_or(CeremonyError::Misfit("the plan has no policy: add it"))
    }

    fn shares_directory(&self) -> PathBuf {
        self.output.join("shares")
    }
}

/// Overwrites a file and removes it. On a disk that moves what is written this erases nothing for certain: pages belong on a
/// memory file system.
fn erase(path: &Path) -> std::io::Result<()> {
    let length = usize::try_from(fs::metadata(path)?.len()).unwrap_or(0);
    let file = fs::OpenOptions::new().write(true).open(path)?;
    std::io::Write::write_all(&mut &file, &vec![0; length])?;
    file.sync_all()?;
    fs::remove_file(path)
}

fn file_name(group: Option<&str>, index: u8, name: &str) -> String {
    let plain =
        |text: &str| -> String { text.chars().map(|c| if c.is_alphanumeric() { c } else { '-' }).collect() };
    match group {
        Some(group) => format!("share-{}-{index}-{}", plain(group), plain(name)),
        None => format!("share-{index}-{}", plain(name)),
    }
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

const SLOT: &str = "slot";
const SET: &str = "set";
const NO_SHARE_FILES: &str = "the files of the shares could not be written or removed";
const SLOT_GONE: &str =
    "the slot that this ceremony made is not in the store any more: abort, and begin a new ceremony";
const SHARES_GONE: &str =
    "the new shares are not in memory any more: start the ceremony again, which deals new ones";
const TOO_LONG: &str = "the cooling-off time is longer than 6 days: correct the plan";
const NO_SLOT: &str = "the store has no active slot of the plan's label: correct the label";

#[cfg(test)]
mod tests {
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
    fn erased_file_is_gone() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("page");
        fs::write(&path, "sr1").unwrap();
        erase(&path).unwrap();
        assert!(!path.exists());
    }
}
