//! Writes the seed corpora: small valid inputs for every target, made by the code under test itself.
//!
//! Some are sealed with fresh randomness, so that writing them again gives other bytes of the same kind.

use std::error::Error;
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;

use strongroom::{InitOptions, MemoryStorage, Plaintext, Preparation};
use strongroom_audit::{Entry, P256Key, Public, Sink, Time, Value, Writer};
use strongroom_barrier::Head;
use strongroom_crypto::hpke::{self, KeyPair, Suite};
use strongroom_crypto::record::{Sealer, Term};
use strongroom_fuzz::{TARGETS, fixed};
use strongroom_keyring::{Keyring, RotationPolicy, TermUsage};
use strongroom_seal::create::create;
use strongroom_seal::policy::Policy;
use strongroom_seal::slot::SlotSet;
use strongroom_shamir::{split, text, vault};
use strongroom_transit::algorithm::KeyType;
use strongroom_transit::{
    AtLimit, EncryptOptions, KeySpec, Limits, MacOptions, Options, Transit, VersionState,
};

#[path = "named.rs"]
mod named;

fn main() -> Result<(), Box<dyn Error>> {
    let directory = std::env::args().nth(1).ok_or("say where: seeds DIRECTORY")?;
    strongroom_fuzz::prepare();
    for (target, run) in TARGETS.iter().chain(named::NAMED_TARGETS) {
        let place = Path::new(&directory).join(target);
        std::fs::create_dir_all(&place)?;
        let seeds = seeds(target)?;
        for (number, seed) in seeds.iter().enumerate() {
            assert!(run(seed), "{target}: seed {number} is refused, so it leads nowhere");
            std::fs::write(place.join(format!("seed-{number}")), seed)?;
        }
        println!("{target}: {} seeds", seeds.len());
    }
    Ok(())
}

fn seeds(target: &str) -> Result<Vec<Vec<u8>>, Box<dyn Error>> {
    Ok(match target {
        "audit_chain" => audit_chains()?,
        "backup" => vec![backup()?],
        "record" => vec![
            Sealer::start(fixed::STORE, fixed::TERM, &fixed::term_key())?
                .seal(fixed::PLACE, fixed::PLAINTEXT)?,
        ],
        "hpke" => sealed_keys()?,
        "share_text" => share_texts()?,
        "vault_share" => {
            let shares = split(&[9; 32], 2, 3)?;
            let mut seeds = vec![vault::to_bytes(&shares[0]).to_vec()];
            seeds.push(vault::to_hex(&shares[1]).as_bytes().to_vec());
            seeds.push(vault::to_base64(&shares[2]).as_bytes().to_vec());
            seeds
        }
        "policy" => POLICIES
            .iter()
            .map(|text| Ok(text.parse::<Policy>()?.encode()))
            .collect::<Result<_, Box<dyn Error>>>()?,
        "policy_text" => POLICIES.iter().map(|text| text.as_bytes().to_vec()).collect(),
        "slot_set" => slot_sets()?,
        "keyring" => keyrings()?,
        "head" => heads(),
        // Nothing patched, and something in the room behind the last frame.
        "log" => vec![vec![0; 4], [&[0, 0x0F, 0xC0, 32][..], &[0x5A; 32]].concat()],
        "log_replay" => log_parts(),
        "path" => [&b"database/primary/password"[..], b"a", b"team/", "Schlüssel/été".as_bytes()]
            .map(<[u8]>::to_vec)
            .into(),
        "storage_key" => storage_keys(),
        "entry" => {
            let value = [&9_u64.to_be_bytes()[..], &5_u32.to_be_bytes(), b"value", &[0; 15]].concat();
            vec![value, [0; 12].to_vec()]
        }
        "envelope_header" => {
            let mut stream = fixed::envelope().encrypt(b"", &[][..], Vec::new(), &fixed::segments())?;
            stream.truncate(3 * 512);
            vec![fixed::envelope().seal(b"", b"")?, stream]
        }
        "envelope_small" => [fixed::PLAINTEXT, b""]
            .map(|plaintext| fixed::envelope().seal(fixed::PLACE, plaintext))
            .into_iter()
            .collect::<Result<_, _>>()?,
        "envelope_stream" => [&fixed::PLAINTEXT.repeat(9)[..], fixed::PLAINTEXT, b""]
            .map(|plaintext| {
                fixed::envelope().encrypt(fixed::PLACE, plaintext, Vec::new(), &fixed::segments())
            })
            .into_iter()
            .collect::<Result<_, _>>()?,
        "hsm_wrapped" => {
            let gcm = [&[1, 1, 0, 1, 2][..], b"id", &[0, 12], &[3; 12], &[0, 48], &[4; 48]].concat();
            let oaep = [&[1, 2, 2, 0, 1][..], b"K", &[1], b"M", &[0], &[1, 0], &[5; 256], &[6; 32]].concat();
            let cbc = [&[1, 3, 0, 1, 1][..], b"K", &[1], b"M", &[16], &[7; 16], &[0, 80], &[8; 80], &[9; 32]];
            vec![gcm, oaep, cbc.concat()]
        }
        "rewrap_state" => {
            let fixed =
                [&[1][..], &3_u32.to_be_bytes(), &1_700_000_000_u64.to_be_bytes(), &42_u64.to_be_bytes()]
                    .concat();
            let begun = [&fixed[..], &[0, 0]].concat();
            vec![begun, [&fixed[..], &[0, 6], b"cursor"].concat()]
        }
        "named_key" => named_keys()?.0,
        "named_key_backup" => named_keys()?.1,
        "named_key_text" => named_keys()?.2,
        "named_key_usage" => vec![[&[1][..], &[0; 7], &[9], &[0; 6], &[7, 8]].concat()],
        _ => return Err(format!("there are no seeds for {target}").into()),
    })
}

