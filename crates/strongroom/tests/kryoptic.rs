//! Root keys in Kryoptic, a second token of another make and another character.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic, missing_docs)]
#![allow(clippy::print_stdout)]

mod common;

use std::sync::OnceLock;

use common::hsm;
use strongroom_test_tokens::TestToken;

/// One token for all tests of this program: PKCS #11 knows one configuration for a process.
fn token() -> &'static TestToken {
    static TOKEN: OnceLock<TestToken> = OnceLock::new();
    TOKEN.get_or_init(|| TestToken::kryoptic("store").unwrap_or_else(|error| panic!("{error}")))
}

#[test]
fn store_lives_its_whole_life_with_the_token_alone() {
    hsm::whole_life("kryoptic", token());
}

#[test]
fn store_migrates_from_shamir_to_the_token_to_both_and_back() {
    hsm::migration("kryoptic", token());
}

#[test]
fn key_is_replaced_by_another_of_its_label() {
    hsm::replaced_key(token());
}

#[test]
fn store_outlives_its_token() {
    hsm::lost_token(token());
}

#[test]
fn every_byte_of_the_wrapped_part_matters() {
    hsm::tampering("kryoptic", token());
}

#[test]
fn preparation_writes_nothing_and_a_missing_key_says_what_to_do() {
    hsm::preparation_writes_nothing(token());
}

#[test]
fn store_stays_open_through_an_outage_for_as_long_as_its_policy_says() {
    hsm::outage(token());
}
