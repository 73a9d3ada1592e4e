//! A client of PKCS #11 that does little, straight through `cryptoki`. Each test program uses its own part of it.

#![allow(dead_code, clippy::unwrap_used)]

use std::path::Path;

use cryptoki::context::{CInitializeArgs, CInitializeFlags, Pkcs11};
use cryptoki::mechanism::Mechanism;
use cryptoki::mechanism::aead::GcmParams;
use cryptoki::object::{Attribute, AttributeType, ObjectHandle};
use cryptoki::session::{Session, UserType};
use cryptoki::slot::Slot;
use cryptoki::types::AuthPin;

pub(crate) fn open(lib: &Path) -> Pkcs11 {
    let module = Pkcs11::new(lib).unwrap();
    initialise(&module);
    module
}

pub(crate) fn initialise(module: &Pkcs11) {
    module.initialize(CInitializeArgs::new(CInitializeFlags::OS_LOCKING_OK)).unwrap();
}

pub(crate) fn slot(module: &Pkcs11, label: &str) -> Slot {
    let slots = module.get_slots_with_token().unwrap();
    let of_label = |slot: &Slot| module.get_token_info(*slot).is_ok_and(|token| token.label() == label);
    slots.into_iter().find(of_label).unwrap()
}

pub(crate) fn log_in(module: &Pkcs11, label: &str, pin: &str) -> Session {
    let session = module.open_rw_session(slot(module, label)).unwrap();
    session.login(UserType::User, Some(&AuthPin::new(pin.into()))).unwrap();
    session
}

pub(crate) fn generate_aes(session: &Session, label: &str) -> ObjectHandle {
    let template = [
        Attribute::Token(true),
        Attribute::Private(true),
        Attribute::Sensitive(true),
        Attribute::Extractable(false),
        Attribute::Encrypt(true),
        Attribute::Decrypt(true),
        Attribute::ValueLen(32.into()),
        Attribute::Label(label.into()),
    ];
    session.generate_key(&Mechanism::AesKeyGen, &template).unwrap()
}

pub(crate) fn find(session: &Session, label: &str) -> Vec<ObjectHandle> {
    session.find_objects(&[Attribute::Label(label.into())]).unwrap()
}

pub(crate) fn extractable(session: &Session, key: ObjectHandle) -> bool {
    session.get_attributes(key, &[AttributeType::Extractable]).unwrap() != [Attribute::Extractable(false)]
}

/// AES-CBC with padding, which every token knows.
pub(crate) fn encrypt(session: &Session, key: ObjectHandle, data: &[u8]) -> cryptoki::error::Result<Vec<u8>> {
    session.encrypt(&Mechanism::AesCbcPad([7; 16]), key, data)
}

pub(crate) fn decrypt(session: &Session, key: ObjectHandle, data: &[u8]) -> cryptoki::error::Result<Vec<u8>> {
    session.decrypt(&Mechanism::AesCbcPad([7; 16]), key, data)
}

pub(crate) fn encrypt_gcm(
    session: &Session,
    key: ObjectHandle,
    data: &[u8],
) -> cryptoki::error::Result<Vec<u8>> {
    let mut iv = [9; 12];
    let parameters = GcmParams::new(&mut iv, b"place", 128.into()).unwrap();
    session.encrypt(&Mechanism::AesGcm(parameters), key, data)
}

/// One block of AES, which passes even through p11-kit.
pub(crate) fn encrypt_block(session: &Session, key: ObjectHandle) -> cryptoki::error::Result<Vec<u8>> {
    session.encrypt(&Mechanism::AesEcb, key, &[5; 16])
}