fn backup() -> Result<Vec<u8>, Box<dyn Error>> {
    pollster::block_on(async {
        let mut options = InitOptions::new("custodians", "1 of 1".parse()?);
        options.suite = Suite::P256;
        let store = Preparation::new(Arc::new(MemoryStorage::new()), options).await?.commit().await?;
        for path in ["database/password", "note"] {
            store.barrier().put(path.parse()?, Plaintext::new(b"value".to_vec())).await?;
        }
        let (backup, _) = store.backup(Vec::new(), |_, _| ControlFlow::Continue(())).await?;
        store.seal().await;
        Ok(backup)
    })
}

/// Records, backups and texts of a few keys.
#[allow(clippy::type_complexity)]
fn named_keys() -> Result<(Vec<Vec<u8>>, Vec<Vec<u8>>, Vec<Vec<u8>>), Box<dyn Error>> {
    pollster::block_on(async {
        let mut options = InitOptions::new("custodians", "1 of 1".parse()?);
        options.suite = Suite::P256;
        let store = Preparation::new(Arc::new(MemoryStorage::new()), options).await?.commit().await?;
        let transit = Transit::open(store.barrier().clone(), "transit".parse()?, Options::default())?;
        let (mut records, mut backups, mut texts) = (Vec::new(), Vec::new(), Vec::new());
        for key_type in [KeyType::Aes256Gcm96, KeyType::Hmac, KeyType::EcdsaP256, KeyType::MlKem768] {
            let spec = KeySpec {
                exportable: true,
                allow_plaintext_backup: true,
                limits: Limits { operations: Some(1000), bytes: Some(9999), at_limit: AtLimit::Rotate },
                ..KeySpec::new(key_type)
            };
            let name = key_type.name().parse()?;
            let key = transit.create(&name, &spec).await?;
            transit.rotate(&name).await?;
            transit.prepare_version(&name).await?;
            transit.set_state(&name, 3, VersionState::Destroyed).await?;
            texts.push(key.hmac_text(b"message", &MacOptions::default())?.into_bytes());
            if key_type == KeyType::Aes256Gcm96 {
                texts.push(key.encrypt_text(b"message", &EncryptOptions::default())?.into_bytes());
                texts.push(key.encrypt(b"message", &EncryptOptions::default())?);
            }
            let path = format!("transit/keys/{name}").parse()?;
            records.push(store.barrier().get(&path).await?.ok_or("no record")?.value().to_vec());
            let backup = transit.backup(&name).await?;
            // Without its checksum too, which the target then adds to every mutation of it.
            backups.push(backup.as_slice()[..backup.len() - 32].to_vec());
            backups.push(backup.as_slice().to_vec());
        }
        store.seal().await;
        Ok((records, backups, texts))
    })
}

fn sealed_keys() -> Result<Vec<Vec<u8>>, Box<dyn Error>> {
    let mut seeds = Vec::new();
    for suite in [Suite::P256, Suite::XWing] {
        let pair = KeyPair::derive(suite, &fixed::seed())?;
        seeds.push(hpke::seal_psk(
            suite,
            pair.public_key(),
            &fixed::psk(),
            b"psk id",
            b"info",
            b"",
            &fixed::root(),
        )?);
    }
    Ok(seeds)
}

fn share_texts() -> Result<Vec<Vec<u8>>, Box<dyn Error>> {
    let share = |group| -> Result<_, Box<dyn Error>> {
        let share = split(&[9; 32], 2, 3)?.remove(1);
        Ok(text::ShareText { set: fixed::SET, group, threshold: 2, share })
    };
    let plain = text::encode(&share(0)?)?.as_bytes().to_vec();
    let mut mistyped = plain.clone();
    mistyped[40] = if mistyped[40] == b'q' { b'p' } else { b'q' };
    mistyped[70] = b'?';
    let grouped = text::encode_grouped(&share(2)?)?.to_uppercase().into_bytes();
    // Group, number, threshold and values, for the half of the target that encodes first.
    let parts = [&[1, 2, 3][..], &[0xC5; 32]].concat();
    Ok(vec![plain, mistyped, grouped, parts])
}

