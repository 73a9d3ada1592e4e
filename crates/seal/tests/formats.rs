//! Slots as the independent implementation in `testvectors/` makes them: opened by its shares, refused where it refuses.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::string_slice,
    clippy::panic,
    missing_docs
)]

use strongroom_crypto::external::{ExternalError, ExternalFault};
use strongroom_crypto::secret::{Secret, SecretBytes};
use strongroom_seal::hsm::{HsmKeys, HsmPartError};
use strongroom_seal::policy::{DecodeError, HsmKey, NameError, Policy, PolicyError};
use strongroom_seal::slot::{SlotFault, SlotId, SlotSet, SlotSetError, SlotState};
use strongroom_seal::unseal::{Collector, OpenError, ShareError, verify_share};
use strongroom_shamir::text::{Decoded, ShareText, decode};

#[path = "../../../testvectors/reader.rs"]
mod reader;

use reader::{Vector, Vectors};

#[test]
fn policies_are_those_of_the_other_implementation() {
    let vectors = Vectors::load("policies.json");
    let run = vectors.run("accepted", |vector| {
        let policy = Policy::decode(&vector.bytes("encoded")).unwrap();
        assert_eq!(policy.encode(), vector.bytes("encoded"), "{}", vector.name());
        assert_eq!(policy.total_shares(), vector.number::<usize>("holder_count"), "{}", vector.name());
        let keys: Vec<HsmKey> = if vector.has("hsm_keys") {
            vector.list("hsm_keys").into_iter().map(hsm_key).collect()
        } else {
            Vec::new()
        };
        assert!(policy.hsm_keys().eq(&keys), "{}", vector.name());
        if !vector.has("holders") {
            return;
        }
        assert_eq!(policy.to_string(), vector.text("text"));
        assert_eq!(vector.text("text").parse(), Ok(policy.clone()));
        let holders = policy.leaves().flat_map(|leaf| {
            (1..=leaf.quorum.shares()).map(move |index| (leaf.group, index, leaf.quorum.threshold()))
        });
        let expected: Vec<(u8, u8, u8)> = vector
            .list("holders")
            .iter()
            .map(|holder| {
                (holder.number::<u8>("group"), holder.number::<u8>("index"), holder.number("threshold"))
            })
            .collect();
        assert_eq!(holders.collect::<Vec<_>>(), expected, "{}", vector.name());
    });
    assert_eq!(run, 23);
    let run = vectors.run("refused", |vector| {
        let error = vector.refusal(Policy::decode(&vector.bytes("encoded")));
        assert_eq!(policy_reason(&error), vector.text("reason"), "{}: {error}", vector.name());
    });
    assert_eq!(run, 71);
}

#[test]
fn sets_are_those_of_the_other_implementation() {
    let (mut slots, mut shares, mut hsm_parts) = (0, 0, 0);
    let vectors = Vectors::load("slots.json");
    let sets = stored_sets(&vectors);
    let run = vectors.run("sets", |vector| {
        let stored = vector.bytes("stored");
        let set = SlotSet::decode(&stored).unwrap();
        assert_eq!(set.encode(), stored, "{}", vector.name());
        assert_eq!(SlotSet::digest(&stored), vector.array("digest"));
        assert_eq!(set.store().0, vector.array("store_id"));
        assert_eq!(set.generation(), vector.number::<u64>("generation"));
        for (slot, expected) in set.slots().iter().zip(vector.list("slots")) {
            assert_eq!(slot.id().as_bytes(), &expected.array("slot_id"));
            let state =
                if expected.number::<u8>("state") == 1 { SlotState::Pending } else { SlotState::Active };
            assert_eq!(slot.state(), state);
            assert_eq!(slot.created(), expected.number::<u64>("created"));
            let not_before = if expected.has("not_before") { expected.number("not_before") } else { 0 };
            assert_eq!(slot.not_before(), not_before, "{}", slot.label());
            assert_eq!(slot.label(), expected.text("label"));
            assert_eq!(slot.suite().code(), expected.number::<u16>("suite"));
            assert_eq!(slot.policy().to_string(), expected.text("policy"));
            assert_eq!(slot.public_key(), expected.bytes("public_key"));
            assert_eq!(slot.set_id(), expected.array("set_id"), "{}", slot.label());
            let commitments: Vec<[u8; 32]> = expected
                .list("commitments")
                .iter()
                .map(|each| reader::hex(each.as_text()).try_into().unwrap())
                .collect();
            assert_eq!(slot.commitments(), commitments);
            for share in expected.list("shares") {
                let identity = verify_share(&set, &typed(share.text("text"))).unwrap();
                assert_eq!(identity.slot, slot.id());
                assert_eq!(
                    (identity.group_number, identity.index),
                    (share.number::<u8>("group"), share.number::<u8>("index"))
                );
                shares += 1;
            }
            let hsms = if expected.has("hsms") { expected.list("hsms") } else { Vec::new() };
            let parts = set.hsm_parts(slot);
            assert_eq!(parts.len(), hsms.len(), "{}", slot.label());
            let at_hand = VectorHsm(sets.iter().flat_map(|of| of.hsms.iter().cloned()).collect());
            for (part, expected) in parts.iter().zip(hsms) {
                assert_eq!(part.key(), &hsm_key(expected), "{}", slot.label());
                assert_eq!(part.wrapped(), expected.bytes("wrapped_secret"), "{}", slot.label());
                // The HSM answers in the vector's context only, and the answer fits its commitment.
                let secret = part.unwrap(&at_hand).unwrap();
                assert_eq!((secret.slot(), secret.key()), (slot.id(), part.key()));
                hsm_parts += 1;
            }
            slots += 1;
        }
        assert_eq!(set.slots().len(), vector.list("slots").len());
    });
    assert_eq!((run, slots, shares, hsm_parts), (5, 25, 77, 22));
}

