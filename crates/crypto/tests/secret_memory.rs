//! What secret memory promises, seen from outside: through the kernel's own account of the pages, by children that
//! `fork` makes, and by reading memory after a drop.
//!
//! The arena serves a whole process and limits are a process's too, so each test that needs its own process runs itself
//! again, alone.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout,
    missing_docs,
    unsafe_code
)]

use std::env;
use std::fs::{self, File};
use std::os::unix::fs::FileExt as _;
use std::process::Command;
use std::ptr;

use strongroom_crypto::random::Reserve;
use strongroom_crypto::record::{OpenError, Opener, SealError, Sealer, StoreId, Term, TermKeys};
use strongroom_crypto::secret::{
    Forked, Locking, MAX_SECRET, Protection, Secret, SecretBytes, SecretError, SecretMemoryError,
    check_not_forked, prepare, protection,
};

const CHUNK: usize = 32 * 1024;
const NOBODY: libc::uid_t = 65_534;
const CANARY: [u8; 32] = *b"a canary that nothing else holds";

#[test]
fn first_chunk_is_locked_undumpable_and_wiped_on_fork() {
    alone("first_chunk_is_locked_undumpable_and_wiped_on_fork", || {
        assert_eq!(protection(), None);
        assert_eq!(prepare(Locking::Required), Ok(Protection::Locked));
        assert_eq!(locked_kib(), 32, "the first chunk must leave room under a limit of 64 KiB");
        let secret = Secret::<32>::random().unwrap();
        let flags = vm_flags(address(secret.expose()));
        let has = |flags: &[String], flag: &str| flags.iter().any(|have| have == flag);
        for flag in ["lo", "dd", "wf"] {
            assert!(has(&flags, flag), "no {flag} among {flags:?}");
        }
        let [locked, undumped, wiped] = ["lo", "dd", "wf"].map(|flag| has(&flags, flag));
        // The control: ordinary memory has none of the three.
        let ordinary = Box::new([0_u8; 32]);
        let flags = vm_flags(address(&*ordinary));
        let control = ["lo", "dd", "wf"].into_iter().filter(|flag| has(&flags, flag)).count();
        println!(
            "evidence: id=crypto/secret-memory figure={} KiB locked; pages locked: {}, dumped: {}, wiped on fork: {}; {control} \
             of the 3 flags on ordinary memory verdict={}",
            locked_kib(),
            yes_or_no(locked),
            yes_or_no(!undumped),
            yes_or_no(wiped),
            if locked && undumped && wiped && control == 0 { "pass" } else { "fail" }
        );
        assert!(!flags.iter().any(|flag| ["lo", "dd", "wf"].contains(&flag.as_str())), "{flags:?}");
    });
}

#[test]
fn child_reads_zeros_and_is_refused() {
    alone("child_reads_zeros_and_is_refused", || {
        let secret = Secret::<32>::copy_from_slice(&CANARY).unwrap();
        let ordinary = Box::new(CANARY);
        let keys = OneKey(Secret::random().unwrap());
        let store = StoreId([1; 16]);
        let mut sealer = Sealer::start(store, TERM, &keys.0).unwrap();
        let opener = Opener::new(store);
        let record = sealer.seal(b"place", b"value").unwrap();
        let reserve = Reserve::<40>::new();
        let draw = || reserve.draw(|bytes| Ok(*bytes));
        assert!(draw().is_ok());

        let mut child = || {
            let checks = [
                // The control: a fork does copy what is not secret memory.
                *ordinary == CANARY,
                *secret.expose() == [0; 32],
                check_not_forked() == Err(Forked),
                matches!(Secret::<32>::random(), Err(SecretError::Memory(SecretMemoryError::Forked))),
                matches!(draw(), Err(SecretError::Memory(SecretMemoryError::Forked))),
                prepare(Locking::AllowUnlocked) == Err(SecretMemoryError::Forked),
                sealer.begin_commit() == Err(SealError::Forked),
                sealer.seal(b"place", b"value") == Err(SealError::Forked),
                matches!(Sealer::start(store, TERM, &keys.0), Err(SealError::Forked)),
                matches!(opener.open(&keys, b"place", &record), Err(OpenError::Forked)),
            ];
            // The first that failed, counted from 1.
            checks.iter().position(|passed| !passed).map_or(0, |at| i32::try_from(at + 1).unwrap())
        };
        assert_eq!(in_child(&mut child), Ended::Exited(0));

        // The parent goes on.
        assert_eq!(*secret.expose(), CANARY);
        assert_eq!(check_not_forked(), Ok(()));
        assert!(draw().is_ok());
        sealer.begin_commit().unwrap();
        assert_eq!(opener.open(&keys, b"place", &record).unwrap().as_slice(), b"value");
    });
}

