//! Calls that the safe binding cannot express, each without asking for the length first.

#![allow(unsafe_code, reason = "what a careless client would send is part of the question")]

use std::path::Path;
use std::ptr;

use cryptoki::error::{Error, Rv, RvError};
use cryptoki::mechanism::Mechanism;
use cryptoki::object::ObjectHandle;
use cryptoki::session::Session;
use cryptoki_sys::{
    CK_BYTE, CK_FUNCTION_LIST, CK_GCM_PARAMS, CK_MECHANISM, CK_MECHANISM_TYPE, CK_OBJECT_HANDLE, CK_RV,
    CK_SESSION_HANDLE, CK_ULONG, CKM_AES_GCM, CKR_FUNCTION_NOT_SUPPORTED, CKR_OK,
};

/// The functions of the module.
pub(crate) struct Raw {
    list: CK_FUNCTION_LIST,
    _library: cryptoki_sys::Pkcs11,
}

/// The parameters of AES-GCM, as a client may send them.
#[derive(Clone, Copy)]
pub(crate) struct Gcm<'a> {
    /// None is a null pointer and a length of zero.
    pub(crate) iv: Option<&'a [u8; 12]>,
    pub(crate) iv_bits: CK_ULONG,
    pub(crate) aad: &'a [u8],
    pub(crate) tag_bits: CK_ULONG,
}

type Init = Option<unsafe extern "C" fn(CK_SESSION_HANDLE, *mut CK_MECHANISM, CK_OBJECT_HANDLE) -> CK_RV>;
type OneShot = Option<
    unsafe extern "C" fn(CK_SESSION_HANDLE, *mut CK_BYTE, CK_ULONG, *mut CK_BYTE, *mut CK_ULONG) -> CK_RV,
>;

impl Raw {
    pub(crate) fn load(path: &Path) -> Result<Self, String> {
        // SAFETY: the safe binding has loaded the library before; this counts one reference more.
        let library = unsafe { cryptoki_sys::Pkcs11::new(path) }.map_err(|error| error.to_string())?;
        let function = library.C_GetFunctionList.as_ref().map_err(ToString::to_string)?;
        let mut list = ptr::null_mut();
        // SAFETY: the function of a loaded module, and a place for its answer.
        if unsafe { function(&raw mut list) } != CKR_OK || list.is_null() {
            return Err("C_GetFunctionList gave no list".into());
        }
        // SAFETY: the module said that it is a list.
        let list = unsafe { list.read() };
        Ok(Self { list, _library: library })
    }

    pub(crate) fn gcm(
        &self,
        encrypt: bool,
        session: &Session,
        key: ObjectHandle,
        with: Gcm<'_>,
        data: &[u8],
    ) -> Result<Vec<u8>, String> {
        let mut parameters = CK_GCM_PARAMS {
            pIv: with.iv.map_or(ptr::null_mut(), |iv| iv.as_ptr().cast_mut()),
            ulIvLen: with.iv.map_or(0, |iv| iv.len() as CK_ULONG),
            ulIvBits: with.iv_bits,
            pAAD: with.aad.as_ptr().cast_mut(),
            ulAADLen: with.aad.len() as CK_ULONG,
            ulTagBits: with.tag_bits,
        };
        let mechanism = CK_MECHANISM {
            mechanism: CKM_AES_GCM,
            pParameter: (&raw mut parameters).cast(),
            ulParameterLen: size_of::<CK_GCM_PARAMS>() as CK_ULONG,
        };
        let (init, call) = if encrypt {
            (self.list.C_EncryptInit, self.list.C_Encrypt)
        } else {
            (self.list.C_DecryptInit, self.list.C_Decrypt)
        };
        one_shot(init, call, session, mechanism, key, data)
    }

    pub(crate) fn encrypt(
        &self,
        session: &Session,
        by: &Mechanism<'_>,
        key: ObjectHandle,
        data: &[u8],
    ) -> Result<Vec<u8>, String> {
        one_shot(self.list.C_EncryptInit, self.list.C_Encrypt, session, by.into(), key, data)
    }

    pub(crate) fn decrypt(
        &self,
        session: &Session,
        by: &Mechanism<'_>,
        key: ObjectHandle,
        data: &[u8],
    ) -> Result<Vec<u8>, String> {
        one_shot(self.list.C_DecryptInit, self.list.C_Decrypt, session, by.into(), key, data)
    }

    /// Wraps a key with a mechanism that takes no parameter.
    pub(crate) fn wrap(
        &self,
        session: &Session,
        mechanism: CK_MECHANISM_TYPE,
        by: ObjectHandle,
        key: ObjectHandle,
    ) -> Result<Vec<u8>, String> {
        let call = self.list.C_WrapKey.ok_or_else(|| code(CKR_FUNCTION_NOT_SUPPORTED))?;
        let mut mechanism =
            CK_MECHANISM { mechanism, pParameter: ptr::null_mut(), ulParameterLen: 0 };
        let mut output = vec![0; ROOM];
        let mut length = output.len() as CK_ULONG;
        // SAFETY: mechanism, output and length live, and the output has as much room as is said.
        let answer = unsafe {
            call(
                session.handle(),
                &raw mut mechanism,
                by.handle(),
                key.handle(),
                output.as_mut_ptr(),
                &raw mut length,
            )
        };
        finish(answer, output, length)
    }
}

fn one_shot(
    init: Init,
    call: OneShot,
    session: &Session,
    mut mechanism: CK_MECHANISM,
    key: ObjectHandle,
    data: &[u8],
) -> Result<Vec<u8>, String> {
    let (Some(init), Some(call)) = (init, call) else { return Err(code(CKR_FUNCTION_NOT_SUPPORTED)) };
    // SAFETY: the mechanism and what it points to outlive the call.
    let answer = unsafe { init(session.handle(), &raw mut mechanism, key.handle()) };
    if answer != CKR_OK {
        return Err(code(answer));
    }
    let mut output = vec![0; ROOM];
    let mut length = output.len() as CK_ULONG;
    // SAFETY: the data is only read, and the output has as much room as is said.
    let answer = unsafe {
        call(
            session.handle(),
            data.as_ptr().cast_mut(),
            data.len() as CK_ULONG,
            output.as_mut_ptr(),
            &raw mut length,
        )
    };
    finish(answer, output, length)
}

fn finish(answer: CK_RV, mut output: Vec<u8>, length: CK_ULONG) -> Result<Vec<u8>, String> {
    if answer != CKR_OK {
        return Err(code(answer));
    }
    output.truncate(usize::try_from(length).unwrap_or(usize::MAX));
    Ok(output)
}

/// What a call through the safe binding answered.
pub(crate) fn told<T>(answer: &Result<T, Error>) -> String {
    match answer {
        Ok(_) => "CKR_OK".into(),
        Err(Error::Pkcs11(error, _)) => name(*error),
        Err(error) => error.to_string(),
    }
}

fn code(answer: CK_RV) -> String {
    match Rv::from(answer) {
        Rv::Ok => "CKR_OK".into(),
        Rv::Error(error) => name(error),
    }
}

/// The standard's name, which the binding writes in its own manner: `DeviceError` is `CKR_DEVICE_ERROR`.
fn name(error: RvError) -> String {
    format!("{error:?}").chars().fold(String::from("CKR"), |mut name, letter| {
        if letter.is_ascii_uppercase() {
            name.push('_');
        }
        name.push(letter.to_ascii_uppercase());
        name
    })
}

/// More than anything here needs.
const ROOM: usize = 1024;
