//! Calls that the safe binding makes in a way that does not do here: a PIN from locked memory, plaintext into it, and no
//! query for the length before each operation (a second round trip, and one that NSS cannot bear with AES-GCM).
//!
//! They need the list of functions that the safe binding uses, which it does not tell. Most modules have one list, whoever asks.
//! A module that makes another one for each who asks (p11-kit's client does, each with a connection of its own) is used through
//! the safe binding alone.
#![allow(unsafe_code)]

use std::path::Path;
use std::ptr;

use cryptoki::context::Pkcs11;
use cryptoki::error::{Rv, RvError};
use cryptoki::mechanism::Mechanism;
use cryptoki::object::ObjectHandle;
use cryptoki::session::{Session, UserType};
use cryptoki::slot::Slot;
use cryptoki::types::AuthPin;
use cryptoki_sys::{
    CK_FUNCTION_LIST, CK_GCM_PARAMS, CK_MECHANISM, CK_MECHANISM_TYPE, CK_RV, CK_SESSION_HANDLE, CK_ULONG,
    CKM_AES_GCM, CKU_USER,
};

use zeroize::Zeroizing;

use crate::error::Failure;

/// The functions of a module, by the list that it gives out.
pub(crate) struct Raw {
    /// Never unloaded, since modules are kept for the life of the process; the list points into it.
    _library: cryptoki_sys::Pkcs11,
    /// None where the module has more than one.
    list: Option<CK_FUNCTION_LIST>,
}

/// A mechanism with its name for errors.
pub(crate) struct Named<'a> {
    pub(crate) name: &'static str,
    pub(crate) mechanism: Mechanism<'a>,
}

/// AES-GCM in a form that the safe binding cannot express: without an IV.
pub(crate) struct GcmWithoutIv<'a> {
    pub(crate) aad: &'a [u8],
    pub(crate) tag_bits: CK_ULONG,
}

impl Raw {
    /// Loads the module and takes its list.
    pub(crate) fn load(path: &Path) -> Result<Self, Failure> {
        // SAFETY: loading runs the module's code in this process. That is what whoever configured it wants.
        let library = unsafe { cryptoki_sys::Pkcs11::new(path) }.map_err(|error| {
            Failure::Module(format!("it cannot be loaded as a PKCS #11 module ({error}); correct lib"))
        })?;
        let (list, again) = (list_of(&library)?, list_of(&library)?);
        if list.is_null() || !list.is_aligned() {
            return Err(Failure::Module("its function list is empty".into()));
        }
        // SAFETY: the module answered that it is a list, and it lives as long as the library.
        let list = (list == again).then(|| unsafe { list.read() });
        Ok(Self { _library: library, list })
    }

    /// Whether the module has one list of functions for all who ask.
    pub(crate) fn is_shared(&self) -> bool {
        self.list.is_some()
    }

    /// `C_Login` as the user, with the PIN where it lies.
    pub(crate) fn login(&self, session: &Session, pin: Option<&[u8]>) -> Result<(), Failure> {
        let Some(list) = &self.list else {
            let pin = pin.map(auth_pin).transpose()?;
            return session
                .login(UserType::User, pin.as_ref())
                .map_err(|error| binding_failure(error, "C_Login", None));
        };
        let call = have(list.C_Login)?;
        let (start, len) = pin.map_or((ptr::null(), 0), |pin| (pin.as_ptr(), pin.len()));
        // SAFETY: the PIN is readable for its length and the function does not write to it; an absent one is NULL and 0.
        let answer = unsafe { call(session.handle(), CKU_USER, start.cast_mut(), ulong(len)?) };
        outcome("C_Login", None, answer)
    }

    /// `C_EncryptInit` and `C_Encrypt`. The output has at most `most` bytes.
    pub(crate) fn encrypt(
        &self,
        session: &Session,
        by: &Named<'_>,
        key: ObjectHandle,
        data: &[u8],
        most: usize,
    ) -> Result<Vec<u8>, Failure> {
        match &self.list {
            Some(list) => encrypt_with(list, session, (by.name, (&by.mechanism).into()), key, data, most),
            None => session
                .encrypt(&by.mechanism, key, data)
                .map_err(|error| binding_failure(error, "C_Encrypt", Some(by.name))),
        }
    }