#[test]
fn guard_pages_kill_whoever_runs_over_the_edge() {
    alone("guard_pages_kill_whoever_runs_over_the_edge", || {
        // One secret fills a chunk, so that its ends are the chunk's.
        let secret = SecretBytes::zeroed(CHUNK).unwrap();
        let first = secret.expose().as_ptr();
        let read = |at: *const u8| {
            // SAFETY: nothing is safe about it: it runs in a child that is meant to die of it.
            i32::from(unsafe { ptr::read_volatile(at) })
        };
        // The control: the ends themselves can be read.
        assert_eq!(in_child(&mut || read(first)), Ended::Exited(0));
        assert_eq!(in_child(&mut || read(first.wrapping_add(CHUNK - 1))), Ended::Exited(0));
        let over = [first.wrapping_sub(1), first.wrapping_add(CHUNK)];
        let killed = over.map(|at| in_child(&mut || read(at)) == Ended::Killed(libc::SIGSEGV));
        println!(
            "evidence: id=crypto/guard-pages figure={} of {} reads over an edge killed the process verdict={}",
            killed.iter().filter(|killed| **killed).count(),
            killed.len(),
            if killed == [true; 2] { "pass" } else { "fail" }
        );
        assert_eq!(killed, [true; 2]);
    });
}

#[test]
fn dropped_secret_leaves_zeros() {
    alone("dropped_secret_leaves_zeros", || {
        // A neighbour keeps the chunk mapped.
        let neighbour = Secret::<32>::copy_from_slice(&CANARY).unwrap();
        let fixed = Secret::<32>::copy_from_slice(&CANARY).unwrap();
        let bytes = SecretBytes::copy_from_slice(&CANARY[..31]).unwrap();
        let (at_fixed, at_bytes) = (address(fixed.expose()), address(bytes.expose()));
        // The control: the peephole sees a secret that lives.
        assert_eq!(peek(at_fixed), CANARY);
        assert_eq!(peek(at_bytes)[..31], CANARY[..31]);
        drop((fixed, bytes));
        assert_eq!(peek(at_fixed), [0; 32]);
        assert_eq!(peek(at_bytes), [0; 32]);
        assert_eq!(peek(address(neighbour.expose())), CANARY);
    });
}

#[test]
fn failed_fill_leaves_zeros() {
    alone("failed_fill_leaves_zeros", || {
        let _neighbour = Secret::<32>::random().unwrap();
        let mut at = 0;
        let outcome = Secret::<32>::fill_with(|bytes| {
            *bytes = CANARY;
            at = address(bytes);
            assert_eq!(peek(at), CANARY);
            Err(SecretError::Length)
        });
        assert!(outcome.is_err());
        assert_eq!(peek(at), [0; 32]);
    });
}

