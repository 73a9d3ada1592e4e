//! A store and the token that opens it, through everything that happens to both.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use strongroom::pkcs11::{KeyKind, KeySpec};
use strongroom::{
    HsmKeys, Hsms, InitOptions, MemoryStorage, Outage, OutageWatch, Possession, Preparation, SealedStore,
    SlotId, SlotOptions, Store, Suite,
};
use strongroom_test_tokens::TestToken;

use super::{Shares, assert_clean, barrier_options, contents, go_on, options, policy, put, share, wait};

/// The token as a configuration file calls it: `main`.
pub fn hsms(token: &TestToken, more: &str) -> Arc<Hsms> {
    let text = format!(
        "[hsm.main]\nlib = '{}'\ntoken_label = '{}'\npin_file = '{}'\n{more}\n",
        token.lib().display(),
        token.label(),
        token.pin_file().display()
    );
    Arc::new(Hsms::new(text.parse().unwrap(), |_| None).unwrap())
}

/// Makes an AES key of this label, and with this id where there are to be two of one label.
pub fn generate(hsms: &Hsms, label: &str, id: Option<&[u8]>) {
    // SoftHSM 2.6 now and then answers CKR_GENERAL_ERROR when a key is made while others are looked for.
    let _one_at_a_time = GENERATING.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let mut spec = KeySpec::new(KeyKind::Aes256, label);
    spec.id = id.map(<[u8]>::to_vec);
    let token = hsms.token("main").unwrap();
    let made = (0..40).find_map(|_| {
        let made = token.generate(&spec).ok();
        if made.is_none() {
            std::thread::sleep(std::time::Duration::from_millis(50));
        }
        made
    });
    assert!(made.is_some(), "no key could be made");
}

/// A store under this policy.
pub fn init(storage: &MemoryStorage, hsms: &Arc<Hsms>, seal: &str) -> Result<(Store, Shares), String> {
    let options = InitOptions { policy: policy(seal), hsm: hsms.clone(), ..options() };
    super::init(Arc::new(storage.clone()), options)
}

/// Unseals with what the HSM gives and these shares.
pub fn open<'a>(
    storage: &MemoryStorage,
    hsm: Option<&Arc<Hsms>>,
    shares: impl IntoIterator<Item = &'a String>,
) -> Result<Store, String> {
    wait(async {
        let sealed = SealedStore::open(Arc::new(storage.clone())).await.map_err(|error| error.to_string())?;
        let mut unsealing = sealed.unsealing_with(barrier_options());
        if let Some(hsm) = hsm {
            let hsm: Arc<dyn HsmKeys> = Arc::<Hsms>::clone(hsm);
            unsealing = unsealing.with_hsm(hsm);
            unsealing.ask_hsms().await.map_err(|error| error.to_string())?;
        }
        for text in shares {
            unsealing.offer_text(text).map_err(|error| error.to_string())?;
        }
        unsealing.unseal().await.map_err(|error| error.to_string())
    })
}

/// Adds a slot, has its holders and its HSM prove possession, and activates it.
pub fn add(store: &Store, label: &str, seal: &str) -> Result<(SlotId, Shares), String> {
    let dealt =
        wait(store.add_slot(label, SlotOptions { suite: Suite::P256, ..SlotOptions::new(policy(seal)) }))
            .map_err(|error| error.to_string())?;
    let shares: Shares = dealt.shares().unwrap().iter().map(|share| share.to_string()).collect();
    let mut possession = store.possession(dealt.slot()).unwrap();
    prove(store, &mut possession, &shares)?;
    let proved = possession.finish().map_err(|error| error.to_string())?;
    wait(store.activate_slot(proved)).map_err(|error| error.to_string())?;
    Ok((dealt.slot(), shares))
}

fn prove(store: &Store, possession: &mut Possession, shares: &[String]) -> Result<(), String> {
    for text in shares {
        possession.offer(share(text)).map_err(|error| error.to_string())?;
    }
    let silent = wait(store.prove_hsm(possession)).map_err(|error| error.to_string())?;
    silent.first().map_or(Ok(()), |error| Err(error.to_string()))
}

