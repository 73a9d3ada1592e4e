//! A wrapper for every function of PKCS #11 3.0, of which 2.40 is the beginning.

#![allow(non_snake_case, clippy::too_many_arguments, reason = "names and arguments are the standard's")]

use std::ffi::c_void;

use cryptoki_sys::{
    CK_ATTRIBUTE, CK_BBOOL, CK_BYTE, CK_FLAGS, CK_FUNCTION_LIST_3_2, CK_INFO, CK_MECHANISM,
    CK_MECHANISM_INFO, CK_MECHANISM_TYPE, CK_NOTIFY, CK_OBJECT_HANDLE, CK_RV, CK_SESSION_HANDLE,
    CK_SESSION_INFO, CK_SLOT_ID, CK_SLOT_INFO, CK_TOKEN_INFO, CK_ULONG, CK_USER_TYPE, CK_UTF8CHAR,
    CKR_FUNCTION_NOT_SUPPORTED,
};

use crate::module;
use crate::output::{Output, Shape};

/// `NAME(ARGUMENTS) => SHAPE OUTPUT;`, where the output says which arguments the function gives out through.
macro_rules! wrap {
    ($($name:ident($($argument:ident: $type:ty),* $(,)?) $(=> $shape:ident $make:ident($($place:ident),*))?;)*) => {
        $(
            unsafe extern "C" fn $name($($argument: $type),*) -> CK_RV {
                let output = wrap!(@output $($make($($place),*))?);
                module::call(stringify!($name), &output, |token| match token.$name {
                    // SAFETY: the arguments are handed on as they came, to the function they were meant for.
                    Some(function) => unsafe { function($($argument),*) },
                    None => CKR_FUNCTION_NOT_SUPPORTED,
                })
            }
        )*

        /// Puts the wrappers in the places of the functions that a list has.
        pub(crate) fn replace(list: &mut CK_FUNCTION_LIST_3_2) {
            $(list.$name = list.$name.and(Some($name));)*
        }

        /// Every function that a plan may name, with what it gives out.
        pub(crate) const FUNCTIONS: &[(&str, Shape)] = &[
            ("C_GetFunctionList", Shape::Nothing),
            ("C_GetInterfaceList", Shape::Nothing),
            ("C_GetInterface", Shape::Nothing),
            $((stringify!($name), wrap!(@shape $($shape)?)),)*
        ];
    };
    (@output) => { Output::nothing() };
    (@output $make:ident($($place:ident),*)) => { Output::$make($($place),*) };
    (@shape) => { Shape::Nothing };
    (@shape $shape:ident) => { Shape::$shape };
}