    /// As [`encrypt`](Self::encrypt), with AES-GCM and no IV.
    pub(crate) fn encrypt_without_iv(
        &self,
        session: &Session,
        by: &GcmWithoutIv<'_>,
        key: ObjectHandle,
        data: &[u8],
        most: usize,
    ) -> Result<Vec<u8>, Failure> {
        let list = self.list.as_ref().ok_or_else(|| {
            Failure::Unsupported("this module cannot be called without an IV; set another iv_mode".into())
        })?;
        let mut parameters = CK_GCM_PARAMS {
            pIv: ptr::null_mut(),
            ulIvLen: 0,
            ulIvBits: 0,
            pAAD: by.aad.as_ptr().cast_mut(),
            ulAADLen: ulong(by.aad.len())?,
            ulTagBits: by.tag_bits,
        };
        let mechanism = CK_MECHANISM {
            mechanism: CKM_AES_GCM,
            pParameter: (&raw mut parameters).cast(),
            ulParameterLen: ulong(size_of::<CK_GCM_PARAMS>())?,
        };
        encrypt_with(list, session, ("CKM_AES_GCM", mechanism), key, data, most)
    }

    /// `C_DecryptInit` and `C_Decrypt` into the caller's memory. Answers how many bytes were written.
    pub(crate) fn decrypt(
        &self,
        session: &Session,
        by: &Named<'_>,
        key: ObjectHandle,
        data: &[u8],
        output: &mut [u8],
    ) -> Result<usize, Failure> {
        let Some(list) = &self.list else {
            let opened = session
                .decrypt(&by.mechanism, key, data)
                .map_err(|error| binding_failure(error, "C_Decrypt", Some(by.name)))?;
            let opened = Zeroizing::new(opened);
            let place = output.get_mut(..opened.len());
            place.ok_or_else(|| too_much("C_Decrypt"))?.copy_from_slice(&opened);
            return Ok(opened.len());
        };
        let init = have(list.C_DecryptInit)?;
        let mut mechanism: CK_MECHANISM = (&by.mechanism).into();
        // SAFETY: as in `encrypt_with`.
        let answer = unsafe { init(session.handle(), &raw mut mechanism, key.handle()) };
        outcome("C_DecryptInit", Some(by.name), answer)?;
        one_shot(("C_Decrypt", Some(by.name)), list.C_Decrypt, session.handle(), data, output)
    }

    /// `C_SignInit` and `C_Sign`, for signatures and MACs. The output has at most `most` bytes.
    pub(crate) fn sign(
        &self,
        session: &Session,
        by: &Named<'_>,
        key: ObjectHandle,
        data: &[u8],
        most: usize,
    ) -> Result<Vec<u8>, Failure> {
        let Some(list) = &self.list else {
            return session
                .sign(&by.mechanism, key, data)
                .map_err(|error| binding_failure(error, "C_Sign", Some(by.name)));
        };
        let init = have(list.C_SignInit)?;
        let mut mechanism: CK_MECHANISM = (&by.mechanism).into();
        // SAFETY: as in `encrypt_with`.
        let answer = unsafe { init(session.handle(), &raw mut mechanism, key.handle()) };
        outcome("C_SignInit", Some(by.name), answer)?;
        let mut output = vec![0; most];
        let len = one_shot(("C_Sign", Some(by.name)), list.C_Sign, session.handle(), data, &mut output)?;
        output.truncate(len);
        Ok(output)
    }

    /// `C_GetMechanismList`, with the numbers that the safe binding does not know and would leave out.
    pub(crate) fn mechanisms(&self, binding: &Pkcs11, slot: Slot) -> Result<Vec<CK_MECHANISM_TYPE>, Failure> {
        let Some(list) = &self.list else {
            return Ok(binding.get_mechanism_list(slot)?.into_iter().map(Into::into).collect());
        };
        let slot = slot.into();
        let call = have(list.C_GetMechanismList)?;
        let mut count = 0;
        // SAFETY: a NULL list asks for the count alone, which has a place.
        let answer = unsafe { call(slot, ptr::null_mut(), &raw mut count) };
        outcome("C_GetMechanismList", None, answer)?;
        let mut list = vec![0; usize::try_from(count).unwrap_or(0).min(MOST_MECHANISMS)];
        count = ulong(list.len())?;
        // SAFETY: the list has as many places as `count` says.
        let answer = unsafe { call(slot, list.as_mut_ptr(), &raw mut count) };
        outcome("C_GetMechanismList", None, answer)?;
        list.truncate(usize::try_from(count).unwrap_or(usize::MAX));
        Ok(list)
    }
}