fn records(store: &Store, count: usize) -> BTreeMap<String, Vec<u8>> {
    for n in 0..count {
        put(store, &format!("app/{}/{n}", n % 7), format!("value {n}")).unwrap();
    }
    contents(store).unwrap()
}

/// From init to the end of a rewrap, with the token alone.
pub fn whole_life(kind: &str, token: &TestToken) {
    let hsms = hsms(token, "");
    generate(&hsms, "root", None);
    let storage = MemoryStorage::new();
    let (store, shares) = init(&storage, &hsms, "hsm(main, root)").unwrap();
    assert!(shares.is_empty());
    let written = records(&store, 40);
    wait(store.seal());

    assert!(open(&storage, None, []).is_err(), "without the token nothing opens it");
    let store = open(&storage, Some(&hsms), []).unwrap();
    assert_eq!(contents(&store).unwrap(), written);
    wait(store.rotate_root()).unwrap();
    wait(store.barrier().rotate()).unwrap();
    let outcome = wait(store.rewrap(go_on)).unwrap();
    assert_eq!(outcome.destroyed.len(), 1);
    let first = store.slots().unwrap().slots()[0].id();
    assert!(wait(store.verify_hsm(first)).unwrap().is_empty());

    // A slot beside it, and away with the first.
    let (second, _) = add(&store, "second", "all(hsm(main, root), 1 of 2)").unwrap();
    let (board, people) = add(&store, "board", "2 of 3").unwrap();
    wait(store.remove_slot(first)).unwrap();
    wait(store.rewrap(go_on)).unwrap();
    assert!(wait(store.verify_hsm(second)).unwrap().is_empty());
    assert_eq!(contents(&store).unwrap(), written);
    assert_clean(&store);
    drop(store);
    assert!(open(&storage, Some(&hsms), []).is_err(), "the token alone was removed");
    let store = open(&storage, None, &people[..2]).unwrap();
    assert_eq!(contents(&store).unwrap(), written);
    assert!(wait(store.remove_slot(board)).is_ok());
    println!(
        "evidence: id=hsm/life-{kind} figure=init, unseal, rotate root, rotate, rewrap, add and remove slots: {} records kept \
         verdict=pass",
        written.len()
    );
}

/// Shamir, then an HSM, then both together, then Shamir again: on one store, with nothing lost on the way.
pub fn migration(kind: &str, token: &TestToken) {
    let hsms = hsms(token, "");
    generate(&hsms, "migration", None);
    let storage = MemoryStorage::new();
    let (store, people) = init(&storage, &hsms, "2 of 3").unwrap();
    let written = records(&store, 60);

    let step = |store: &Store, old: &str, new: &str, seal: &str| -> Shares {
        let (_, shares) = add(store, new, seal).unwrap();
        let gone = store.slots().unwrap().find_by_label(old).unwrap().id();
        wait(store.remove_slot(gone)).unwrap();
        wait(store.rewrap(go_on)).unwrap();
        assert_eq!(contents(store).unwrap(), written, "from {old} to {new}");
        assert_clean(store);
        shares
    };
    let mut shut = 0;
    let mut is_shut = |hsm: Option<&Arc<Hsms>>, shares: &[String], why: &str| {
        assert!(open(&storage, hsm, shares).is_err(), "{why}");
        shut += 1;
    };
    step(&store, "first", "hsm", "hsm(main, migration)");
    drop(store);
    is_shut(Some(&hsms), &people[..2], "the first holders are out");

    let store = open(&storage, Some(&hsms), []).unwrap();
    let both = step(&store, "hsm", "both", "all(2 of 3, hsm(main, migration))");
    drop(store);
    is_shut(Some(&hsms), &[], "the HSM without a quorum opens nothing");
    is_shut(Some(&hsms), &both[..1], "nor with a minority");
    is_shut(None, &both, "nor does a quorum without the HSM");

    let store = open(&storage, Some(&hsms), &both[1..]).unwrap();
    let people = step(&store, "both", "people", "2 of 3");
    drop(store);
    is_shut(Some(&hsms), &both[..2], "the joint slot is gone");
    let store = open(&storage, None, &people[..2]).unwrap();
    assert_eq!(contents(&store).unwrap(), written);
    println!(
        "evidence: id=hsm/migration-{kind} figure=Shamir → HSM → all(…) → Shamir, {} records, 4 policies, 0 lost; {shut} ways that \
         must not open did not verdict=pass",
        written.len()
    );
}