#[test]
fn every_quorum_of_the_other_implementation_opens_its_slot() {
    let vectors = Vectors::load("slots.json");
    let sets = stored_sets(&vectors);
    let run = vectors.run("opened", |vector| {
        let of = set_of(&sets, vector);
        let mut collector = Collector::new(SlotSet::decode(&of.bytes).unwrap());
        for text in vector.list("shares") {
            collector.offer(typed(text.as_text())).unwrap();
        }
        let hsm = of.hsm(vector);
        for part in collector.hsm_parts() {
            if let Ok(secret) = part.unwrap(&hsm) {
                collector.take_hsm(secret);
            }
        }
        let opened = collector.open().unwrap();
        assert_eq!(opened.slot, SlotId::new(vector.array("slot_id")), "{}", vector.name());
        assert_eq!(opened.root.expose(), &vector.array::<32>("root_key"), "{}", vector.name());
        let (_, psk) = of.psks.iter().find(|(slot, _)| *slot == opened.slot).unwrap();
        assert!(opened.psk.ct_eq(psk), "{}", vector.name());
    });
    assert_eq!(run, 45);
}

#[test]
fn sets_that_the_other_implementation_refuses_are_refused_alike() {
    let run = Vectors::load("slots.json").run("refused_sets", |vector| {
        let error = vector.refusal(SlotSet::decode(&vector.bytes("stored")));
        let said = match &error {
            // What is too short for the magic cannot have a checksum.
            SlotSetError::NotSlots => "wrong magic, checksum does not match",
            SlotSetError::UnknownVersion(_) => "unknown version",
            SlotSetError::Damaged => "checksum does not match",
            SlotSetError::TooMany(_) => "more than 32 slots",
            SlotSetError::Truncated | SlotSetError::Slot { fault: SlotFault::Truncated, .. } => "truncated",
            SlotSetError::Trailing => "bytes after the end",
            SlotSetError::Slot { fault, .. } => fault_reason(fault),
        };
        assert!(said.contains(vector.text("reason")), "{}: {error}", vector.name());
    });
    assert_eq!(run, 49);
}

#[test]
fn faults_of_holders_and_attacks_on_storage_are_refused_alike() {
    let vectors = Vectors::load("slots.json");
    let sets = stored_sets(&vectors);
    let run = vectors.run("refused_openings", |vector| {
        let of = set_of(&sets, vector);
        let stored = if vector.has("stored") { vector.bytes("stored") } else { of.bytes.clone() };
        let slot = SlotId::new(vector.array("slot_id"));
        let said = attempt(&stored, slot, &vector.list("shares"), &of.hsm(vector));
        assert!(said.contains(vector.text("reason")), "{}: {said}", vector.name());
        // Who has the keyring sees every change of the stored bytes before any share is asked for.
        assert_eq!(SlotSet::digest(&stored) == of.digest, !vector.has("stored"), "{}", vector.name());
    });
    assert_eq!(run, 133);
}