wrap! {
    C_Initialize(arguments: *mut c_void);
    C_Finalize(reserved: *mut c_void);
    C_GetInfo(info: *mut CK_INFO) => Fixed value(info);
    C_GetSlotList(
        present: CK_BBOOL, slots: *mut CK_SLOT_ID, count: *mut CK_ULONG
    ) => Counted list(slots, count);
    C_GetSlotInfo(slot: CK_SLOT_ID, info: *mut CK_SLOT_INFO) => Fixed value(info);
    C_GetTokenInfo(slot: CK_SLOT_ID, info: *mut CK_TOKEN_INFO) => Fixed value(info);
    C_GetMechanismList(
        slot: CK_SLOT_ID, mechanisms: *mut CK_MECHANISM_TYPE, count: *mut CK_ULONG
    ) => Counted list(mechanisms, count);
    C_GetMechanismInfo(
        slot: CK_SLOT_ID, mechanism: CK_MECHANISM_TYPE, info: *mut CK_MECHANISM_INFO
    ) => Fixed value(info);
    C_InitToken(slot: CK_SLOT_ID, pin: *mut CK_UTF8CHAR, pin_len: CK_ULONG, label: *mut CK_UTF8CHAR);
    C_InitPIN(session: CK_SESSION_HANDLE, pin: *mut CK_UTF8CHAR, pin_len: CK_ULONG);
    C_SetPIN(
        session: CK_SESSION_HANDLE, old: *mut CK_UTF8CHAR, old_len: CK_ULONG, new: *mut CK_UTF8CHAR,
        new_len: CK_ULONG
    );
    C_OpenSession(
        slot: CK_SLOT_ID, flags: CK_FLAGS, application: *mut c_void, notify: CK_NOTIFY,
        session: *mut CK_SESSION_HANDLE
    ) => Fixed value(session);
    C_CloseSession(session: CK_SESSION_HANDLE);
    C_CloseAllSessions(slot: CK_SLOT_ID);
    C_GetSessionInfo(session: CK_SESSION_HANDLE, info: *mut CK_SESSION_INFO) => Fixed value(info);
    C_GetOperationState(
        session: CK_SESSION_HANDLE, output: *mut CK_BYTE, output_len: *mut CK_ULONG
    ) => Counted bytes(output, output_len);
    C_SetOperationState(
        session: CK_SESSION_HANDLE, state: *mut CK_BYTE, state_len: CK_ULONG, encryption: CK_OBJECT_HANDLE,
        authentication: CK_OBJECT_HANDLE
    );
    C_Login(session: CK_SESSION_HANDLE, user: CK_USER_TYPE, pin: *mut CK_UTF8CHAR, pin_len: CK_ULONG);
    C_Logout(session: CK_SESSION_HANDLE);
    C_CreateObject(
        session: CK_SESSION_HANDLE, template: *mut CK_ATTRIBUTE, template_len: CK_ULONG,
        object: *mut CK_OBJECT_HANDLE
    ) => Fixed value(object);
    C_CopyObject(
        session: CK_SESSION_HANDLE, source: CK_OBJECT_HANDLE, template: *mut CK_ATTRIBUTE,
        template_len: CK_ULONG, object: *mut CK_OBJECT_HANDLE
    ) => Fixed value(object);
    C_DestroyObject(session: CK_SESSION_HANDLE, object: CK_OBJECT_HANDLE);
    C_GetObjectSize(
        session: CK_SESSION_HANDLE, object: CK_OBJECT_HANDLE, size: *mut CK_ULONG
    ) => Fixed value(size);
    C_GetAttributeValue(
        session: CK_SESSION_HANDLE, object: CK_OBJECT_HANDLE, template: *mut CK_ATTRIBUTE,
        template_len: CK_ULONG
    ) => Counted template(template, template_len);
    C_SetAttributeValue(
        session: CK_SESSION_HANDLE, object: CK_OBJECT_HANDLE, template: *mut CK_ATTRIBUTE,
        template_len: CK_ULONG
    );
    C_FindObjectsInit(session: CK_SESSION_HANDLE, template: *mut CK_ATTRIBUTE, template_len: CK_ULONG);
    C_FindObjects(
        session: CK_SESSION_HANDLE, objects: *mut CK_OBJECT_HANDLE, room: CK_ULONG, count: *mut CK_ULONG
    ) => Counted list(objects, count);
    C_FindObjectsFinal(session: CK_SESSION_HANDLE);
    C_EncryptInit(session: CK_SESSION_HANDLE, mechanism: *mut CK_MECHANISM, key: CK_OBJECT_HANDLE);
    C_Encrypt(
        session: CK_SESSION_HANDLE, input: *mut CK_BYTE, input_len: CK_ULONG, output: *mut CK_BYTE,
        output_len: *mut CK_ULONG
    ) => Counted bytes(output, output_len);
    C_EncryptUpdate(
        session: CK_SESSION_HANDLE, input: *mut CK_BYTE, input_len: CK_ULONG, output: *mut CK_BYTE,
        output_len: *mut CK_ULONG
    ) => Counted bytes(output, output_len);
    C_EncryptFinal(
        session: CK_SESSION_HANDLE, output: *mut CK_BYTE, output_len: *mut CK_ULONG
    ) => Counted bytes(output, output_len);
    C_DecryptInit(session: CK_SESSION_HANDLE, mechanism: *mut CK_MECHANISM, key: CK_OBJECT_HANDLE);
    C_Decrypt(
        session: CK_SESSION_HANDLE, input: *mut CK_BYTE, input_len: CK_ULONG, output: *mut CK_BYTE,
        output_len: *mut CK_ULONG
    ) => Counted bytes(output, output_len);
    C_DecryptUpdate(
        session: CK_SESSION_HANDLE, input: *mut CK_BYTE, input_len: CK_ULONG, output: *mut CK_BYTE,
        output_len: *mut CK_ULONG
    ) => Counted bytes(output, output_len);
    C_DecryptFinal(
        session: CK_SESSION_HANDLE, output: *mut CK_BYTE, output_len: *mut CK_ULONG
    ) => Counted bytes(output, output_len);
    C_DigestInit(session: CK_SESSION_HANDLE, mechanism: *mut CK_MECHANISM);
    C_Digest(
        session: CK_SESSION_HANDLE, input: *mut CK_BYTE, input_len: CK_ULONG, output: *mut CK_BYTE,
        output_len: *mut CK_ULONG
    ) => Counted bytes(output, output_len);
    C_DigestUpdate(session: CK_SESSION_HANDLE, input: *mut CK_BYTE, input_len: CK_ULONG);
    C_DigestKey(session: CK_SESSION_HANDLE, key: CK_OBJECT_HANDLE);
    C_DigestFinal(
        session: CK_SESSION_HANDLE, output: *mut CK_BYTE, output_len: *mut CK_ULONG
    ) => Counted bytes(output, output_len);
    C_SignInit(session: CK_SESSION_HANDLE, mechanism: *mut CK_MECHANISM, key: CK_OBJECT_HANDLE);
    C_Sign(
        session: CK_SESSION_HANDLE, input: *mut CK_BYTE, input_len: CK_ULONG, output: *mut CK_BYTE,
        output_len: *mut CK_ULONG
    ) => Counted bytes(output, output_len);
    C_SignUpdate(session: CK_SESSION_HANDLE, input: *mut CK_BYTE, input_len: CK_ULONG);
    C_SignFinal(
        session: CK_SESSION_HANDLE, output: *mut CK_BYTE, output_len: *mut CK_ULONG
    ) => Counted bytes(output, output_len);
    C_SignRecoverInit(session: CK_SESSION_HANDLE, mechanism: *mut CK_MECHANISM, key: CK_OBJECT_HANDLE);
    C_SignRecover(
        session: CK_SESSION_HANDLE, input: *mut CK_BYTE, input_len: CK_ULONG, output: *mut CK_BYTE,
        output_len: *mut CK_ULONG
    ) => Counted bytes(output, output_len);
    C_VerifyInit(session: CK_SESSION_HANDLE, mechanism: *mut CK_MECHANISM, key: CK_OBJECT_HANDLE);
    C_Verify(
        session: CK_SESSION_HANDLE, input: *mut CK_BYTE, input_len: CK_ULONG, signature: *mut CK_BYTE,
        signature_len: CK_ULONG
    );
    C_VerifyUpdate(session: CK_SESSION_HANDLE, input: *mut CK_BYTE, input_len: CK_ULONG);
    C_VerifyFinal(session: CK_SESSION_HANDLE, signature: *mut CK_BYTE, signature_len: CK_ULONG);
    C_VerifyRecoverInit(session: CK_SESSION_HANDLE, mechanism: *mut CK_MECHANISM, key: CK_OBJECT_HANDLE);
    C_VerifyRecover(
        session: CK_SESSION_HANDLE, input: *mut CK_BYTE, input_len: CK_ULONG, output: *mut CK_BYTE,
        output_len: *mut CK_ULONG
    ) => Counted bytes(output, output_len);
    C_DigestEncryptUpdate(
        session: CK_SESSION_HANDLE, input: *mut CK_BYTE, input_len: CK_ULONG, output: *mut CK_BYTE,
        output_len: *mut CK_ULONG
    ) => Counted bytes(output, output_len);
    C_DecryptDigestUpdate(
        session: CK_SESSION_HANDLE, input: *mut CK_BYTE, input_len: CK_ULONG, output: *mut CK_BYTE,
        output_len: *mut CK_ULONG
    ) => Counted bytes(output, output_len);
    C_SignEncryptUpdate(
        session: CK_SESSION_HANDLE, input: *mut CK_BYTE, input_len: CK_ULONG, output: *mut CK_BYTE,
        output_len: *mut CK_ULONG
    ) => Counted bytes(output, output_len);
    C_DecryptVerifyUpdate(
        session: CK_SESSION_HANDLE, input: *mut CK_BYTE, input_len: CK_ULONG, output: *mut CK_BYTE,
        output_len: *mut CK_ULONG
    ) => Counted bytes(output, output_len);
    C_GenerateKey(
        session: CK_SESSION_HANDLE, mechanism: *mut CK_MECHANISM, template: *mut CK_ATTRIBUTE,
        template_len: CK_ULONG, object: *mut CK_OBJECT_HANDLE
    ) => Fixed value(object);
    C_GenerateKeyPair(
        session: CK_SESSION_HANDLE, mechanism: *mut CK_MECHANISM, public: *mut CK_ATTRIBUTE,
        public_len: CK_ULONG, private: *mut CK_ATTRIBUTE, private_len: CK_ULONG,
        public_key: *mut CK_OBJECT_HANDLE, private_key: *mut CK_OBJECT_HANDLE
    ) => Fixed value(private_key);
    C_WrapKey(
        session: CK_SESSION_HANDLE, mechanism: *mut CK_MECHANISM, wrapping: CK_OBJECT_HANDLE,
        key: CK_OBJECT_HANDLE, output: *mut CK_BYTE, output_len: *mut CK_ULONG
    ) => Counted bytes(output, output_len);
    C_UnwrapKey(
        session: CK_SESSION_HANDLE, mechanism: *mut CK_MECHANISM, unwrapping: CK_OBJECT_HANDLE,
        input: *mut CK_BYTE, input_len: CK_ULONG, template: *mut CK_ATTRIBUTE, template_len: CK_ULONG,
        object: *mut CK_OBJECT_HANDLE
    ) => Fixed value(object);
    C_DeriveKey(
        session: CK_SESSION_HANDLE, mechanism: *mut CK_MECHANISM, base: CK_OBJECT_HANDLE,
        template: *mut CK_ATTRIBUTE, template_len: CK_ULONG, object: *mut CK_OBJECT_HANDLE
    ) => Fixed value(object);
    C_SeedRandom(session: CK_SESSION_HANDLE, input: *mut CK_BYTE, input_len: CK_ULONG);
    C_GenerateRandom(
        session: CK_SESSION_HANDLE, random: *mut CK_BYTE, random_len: CK_ULONG
    ) => Fixed filled(random, random_len);
    C_GetFunctionStatus(session: CK_SESSION_HANDLE);
    C_CancelFunction(session: CK_SESSION_HANDLE);
    C_WaitForSlotEvent(flags: CK_FLAGS, slot: *mut CK_SLOT_ID, reserved: *mut c_void) => Fixed value(slot);
    C_LoginUser(
        session: CK_SESSION_HANDLE, user: CK_USER_TYPE, pin: *mut CK_UTF8CHAR, pin_len: CK_ULONG,
        name: *mut CK_UTF8CHAR, name_len: CK_ULONG
    );
    C_SessionCancel(session: CK_SESSION_HANDLE, flags: CK_FLAGS);
    C_MessageEncryptInit(session: CK_SESSION_HANDLE, mechanism: *mut CK_MECHANISM, key: CK_OBJECT_HANDLE);
    C_EncryptMessage(
        session: CK_SESSION_HANDLE, parameter: *mut c_void, parameter_len: CK_ULONG,
        associated: *mut CK_BYTE, associated_len: CK_ULONG, input: *mut CK_BYTE, input_len: CK_ULONG,
        output: *mut CK_BYTE, output_len: *mut CK_ULONG
    ) => Counted bytes(output, output_len);
    C_EncryptMessageBegin(
        session: CK_SESSION_HANDLE, parameter: *mut c_void, parameter_len: CK_ULONG,
        associated: *mut CK_BYTE, associated_len: CK_ULONG
    );
    C_EncryptMessageNext(
        session: CK_SESSION_HANDLE, parameter: *mut c_void, parameter_len: CK_ULONG, input: *mut CK_BYTE,
        input_len: CK_ULONG, output: *mut CK_BYTE, output_len: *mut CK_ULONG, flags: CK_FLAGS
    ) => Counted bytes(output, output_len);
    C_MessageEncryptFinal(session: CK_SESSION_HANDLE);
    C_MessageDecryptInit(session: CK_SESSION_HANDLE, mechanism: *mut CK_MECHANISM, key: CK_OBJECT_HANDLE);
    C_DecryptMessage(
        session: CK_SESSION_HANDLE, parameter: *mut c_void, parameter_len: CK_ULONG,
        associated: *mut CK_BYTE, associated_len: CK_ULONG, input: *mut CK_BYTE, input_len: CK_ULONG,
        output: *mut CK_BYTE, output_len: *mut CK_ULONG
    ) => Counted bytes(output, output_len);
    C_DecryptMessageBegin(
        session: CK_SESSION_HANDLE, parameter: *mut c_void, parameter_len: CK_ULONG,
        associated: *mut CK_BYTE, associated_len: CK_ULONG
    );
    C_DecryptMessageNext(
        session: CK_SESSION_HANDLE, parameter: *mut c_void, parameter_len: CK_ULONG, input: *mut CK_BYTE,
        input_len: CK_ULONG, output: *mut CK_BYTE, output_len: *mut CK_ULONG, flags: CK_FLAGS
    ) => Counted bytes(output, output_len);
    C_MessageDecryptFinal(session: CK_SESSION_HANDLE);
    C_MessageSignInit(session: CK_SESSION_HANDLE, mechanism: *mut CK_MECHANISM, key: CK_OBJECT_HANDLE);
    C_SignMessage(
        session: CK_SESSION_HANDLE, parameter: *mut c_void, parameter_len: CK_ULONG, input: *mut CK_BYTE,
        input_len: CK_ULONG, output: *mut CK_BYTE, output_len: *mut CK_ULONG
    ) => Counted bytes(output, output_len);
    C_SignMessageBegin(session: CK_SESSION_HANDLE, parameter: *mut c_void, parameter_len: CK_ULONG);
    C_SignMessageNext(
        session: CK_SESSION_HANDLE, parameter: *mut c_void, parameter_len: CK_ULONG, input: *mut CK_BYTE,
        input_len: CK_ULONG, output: *mut CK_BYTE, output_len: *mut CK_ULONG
    ) => Counted bytes(output, output_len);
    C_MessageSignFinal(session: CK_SESSION_HANDLE);
    C_MessageVerifyInit(session: CK_SESSION_HANDLE, mechanism: *mut CK_MECHANISM, key: CK_OBJECT_HANDLE);
    C_VerifyMessage(
        session: CK_SESSION_HANDLE, parameter: *mut c_void, parameter_len: CK_ULONG, input: *mut CK_BYTE,
        input_len: CK_ULONG, signature: *mut CK_BYTE, signature_len: CK_ULONG
    );
    C_VerifyMessageBegin(session: CK_SESSION_HANDLE, parameter: *mut c_void, parameter_len: CK_ULONG);
    C_VerifyMessageNext(
        session: CK_SESSION_HANDLE, parameter: *mut c_void, parameter_len: CK_ULONG, input: *mut CK_BYTE,
        input_len: CK_ULONG, signature: *mut CK_BYTE, signature_len: CK_ULONG
    );
    C_MessageVerifyFinal(session: CK_SESSION_HANDLE);
}