/// A key replaced by another of its label; the old one opens older copies for as long as it exists.
pub fn replaced_key(token: &TestToken) {
    let old = hsms(token, "");
    generate(&old, "replaced", Some(b"one"));
    let storage = MemoryStorage::new();
    let (store, shares) = init(&storage, &old, "all(hsm(main, replaced), 2 of 3)").unwrap();
    put(&store, "a", "1").unwrap();
    let slot = store.slots().unwrap().slots()[0].id();
    drop(store);
    let before = super::copy(&storage);

    generate(&old, "replaced", Some(b"two"));
    let new = hsms(token, "key_id = \"74776f\"");
    // Two keys of one label: what was wrapped opens all the same, and what is to wrap must be said.
    let store = open(&storage, Some(&old), &shares[..2]).unwrap();
    assert!(wait(store.rewrap_hsm(slot)).is_err());
    drop(store);
    let store = open(&storage, Some(&new), &shares[..2]).unwrap();
    let wrapped = |store: &Store| store.slots().unwrap().slots()[0].hsm_wrapped().to_vec();
    let earlier = wrapped(&store);
    wait(store.rewrap_hsm(slot)).unwrap();
    assert_ne!(wrapped(&store), earlier);
    assert!(wait(store.verify_hsm(slot)).unwrap().is_empty());
    drop(store);

    let gone = strongroom::pkcs11::KeySelector::id(b"one".to_vec());
    assert!(open(&before, Some(&new), &shares[..2]).is_ok(), "the old key opens the older copy");
    new.token("main").unwrap().destroy(&gone).unwrap();
    let fresh = hsms(token, "key_id = \"74776f\"");
    assert!(
        open(&before, Some(&fresh), &shares[..2]).is_err(),
        "the old key is gone, and so is the older copy"
    );
    let store = open(&storage, Some(&fresh), &shares[1..]).unwrap();
    assert_eq!(super::get(&store, "a").unwrap(), b"1");
}

/// Everybody may lose the token: the other slot opens the store.
pub fn lost_token(token: &TestToken) {
    let hsms = hsms(token, "");
    generate(&hsms, "lost", None);
    let storage = MemoryStorage::new();
    let (store, _) = init(&storage, &hsms, "hsm(main, lost)").unwrap();
    put(&store, "a", "1").unwrap();
    let (_, people) = add(&store, "break-glass", "2 of 3").unwrap();
    hsms.token("main").unwrap().destroy(&strongroom::pkcs11::KeySelector::label("lost")).unwrap();
    // What is open stays open.
    put(&store, "b", "2").unwrap();
    let slot = store.slots().unwrap().slots()[0].id();
    assert_eq!(wait(store.verify_hsm(slot)).unwrap().len(), 1, "the loss shows");
    drop(store);
    assert!(open(&storage, Some(&hsms), []).is_err());
    let store = open(&storage, Some(&hsms), &people[..2]).unwrap();
    assert_eq!(super::get(&store, "b").unwrap(), b"2");
    wait(store.remove_slot(slot)).unwrap();
    wait(store.rewrap(go_on)).unwrap();
    assert_clean(&store);
}