#[test]
fn places_are_used_again() {
    alone("places_are_used_again", || {
        // Where the limit is the usual 64 KiB, the large secret below cannot be locked.
        prepare(Locking::AllowUnlocked).unwrap();
        let arena = arena_kib();
        let kept: Vec<_> = (0..100_u8).map(|i| Secret::<32>::copy_from_slice(&[i; 32]).unwrap()).collect();
        for round in 0..20_000_usize {
            let secret = SecretBytes::zeroed(1 + round % 500).unwrap();
            assert!(secret.expose().iter().all(|byte| *byte == 0));
        }
        assert_eq!(arena_kib(), arena);
        assert!(kept.iter().zip(0..).all(|(secret, i)| *secret.expose() == [i; 32]));
        // A large secret has a chunk of its own, and gives it back.
        let large = SecretBytes::zeroed(64 * 1024).unwrap();
        assert_eq!(arena_kib(), arena + 64);
        drop(large);
        assert_eq!(arena_kib(), arena);
        assert!(matches!(
            SecretBytes::zeroed(MAX_SECRET + 1),
            Err(SecretError::Memory(SecretMemoryError::TooLarge))
        ));
    });
}

#[test]
fn secrets_never_overlap() {
    alone("secrets_never_overlap", || {
        // A fixed sequence of lengths and drops; each secret holds its own number.
        let mut live: Vec<(u8, SecretBytes)> = Vec::new();
        let mut state = 1_u32;
        for number in 0..3000_u32 {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let fill = u8::try_from(number % 251).unwrap();
            let mut secret = SecretBytes::zeroed(usize::try_from(state >> 8).unwrap() % 700).unwrap();
            assert!(secret.expose().iter().all(|byte| *byte == 0));
            secret.expose_mut().fill(fill);
            live.push((fill, secret));
            if live.len() > 60 {
                live.swap_remove(usize::try_from(state >> 4).unwrap() % 60);
            }
            assert!(live.iter().all(|(fill, secret)| secret.expose().iter().all(|byte| byte == fill)));
        }
    });
}

#[test]
fn limit_of_64_kib_holds_two_thousand_keys_and_then_refuses() {
    alone("limit_of_64_kib_holds_two_thousand_keys_and_then_refuses", || {
        limit_locking(64 * 1024);
        assert_eq!(prepare(Locking::Required), Ok(Protection::Locked));
        let mut keys: Vec<_> = (0..2048_u32).map(|i| numbered(i).unwrap()).collect();
        let refusal = numbered(2048).err().expect("the limit is reached");
        println!(
            "evidence: id=crypto/locking figure={} keys under a limit of 64 KiB, {} KiB locked, one more refused verdict={}",
            keys.len(),
            locked_kib(),
            if keys.len() == 2048 && locked_kib() <= 64 { "pass" } else { "fail" }
        );
        let SecretError::Memory(SecretMemoryError::LockRefused { limit, .. }) = refusal else {
            panic!("{refusal:?}");
        };
        assert_eq!(limit, Some(64 * 1024));
        assert!(
            keys.iter().zip(0..).all(|(key, i)| is_numbered(key, i)),
            "a refusal disturbs no other secret"
        );
        // A place that is given back can be taken.
        keys.pop();
        keys.push(numbered(9).unwrap());
        assert!(numbered(10).is_err());
        assert_eq!(protection(), Some(Protection::Locked));
    });
}

#[test]
fn refused_locking_says_the_limit_and_the_ways_out() {
    alone("refused_locking_says_the_limit_and_the_ways_out", || {
        limit_locking(0);
        let refusal = prepare(Locking::Required).unwrap_err();
        let message = refusal.to_string();
        for needed in ["RLIMIT_MEMLOCK is 0 bytes", "ulimit -l", "LimitMEMLOCK=", "--allow-unlocked"] {
            assert!(message.contains(needed), "no {needed} in: {message}");
        }
        // Without `prepare`, a secret is refused as well, and nothing stays behind.
        assert_eq!(Secret::<32>::random().err(), Some(SecretError::Memory(refusal)));
        assert_eq!(protection(), None);
    });
}