/// Offers the shares in turn, asks the HSM, and opens; the first refusal in the words of the vectors.
fn attempt(stored: &[u8], slot: SlotId, shares: &[Vector<'_>], hsm: &VectorHsm) -> &'static str {
    let mut collector = Collector::new(SlotSet::decode(stored).unwrap());
    for text in shares {
        match collector.offer(typed(text.as_text())) {
            Ok(accepted) if accepted.slot == slot => {}
            // Kept for that other slot, and of no use for this one.
            Ok(_) => return "share of another set",
            // A slot is found by the set that its shares name, so that one which is not there is another set's.
            Err(ShareError::UnknownSet { .. }) => return "share of another set, no such slot",
            // The one share of 1 of 1 is checked by the slot's public key.
            Err(ShareError::Damaged(_)) => {
                return "share differs from its commitment, shares do not yield the slot's public key";
            }
            Err(ShareError::Repeated(_)) => return "share given twice",
            Err(ShareError::Pending(_)) => return "slot is pending",
            Err(
                ShareError::WrongGroup { .. }
                | ShareError::BadIndex { .. }
                | ShareError::WrongThreshold { .. },
            ) => {
                return "policy has no such share";
            }
            Err(error) => panic!("{error}"),
        }
    }
    let set = collector.slots().clone();
    for part in set.find(slot).into_iter().flat_map(|slot| set.hsm_parts(slot)) {
        match part.unwrap(hsm) {
            Ok(secret) => collector.take_hsm(secret),
            // The slot waits for it, as for a share that nobody has brought.
            Err(HsmPartError::Hsm { error, .. }) if error.fault() == ExternalFault::Unavailable => {}
            Err(HsmPartError::Hsm { .. }) => return "HSM does not unwrap the secret",
            Err(HsmPartError::WrongSecret { .. }) => return "secret of an HSM differs from its commitment",
            Err(error) => panic!("{error}"),
        }
    }
    match collector.open() {
        Ok(_) => "opened",
        Err(OpenError::NotReady) => match collector.progress().iter().find(|of| of.slot == slot) {
            Some(progress) if progress.have < progress.need => "too few shares",
            Some(_) => "key in an HSM is not at hand",
            None => "slot is pending",
        },
        Err(OpenError::Altered { .. }) => "shares do not yield the slot's public key",
        Err(OpenError::Refused { .. }) => "forged",
        Err(OpenError::Keys(error)) => panic!("{error}"),
    }
}

fn policy_reason(error: &DecodeError) -> &'static str {
    match error {
        DecodeError::Truncated => "truncated",
        DecodeError::Trailing => "bytes after the end",
        // Tag 4 is known, and begins no group.
        DecodeError::Unsupported(_) | DecodeError::UnknownTag(4) => "a group that is not shamir",
        DecodeError::UnknownTag(_) => "unknown policy",
        DecodeError::NotText => "name is not UTF-8",
        DecodeError::Invalid(error) => invalid_reason(error),
    }
}

fn invalid_reason(error: &PolicyError) -> &'static str {
    match error {
        PolicyError::GroupName(NameError::Character(c)) if ":,(){}".contains(*c) => {
            "name of a group holds punctuation"
        }
        PolicyError::HsmName(NameError::Character(c)) if ",(){}".contains(*c) => {
            "name in an HSM holds punctuation"
        }
        PolicyError::GroupName(error) | PolicyError::HsmName(error) => name_reason(*error),
        PolicyError::RepeatedGroup { .. } => "two groups of one name",
        PolicyError::NamesTooLong => "names of groups are too long together",
        PolicyError::Members { .. } => "all of fewer than 2 or more than 8",
        PolicyError::Nested => "all within all",
        PolicyError::TwoSharings => "two nodes with shares",
        PolicyError::RepeatedKey(_) => "one key twice",
        PolicyError::NoThreshold
        | PolicyError::ThresholdAboveShares { .. }
        | PolicyError::NoGroups
        | PolicyError::TooManyGroups
        | PolicyError::RequiredAboveGroups { .. } => "threshold out of range",
    }
}

fn name_reason(error: NameError) -> &'static str {
    match error {
        NameError::Empty | NameError::OuterSpace => "name is empty or has a space at an end",
        NameError::Character(_) => "name holds a character that may disguise it",
        NameError::TooLong => "name is too long",
    }
}

