//! The operating system gives no randomness: at each draw of everything that draws.
//!
//! Each must end in an error, with nothing written: no record sealed with zeros for a nonce, a salt or a key.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic, missing_docs)]
#![allow(clippy::print_stdout)]

mod common;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use common::*;
use strongroom::{Preparation, Store};
use strongroom_crypto::random::fault;

/// Runs on the thread that commits, where the draws of a commit happen: faults are planned for each thread by itself.
fn on_committer(store: &Store, work: impl FnOnce() + Send + 'static) {
    let refused = refused(wait(store.barrier().change_keyring(move |_, _| {
        work();
        Err("only to be there".into())
    })));
    assert_eq!(refused.to_string(), "only to be there");
}

/// Goes back to real randomness; says how many draws there were.
fn end_of_fault() -> u64 {
    let calls = fault::calls();
    fault::reset();
    calls
}

fn end_of_fault_on_committer(store: &Store) -> u64 {
    let calls = Arc::new(AtomicU64::new(0));
    let told = Arc::clone(&calls);
    on_committer(store, move || told.store(end_of_fault(), Ordering::SeqCst));
    calls.load(Ordering::SeqCst)
}

/// Lets each draw of `act` fail in turn, on this thread and on the committer's; says how many there are.
fn each_draw(prepare: impl Fn(&Store), act: impl Fn(&Store) -> Result<(), String>) -> u64 {
    let mut draws = 0;
    for here in [true, false] {
        for n in 0.. {
            let storage = Counting::default();
            let (store, shares) = init(Arc::new(storage.clone()), options()).unwrap();
            put(&store, "directory/a", b"1").unwrap();
            prepare(&store);
            let (commits, before) = (storage.commits.load(Ordering::SeqCst), copy(&storage));
            if here {
                fault::fail_after(n);
            } else {
                on_committer(&store, move || fault::fail_after(n));
            }
            let outcome = act(&store);
            let calls = if here { end_of_fault() } else { end_of_fault_on_committer(&store) };
            if calls <= n {
                outcome.unwrap();
                draws += n;
                break;
            }
            let error = outcome.expect_err("a failed draw is an error");
            assert!(error.contains("randomness"), "{error}");
            // Steps that were committed before it stay; of the step itself nothing is written.
            if storage.commits.load(Ordering::SeqCst) == commits {
                assert_eq!(keys(&storage), keys(&before));
                assert!(keys(&before).iter().all(|key| read(&storage, key) == read(&before, key)));
            }
            act(&store).unwrap();
            assert_clean(&store);
            let set = wait(strongroom::SealedStore::open(Arc::new(storage.clone()))).unwrap();
            if set.slots().slots()[0].label() == "first" {
                drop(store);
                let store = unseal(Arc::new(storage), &shares[1..]).unwrap();
                assert_eq!(get(&store, "directory/a").unwrap(), b"1");
                assert_clean(&store);
            }
        }
    }
    draws
}

fn text<T, E: std::fmt::Display>(outcome: Result<T, E>) -> Result<(), String> {
    outcome.map(drop).map_err(|error| error.to_string())
}

fn nothing(_: &Store) {}

#[test]
fn failed_draw_is_an_error_everywhere() {
    let init = init_draws();
    let put = each_draw(nothing, |store| put(store, "new/b", b"2").map(drop));
    let rotate = each_draw(nothing, |store| text(wait(store.barrier().rotate())));
    let rewrap = each_draw(
        |store| assert_eq!(wait(store.barrier().rotate()).unwrap().get(), 2),
        |store| text(wait(store.rewrap(go_on))),
    );
    let root = each_draw(nothing, |store| text(wait(store.rotate_root())));
    let add = each_draw(nothing, |store| match store.slots().unwrap().slots().len() {
        1 => add_slot(store, "second").map(drop),
        _ => Ok(()),
    });
    let proof = std::cell::RefCell::new(None);
    let rekey = each_draw(
        |store| {
            let (slot, shares) = add_slot(store, "second").unwrap();
            *proof.borrow_mut() = Some(prove(store, slot, &shares));
        },
        |store| {
            let proved = proof.borrow().clone().unwrap();
            text(wait(store.replace_slot(first_slot(store), proved)))
        },
    );
    let backup = each_draw(nothing, |store| {
        text(wait(store.backup(std::io::sink(), |_, _| std::ops::ControlFlow::Continue(()))))
    });
    let all = [init, put, rotate, rewrap, root, add, rekey];
    println!(
        "evidence: id=randomness/draws figure=init {init}, put {put}, rotate {rotate}, rewrap {rewrap}, root key {root}, add a \
         slot {add}, rekey {rekey}, backup {backup}: each failing draw is an error and writes nothing verdict=pass"
    );
    assert!(all.iter().all(|draws| *draws > 0), "{all:?}");
}

fn init_draws() -> u64 {
    for n in 0.. {
        let storage = Counting::default();
        fault::fail_after(n);
        let made = wait(async {
            let prepared = Preparation::new(Arc::new(storage.clone()), options()).await;
            match prepared {
                Ok(prepared) => text(prepared.commit().await),
                Err(error) => Err(error.to_string()),
            }
        });
        if end_of_fault() <= n {
            made.unwrap();
            return n;
        }
        assert!(made.expect_err("a failed draw is an error").contains("randomness"));
        assert!(keys(&storage).is_empty(), "nothing is written");
        init(Arc::new(storage), options()).unwrap();
    }
    0
}