#[test]
fn unlocked_memory_must_be_asked_for_and_is_protected_otherwise() {
    alone("unlocked_memory_must_be_asked_for_and_is_protected_otherwise", || {
        limit_locking(0);
        assert_eq!(prepare(Locking::AllowUnlocked), Ok(Protection::Unlocked));
        let secret = Secret::<32>::copy_from_slice(&CANARY).unwrap();
        assert_eq!(locked_kib(), 0);
        let flags = vm_flags(address(secret.expose()));
        assert!(["dd", "wf"].iter().all(|flag| flags.iter().any(|have| have == flag)), "{flags:?}");
        assert_eq!(in_child(&mut || i32::from(secret.expose()[0])), Ended::Exited(0));
        // What is unlocked stays so: requiring locks now cannot be promised.
        assert_eq!(prepare(Locking::Required), Err(SecretMemoryError::AlreadyUnlocked));
        assert_eq!(protection(), Some(Protection::Unlocked));
    });
}

#[test]
fn hardened_process_is_undumpable_and_leaves_no_core() {
    alone("hardened_process_is_undumpable_and_leaves_no_core", || {
        // SAFETY: takes no pointer.
        let dumpable = || unsafe { libc::prctl(libc::PR_GET_DUMPABLE, 0, 0, 0, 0) };
        // The control: it was dumpable.
        let before = dumpable();
        assert_eq!(before, 1);
        strongroom_crypto::process::harden().unwrap();
        println!(
            "evidence: id=crypto/undumpable figure=dumpable {before} before hardening, {} after verdict={}",
            dumpable(),
            if dumpable() == 0 { "pass" } else { "fail" }
        );
        assert_eq!(dumpable(), 0);
        let limits = fs::read_to_string("/proc/self/limits").unwrap();
        let core = limits.lines().find(|line| line.starts_with("Max core file size")).unwrap();
        assert_eq!(core.split_whitespace().skip(4).take(2).collect::<Vec<_>>(), ["0", "0"]);
    });
}

#[test]
fn secrets_compare_and_move() {
    let mut source = CANARY;
    let secret = Secret::from_array(&mut source).unwrap();
    assert_eq!(source, [0; 32], "the source is wiped");
    assert!(secret.ct_eq(&secret.duplicate().unwrap()));
    let mut other = CANARY;
    other[31] ^= 1;
    assert!(!secret.ct_eq(&Secret::from_array(&mut other).unwrap()));
    assert_eq!(Secret::<32>::copy_from_slice(&[0; 31]).err(), Some(SecretError::Length));
    let bytes = SecretBytes::copy_from_slice(&[1, 2, 3]).unwrap();
    assert!(bytes.ct_eq(&bytes.duplicate().unwrap()));
    assert!(!bytes.ct_eq(&SecretBytes::copy_from_slice(&[1, 2]).unwrap()));
    assert!(SecretBytes::zeroed(0).unwrap().is_empty());
    assert_eq!(Secret::<0>::random().unwrap().expose(), &[]);
    assert!(!Secret::<32>::random().unwrap().ct_eq(&Secret::random().unwrap()));
}

const TERM: Term = Term::new(1);

struct OneKey(Secret<32>);

impl TermKeys for OneKey {
    fn key(&self, term: Term) -> Option<&Secret<32>> {
        (term == TERM).then_some(&self.0)
    }
}

fn numbered(number: u32) -> Result<Secret<32>, SecretError> {
    Secret::fill_with(|bytes| {
        bytes[..4].copy_from_slice(&number.to_be_bytes());
        Ok(())
    })
}

fn is_numbered(key: &Secret<32>, number: u32) -> bool {
    key.expose()[..4] == number.to_be_bytes() && key.expose()[4..] == [0; 28]
}

/// Runs the body in a process of its own: this test binary again, with this test alone.
fn alone(name: &str, body: impl FnOnce()) {
    const MARK: &str = "STRONGROOM_TEST_ALONE";
    if env::var_os(MARK).is_some() {
        body();
        println!("reached the end of {name}");
        return;
    }
    let output = Command::new(env::current_exe().unwrap())
        .args(["--exact", name, "--nocapture", "--test-threads=1"])
        .env(MARK, "1")
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    let ended = text.contains(&format!("reached the end of {name}"));
    assert!(output.status.success() && ended, "{text}\n{}", String::from_utf8_lossy(&output.stderr));
    text.lines().filter(|line| line.contains("evidence: id=")).for_each(|line| println!("{line}"));
}