/// Whoever changes storage cannot make the token open what it did not wrap for this place.
pub fn tampering(kind: &str, token: &TestToken) {
    let hsms = hsms(token, "");
    generate(&hsms, "tampered", None);
    let storage = MemoryStorage::new();
    let (store, _) = init(&storage, &hsms, "hsm(main, tampered)").unwrap();
    let slots = store.slots().unwrap();
    drop(store);
    let wrapped = slots.slots()[0].hsm_wrapped()[0].clone();
    let encoded = slots.encode();
    let at = encoded.windows(wrapped.len()).position(|window| window == wrapped).unwrap();
    let mut refused = 0;
    for place in 0..wrapped.len() {
        let mut bytes = encoded.clone();
        bytes[at + place] ^= 1;
        let end = bytes.len() - 32;
        let sum = strongroom_crypto::hash::sha256(&[&bytes[..end]]);
        bytes[end..].copy_from_slice(&sum);
        let changed = super::copy(&storage);
        super::write(&changed, strongroom_barrier::SLOTS, &bytes);
        assert!(open(&changed, Some(&hsms), []).is_err(), "byte {place}");
        refused += 1;
    }
    // At once: what was altered, whatever key it named, has not made the token unusable.
    let control = open(&storage, Some(&hsms), []).err();
    assert_eq!(control, None, "the control: unchanged, it opens");
    println!(
        "evidence: id=hsm/flips-{kind} figure={refused} of {} bytes changed, all refused verdict=pass",
        wrapped.len()
    );
}

/// No process that prepares a store leaves anything behind, and the same store is not made twice.
pub fn preparation_writes_nothing(token: &TestToken) {
    let hsms = hsms(token, "");
    generate(&hsms, "prepared", None);
    let storage = MemoryStorage::new();
    let options = InitOptions { policy: policy("hsm(main, prepared)"), hsm: hsms.clone(), ..options() };
    drop(wait(Preparation::new(Arc::new(storage.clone()), options)).unwrap());
    assert!(super::keys(&storage).is_empty());
    let options = InitOptions { policy: policy("hsm(main, missing)"), hsm: hsms, ..super::options() };
    let error = super::refused(wait(Preparation::new(Arc::new(storage.clone()), options))).to_string();
    assert!(error.contains("“missing”") && error.contains("generate the key"), "{error}");
    assert!(super::keys(&storage).is_empty());
}

/// An open store needs no token; how long it stays open without one is a matter of policy.
pub fn outage(token: &TestToken) {
    let hsms = hsms(token, "");
    generate(&hsms, "outage", None);
    let storage = MemoryStorage::new();
    let (store, _) = init(&storage, &hsms, "hsm(main, outage)").unwrap();
    let (begun, minute) = (Instant::now(), Duration::from_secs(60));
    let (mut patient, mut strict) = (OutageWatch::new(None), OutageWatch::new(Some(5 * minute)));
    assert!(matches!(wait(strict.look(&store, begun)), Ok(Outage::None)));

    hsms.token("main").unwrap().destroy(&strongroom::pkcs11::KeySelector::label("outage")).unwrap();
    for minutes in 0..5 {
        let now = begun + minute * minutes;
        let lasting = wait(strict.look(&store, now)).unwrap();
        let Outage::Lasting { lasted, seals_in, errors } = lasting else { panic!("{lasting:?}") };
        assert_eq!((lasted, seals_in, errors.len()), (minute * minutes, Some(minute * (5 - minutes)), 1));
        assert!(matches!(wait(patient.look(&store, now)), Ok(Outage::Lasting { seals_in: None, .. })));
        put(&store, &format!("written/{minutes}"), "during the outage").unwrap();
    }
    // Somebody adds a way that works: there is no outage any more, and the next one counts from its own beginning.
    generate(&hsms, "second", None);
    let (second, _) = add(&store, "second", "hsm(main, second)").unwrap();
    assert!(matches!(wait(strict.look(&store, begun + 5 * minute)), Ok(Outage::None)));
    wait(store.remove_slot(second)).unwrap();
    assert!(matches!(wait(strict.look(&store, begun + 6 * minute)), Ok(Outage::Lasting { .. })));
    assert!(matches!(wait(strict.look(&store, begun + 10 * minute)), Ok(Outage::Lasting { .. })));
    assert!(matches!(wait(strict.look(&store, begun + 11 * minute)), Ok(Outage::Sealed { .. })));
    assert!(wait(store.barrier().get(&"written/0".parse().unwrap())).is_err(), "it is sealed");
    assert!(wait(strict.look(&store, begun + 12 * minute)).is_err());
}

static GENERATING: std::sync::Mutex<()> = std::sync::Mutex::new(());