fn slot_sets() -> Result<Vec<Vec<u8>>, Box<dyn Error>> {
    let mut seeds = vec![SlotSet::new(fixed::STORE).encode()];
    for (policy, suite) in [
        ("2 of 3", Suite::P256),
        ("1 of 1", Suite::XWing),
        (POLICIES[2], Suite::P256),
        (POLICIES[4], Suite::P256),
    ] {
        let new = create(fixed::STORE, "custodians", policy.parse()?, suite, 1_700_000_000, &fixed::OpenHsm)?;
        // And one that waits to take its place.
        let next =
            create(fixed::STORE, "custodians", policy.parse()?, suite, 1_700_000_000, &fixed::OpenHsm)?.slot;
        let slots = vec![new.slot.activated(), next.with_cooling_off("3d".parse()?)];
        let empty = SlotSet::new(fixed::STORE);
        let set = empty.rewrapped(empty.generation() + 1, slots, &fixed::root(), |_| Some(&new.psk))?;
        let encoded = set.encode();
        // Without its checksum too, which the target then adds to every mutation of it.
        seeds.push(encoded[..encoded.len() - 32].to_vec());
        seeds.push(encoded);
    }
    Ok(seeds)
}

fn keyrings() -> Result<Vec<Vec<u8>>, Box<dyn Error>> {
    let mut keyring = Keyring::create(fixed::STORE, RotationPolicy::DEFAULT, 1_700_000_000)?;
    let mut seeds = vec![keyring.encode()?.expose().to_vec()];
    keyring.install_term(1_700_000_100)?;
    keyring.install_names()?;
    seeds.push(keyring.encode()?.expose().to_vec());
    keyring.destroy_term(Term::new(1), 12, 1_700_000_200)?;
    seeds.push(keyring.encode()?.expose().to_vec());
    Ok(seeds)
}

/// One that was never signed, and the same co-signed and sealed.
fn audit_chains() -> Result<Vec<Vec<u8>>, Box<dyn Error>> {
    let key = P256Key::from_secret(fixed::term_key()).ok_or("no key")?;
    let at = Time::from_seconds(1_795_631_400);
    let mut seeds = Vec::new();
    for sealed in [false, true] {
        let mut lines = Lines(Vec::new());
        let mut writer = Writer::begin(&mut lines, at, "seed")?;
        let entry = Entry::new("present").with("name", Public::new("Ada \"A\" \\ Zoë")?);
        let entry = entry.with("shares", 2_u64);
        writer.append(at, entry.with("set", Value::Id(fixed::SET)).with("yes", true).with("until", at))?;
        let entry = Entry::new("key").with("check", Value::CheckValue(vec![1, 2, 3]));
        writer.append(
            at,
            entry.with("object", Value::ObjectId(vec![4; 20])).with("hash", Value::Sha256([5; 32])),
        )?;
        if sealed {
            writer.cosign(at, Public::new("Grace")?, &key)?;
            writer.sign(at, &key)?;
            writer.seal(at, &key)?;
        }
        seeds.push(lines.0);
    }
    Ok(seeds)
}

/// A chain in memory.
struct Lines(Vec<u8>);

impl Sink for &mut Lines {
    fn append(&mut self, line: &[u8]) -> std::io::Result<()> {
        self.0.extend_from_slice(line);
        Ok(())
    }
}

fn heads() -> Vec<Vec<u8>> {
    let mut head = Head {
        sequence: 1,
        previous: [0; 32],
        keyring: 1,
        slots: 1,
        names: 1,
        leaving_names: 0,
        terms: Vec::new(),
    };
    let first = head.encode();
    head.leaving_names = 1;
    head.names = 2;
    head.terms = vec![(Term::new(1), TermUsage::default()), (Term::new(2), TermUsage::default())];
    [first, head.encode()].into_iter().flatten().collect()
}

/// A header; two changes; and scripts: frames in both segments, what is applied already, a hole, rubbish.
fn log_parts() -> Vec<Vec<u8>> {
    let header = [&b"SRLG\x01\x00"[..], &[7; 16], &4096_u64.to_be_bytes(), &[0; 4]].concat();
    let put = [1, 0, 1, 0, 0, 0, 1, b'k', b'v'];
    let delete = [2, 0, 1, b'k'];
    let frame = |tag: u8, changes: &[u8]| [&[tag, changes.len() as u8], changes].concat();
    let (first, second) = (frame(0x2A, &put), frame(0x2B, &delete));
    vec![
        header,
        [&put[..], &delete].concat(),
        [&first[..], &first, &second].concat(),
        [&first[..], &[4, 0], &first, &[6, 0], &second, &[0x20, 3], b"???", &[2, 0]].concat(),
    ]
}

fn storage_keys() -> Vec<Vec<u8>> {
    let key = [&[1, 0, 1][..], &[0xAB; 16], &[0xCD; 48]].concat();
    let padded = |text: &[u8]| {
        let mut padded = [text, &[0x80]].concat();
        padded.resize(padded.len().next_multiple_of(32), 0);
        padded
    };
    vec![key, padded(b"password"), padded(b"directory/"), padded(&[b'a'; 254])]
}

const POLICIES: &[&str] = &[
    "3 of 5",
    "1 of 1",
    "groups(2 of {security: 2 of 3, operations: 1 of 2})",
    "hsm(main, root)",
    "all(2 of 3, hsm(main, root), hsm(second, root))",
];