fn yes_or_no(answer: bool) -> &'static str {
    if answer { "yes" } else { "no" }
}

#[derive(Debug, PartialEq, Eq)]
enum Ended {
    Exited(i32),
    Killed(i32),
}

/// Runs the body in a forked child, which leaves without unwinding or destructors.
fn in_child(body: &mut dyn FnMut() -> i32) -> Ended {
    // SAFETY: the process has one thread at work, so that the child inherits no lock that is held.
    let child = unsafe { libc::fork() };
    assert!(child >= 0);
    if child == 0 {
        let code = body();
        // SAFETY: ends the child.
        unsafe { libc::_exit(code) };
    }
    let mut status = 0;
    // SAFETY: `status` is a valid place for the status.
    let waited = unsafe { libc::waitpid(child, &raw mut status, 0) };
    assert_eq!(waited, child);
    if libc::WIFEXITED(status) {
        Ended::Exited(libc::WEXITSTATUS(status))
    } else {
        Ended::Killed(libc::WTERMSIG(status))
    }
}

/// Sets `RLIMIT_MEMLOCK` and gives up the privilege (`CAP_IPC_LOCK`) to which it does not apply.
fn limit_locking(bytes: u64) {
    let limit = libc::rlimit { rlim_cur: bytes, rlim_max: bytes };
    // SAFETY: `limit` is a valid rlimit.
    assert_eq!(unsafe { libc::setrlimit(libc::RLIMIT_MEMLOCK, &raw const limit) }, 0);
    // SAFETY: takes no pointer.
    if unsafe { libc::geteuid() } == 0 {
        // SAFETY: takes no pointer. Leaving user 0 clears the capabilities.
        assert_eq!(unsafe { libc::setresuid(NOBODY, NOBODY, NOBODY) }, 0);
        // Leaving user 0 also hides /proc/self from the process itself.
        // SAFETY: takes no pointer.
        assert_eq!(unsafe { libc::prctl(libc::PR_SET_DUMPABLE, 1, 0, 0, 0) }, 0);
    }
}

/// What the kernel says this process has locked.
fn locked_kib() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmLck:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

/// The memory that a child would find wiped: nothing but the arena and the witness of a fork.
fn arena_kib() -> u64 {
    let smaps = fs::read_to_string("/proc/self/smaps").unwrap();
    let (mut size, mut sum) = (0, 0);
    for line in smaps.lines() {
        if let Some(kib) = line.strip_prefix("Size:") {
            size = kib.trim().trim_end_matches(" kB").parse().unwrap();
        } else if line.starts_with("VmFlags:") && line.split_whitespace().any(|flag| flag == "wf") {
            sum += size;
        }
    }
    sum
}

/// The kernel's flags of the mapping that an address lies in (`proc_pid_smaps(5)`).
fn vm_flags(address: usize) -> Vec<String> {
    let smaps = fs::read_to_string("/proc/self/smaps").unwrap();
    let mut within = false;
    for line in smaps.lines() {
        let range = line.split_whitespace().next().and_then(|range| range.split_once('-'));
        let range = range.and_then(|(a, b)| {
            Some((usize::from_str_radix(a, 16).ok()?, usize::from_str_radix(b, 16).ok()?))
        });
        if let Some((start, end)) = range {
            within = (start..end).contains(&address);
        }
        if within && let Some(flags) = line.strip_prefix("VmFlags:") {
            return flags.split_whitespace().map(str::to_owned).collect();
        }
    }
    panic!("no mapping at {address:x}");
}

fn address(bytes: &[u8]) -> usize {
    bytes.as_ptr().addr()
}

/// Reads this process's memory as a debugger would.
fn peek(address: usize) -> [u8; 32] {
    let mut bytes = [0; 32];
    File::open("/proc/self/mem").unwrap().read_exact_at(&mut bytes, u64::try_from(address).unwrap()).unwrap();
    bytes
}