fn fault_reason(fault: &SlotFault) -> &'static str {
    match fault {
        SlotFault::Truncated => "truncated",
        SlotFault::State(_) => "unknown state of a slot",
        SlotFault::NotBefore => "no cooling-off time ends then",
        SlotFault::NotText => "name is not UTF-8",
        SlotFault::Label(error) => name_reason(*error),
        SlotFault::Suite(_) => "unknown suite",
        SlotFault::Policy(error) => policy_reason(error),
        SlotFault::PublicKey => "public key does not fit the suite",
        SlotFault::Commitments => "commitments do not fit the policy",
        SlotFault::Hsm => "secret wrapped by an HSM is empty or too long",
        SlotFault::Wrapped => "wrapped root key does not fit the state and suite",
        SlotFault::RepeatedId => "two slots of one id",
        SlotFault::RepeatedLabel => "two slots of one label and state",
    }
}

struct Stored {
    name: String,
    bytes: Vec<u8>,
    digest: [u8; 32],
    psks: Vec<(SlotId, Secret<32>)>,
    hsms: Vec<HsmAnswer>,
}

impl Stored {
    /// The HSM of a vector: it answers for those wrapped secrets of this set that the vector names, with what it says.
    fn hsm(&self, vector: Vector<'_>) -> VectorHsm {
        let answers = if vector.has("hsms") { vector.list("hsms") } else { Vec::new() };
        let answer = |said: Vector<'_>| {
            let (slot, number) = (SlotId::new(said.array("slot_id")), said.number::<u8>("number"));
            let of_set = self.hsms.iter().find(|each| (each.slot, each.number) == (slot, number)).unwrap();
            HsmAnswer { secret: said.bytes("secret"), ..of_set.clone() }
        };
        VectorHsm(answers.into_iter().map(answer).collect())
    }
}

/// What an HSM has wrapped with a key, and the one context in which it gives it out.
#[derive(Clone)]
struct HsmAnswer {
    slot: SlotId,
    number: u8,
    key: HsmKey,
    context: [u8; 32],
    wrapped: Vec<u8>,
    secret: Vec<u8>,
}

impl HsmAnswer {
    fn all_of(slot: Vector<'_>) -> Vec<Self> {
        let hsms = if slot.has("hsms") { slot.list("hsms") } else { Vec::new() };
        let answer = |hsm: Vector<'_>| Self {
            slot: SlotId::new(slot.array("slot_id")),
            number: hsm.number("number"),
            key: hsm_key(hsm),
            context: hsm.array("context"),
            wrapped: hsm.bytes("wrapped_secret"),
            secret: hsm.bytes("secret"),
        };
        hsms.into_iter().map(answer).collect()
    }
}

struct VectorHsm(Vec<HsmAnswer>);

impl HsmKeys for VectorHsm {
    fn wrap(&self, _: &HsmKey, _: &SecretBytes, _: &[u8]) -> Result<Vec<u8>, ExternalError> {
        Err(ExternalError::new(ExternalFault::Refused, "what the vectors hold is wrapped already"))
    }

    fn unwrap(&self, key: &HsmKey, wrapped: &[u8], context: &[u8]) -> Result<SecretBytes, ExternalError> {
        let mut of_key = self.0.iter().filter(|answer| answer.key == *key).peekable();
        if of_key.peek().is_none() {
            return Err(ExternalError::new(ExternalFault::Unavailable, "no such key is at hand"));
        }
        of_key
            .find(|answer| answer.wrapped == wrapped && answer.context == *context)
            .map(|answer| SecretBytes::copy_from_slice(&answer.secret).unwrap())
            .ok_or_else(|| {
                ExternalError::new(ExternalFault::Rejected, "not wrapped by this key for this context")
            })
    }
}

fn hsm_key(vector: Vector<'_>) -> HsmKey {
    HsmKey::new(vector.text("token"), vector.text("key")).unwrap()
}

fn stored_sets(vectors: &Vectors) -> Vec<Stored> {
    let mut sets = Vec::new();
    vectors.run("sets", |vector| {
        let psk = |slot: Vector<'_>| Secret::copy_from_slice(&slot.bytes("psk")).unwrap();
        let slots = vector.list("slots");
        sets.push(Stored {
            name: vector.name().to_owned(),
            bytes: vector.bytes("stored"),
            digest: vector.array("digest"),
            psks: slots.into_iter().map(|slot| (SlotId::new(slot.array("slot_id")), psk(slot))).collect(),
            hsms: vector.list("slots").into_iter().flat_map(HsmAnswer::all_of).collect(),
        });
    });
    sets
}

fn set_of<'a>(sets: &'a [Stored], vector: Vector<'_>) -> &'a Stored {
    sets.iter().find(|set| set.name == vector.text("set")).unwrap()
}

fn typed(text: &str) -> ShareText {
    match decode(text) {
        Ok(Decoded::Exact(share)) => share,
        _ => panic!("the vector's share is not right"),
    }
}
