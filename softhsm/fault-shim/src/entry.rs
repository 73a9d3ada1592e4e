//! What a program finds in the module: three functions that hand out lists.

use cryptoki_sys::{
    CK_FLAGS, CK_FUNCTION_LIST, CK_INTERFACE, CK_RV, CK_ULONG, CK_UTF8CHAR, CK_VERSION, CKR_ARGUMENTS_BAD,
    CKR_BUFFER_TOO_SMALL, CKR_OK,
};

use crate::module;

/// Hands out the wrapped list of PKCS #11 2.40.
///
/// # Safety
///
/// `list` is null or may be written to.
#[unsafe(no_mangle)]
pub(crate) unsafe extern "C" fn C_GetFunctionList(list: *mut *mut CK_FUNCTION_LIST) -> CK_RV {
    module::call_for_list("C_GetFunctionList", |module| {
        // SAFETY: the caller vouches for the pointer.
        let Some(list) = (unsafe { list.as_mut() }) else { return CKR_ARGUMENTS_BAD };
        *list = module.plain();
        CKR_OK
    })
}

/// Hands out the wrapped interfaces.
///
/// # Safety
///
/// `count` is null or may be read and written; `list` is null or has room for so many.
#[unsafe(no_mangle)]
pub(crate) unsafe extern "C" fn C_GetInterfaceList(list: *mut CK_INTERFACE, count: *mut CK_ULONG) -> CK_RV {
    module::call_for_list("C_GetInterfaceList", |module| {
        // SAFETY: the caller vouches for the pointer.
        let Some(count) = (unsafe { count.as_mut() }) else { return CKR_ARGUMENTS_BAD };
        let interfaces = module.interfaces();
        let room = std::mem::replace(count, interfaces.len() as CK_ULONG);
        if list.is_null() {
            return CKR_OK;
        }
        if room < *count {
            return CKR_BUFFER_TOO_SMALL;
        }
        for (position, interface) in interfaces.iter().enumerate() {
            // SAFETY: there is room for all.
            unsafe { list.wrapping_add(position).write(*interface.shown) };
        }
        CKR_OK
    })
}

/// Hands out the wrapped interface that the real module would choose.
///
/// # Safety
///
/// `name` is null or ends with a zero byte; `version` is null or can be read; `interface` is null or may be written to.
#[unsafe(no_mangle)]
pub(crate) unsafe extern "C" fn C_GetInterface(
    name: *mut CK_UTF8CHAR,
    version: *mut CK_VERSION,
    interface: *mut *mut CK_INTERFACE,
    flags: CK_FLAGS,
) -> CK_RV {
    module::call_for_list("C_GetInterface", |module| {
        // SAFETY: the caller vouches for the pointer.
        let Some(interface) = (unsafe { interface.as_mut() }) else { return CKR_ARGUMENTS_BAD };
        // SAFETY: as above.
        match unsafe { module.interface(name, version, flags) } {
            Ok(shown) => {
                *interface = std::ptr::from_ref(shown).cast_mut();
                CKR_OK
            }
            Err(code) => code,
        }
    })
}