fn encrypt_with(
    list: &CK_FUNCTION_LIST,
    session: &Session,
    (name, mut mechanism): (&'static str, CK_MECHANISM),
    key: ObjectHandle,
    data: &[u8],
    most: usize,
) -> Result<Vec<u8>, Failure> {
    let init = have(list.C_EncryptInit)?;
    // SAFETY: the mechanism and what its parameter points to outlive the call.
    let answer = unsafe { init(session.handle(), &raw mut mechanism, key.handle()) };
    outcome("C_EncryptInit", Some(name), answer)?;
    let mut output = vec![0; most];
    let len = one_shot(("C_Encrypt", Some(name)), list.C_Encrypt, session.handle(), data, &mut output)?;
    output.truncate(len);
    Ok(output)
}

/// The list of the interface that the safe binding takes, where the module has interfaces (v3.0). It must be the same: there are
/// modules whose lists have each a state of their own.
fn default_interface(library: &cryptoki_sys::Pkcs11) -> Result<Option<*mut CK_FUNCTION_LIST>, Failure> {
    if library.C_GetInterface.is_err() {
        return Ok(None);
    }
    let mut interface = ptr::null_mut();
    // SAFETY: the symbol is there; NULL asks for the default, and `interface` is a place for the pointer that it writes.
    let answer = unsafe { library.C_GetInterface(ptr::null_mut(), ptr::null_mut(), &raw mut interface, 0) };
    outcome("C_GetInterface", None, answer)?;
    // SAFETY: the module answered that it points to an interface, or it is NULL.
    let Some(interface) = (unsafe { interface.as_ref() }) else { return Ok(None) };
    // A list of version 3 begins with that of version 2.40.
    let list = interface.pFunctionList.cast::<CK_FUNCTION_LIST>();
    // SAFETY: as above; every list begins with its version.
    let major = unsafe { list.as_ref() }.map_or(0, |list| list.version.major);
    Ok((major >= 3).then_some(list))
}

fn function_list(library: &cryptoki_sys::Pkcs11) -> Result<*mut CK_FUNCTION_LIST, Failure> {
    if library.C_GetFunctionList.is_err() {
        return Err(Failure::Module("it has no C_GetFunctionList: it is no PKCS #11 module".into()));
    }
    let mut list = ptr::null_mut();
    // SAFETY: the symbol is there, and `list` is a place for the pointer that it writes.
    let answer = unsafe { library.C_GetFunctionList(&raw mut list) };
    outcome("C_GetFunctionList", None, answer)?;
    Ok(list)
}

type OneShot = unsafe extern "C" fn(CK_SESSION_HANDLE, *mut u8, CK_ULONG, *mut u8, *mut CK_ULONG) -> CK_RV;

fn one_shot(
    (function, mechanism): (&'static str, Option<&'static str>),
    call: Option<OneShot>,
    session: CK_SESSION_HANDLE,
    data: &[u8],
    output: &mut [u8],
) -> Result<usize, Failure> {
    let call = have(call)?;
    let mut len = ulong(output.len())?;
    // SAFETY: the input is readable for its length and not written to; the output is writable for the length in `len`.
    let answer = unsafe {
        call(session, data.as_ptr().cast_mut(), ulong(data.len())?, output.as_mut_ptr(), &raw mut len)
    };
    outcome(function, mechanism, answer)?;
    usize::try_from(len).ok().filter(|len| *len <= output.len()).ok_or_else(|| too_much(function))
}

fn too_much(function: &str) -> Failure {
    Failure::Misbehaved(format!("{function} wrote more than it had room for"))
}

/// The PIN as the safe binding wants it: in ordinary memory, wiped on drop.
fn auth_pin(pin: &[u8]) -> Result<AuthPin, Failure> {
    let text = str::from_utf8(pin).map_err(|_| {
        Failure::Setting("this module takes no PIN that is not UTF-8; set another PIN".into())
    })?;
    Ok(AuthPin::new(text.into()))
}

/// The binding names the function in its error, and the mechanism is known here.
fn binding_failure(
    error: cryptoki::error::Error,
    function: &'static str,
    mechanism: Option<&'static str>,
) -> Failure {
    match error {
        cryptoki::error::Error::Pkcs11(code, _) => Failure::call(function, mechanism, code),
        other => other.into(),
    }
}

fn list_of(library: &cryptoki_sys::Pkcs11) -> Result<*mut CK_FUNCTION_LIST, Failure> {
    match default_interface(library)? {
        Some(list) => Ok(list),
        None => function_list(library),
    }
}

fn have<T>(function: Option<T>) -> Result<T, Failure> {
    function.ok_or_else(|| Failure::call("a function of the list", None, RvError::FunctionNotSupported))
}

fn outcome(function: &'static str, mechanism: Option<&'static str>, answer: CK_RV) -> Result<(), Failure> {
    match Rv::from(answer) {
        Rv::Ok => Ok(()),
        Rv::Error(error) => Err(Failure::call(function, mechanism, error)),
    }
}

fn ulong(len: usize) -> Result<CK_ULONG, Failure> {
    CK_ULONG::try_from(len)
        .map_err(|_| Failure::Unsupported("that is more than the module can be given".into()))
}

/// More than the standard knows; a count above that is not a count.
const MOST_MECHANISMS: usize = 4096;
