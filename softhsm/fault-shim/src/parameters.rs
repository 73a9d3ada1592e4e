//! Library parameters for `C_Initialize`, which a caller that follows the standard has no means to give.
//!
//! NSS softokn reads its configuration from a member `LibraryParameters` that it adds to `CK_C_INITIALIZE_ARGS` before
//! the last one; what the standard calls `pReserved` lies in its place.

use std::ffi::{CString, c_char, c_void};
use std::fmt;
use std::ptr;
use std::sync::OnceLock;

use cryptoki_sys::{
    CK_C_INITIALIZE_ARGS, CK_C_Initialize, CK_FUNCTION_LIST_3_2, CK_RV, CKR_FUNCTION_NOT_SUPPORTED,
};

/// Makes the token's `C_Initialize` hand over the parameters, when there are any.
pub(crate) fn supply(token: &mut CK_FUNCTION_LIST_3_2) -> Result<(), ParametersError> {
    let Some(text) = std::env::var_os(PARAMETERS) else { return Ok(()) };
    let text = CString::new(text.into_encoded_bytes()).map_err(|_| ParametersError)?;
    let supplied = Supplied { text, initialize: token.C_Initialize };
    SUPPLIED.get_or_init(|| supplied);
    token.C_Initialize = Some(initialize);
    Ok(())
}

struct Supplied {
    text: CString,
    initialize: CK_C_Initialize,
}

#[repr(C)]
struct Extended {
    standard: CK_C_INITIALIZE_ARGS,
    reserved: *mut c_void,
}

unsafe extern "C" fn initialize(arguments: *mut c_void) -> CK_RV {
    let Some(Supplied { text, initialize: Some(function) }) = SUPPLIED.get() else {
        return CKR_FUNCTION_NOT_SUPPORTED;
    };
    // SAFETY: the standard lets a caller hand over these arguments or null.
    let given = unsafe { arguments.cast::<CK_C_INITIALIZE_ARGS>().as_ref() };
    let mut standard = given.copied().unwrap_or_default();
    standard.pReserved = text.as_ptr().cast::<c_char>().cast_mut().cast();
    let mut extended = Extended { standard, reserved: ptr::null_mut() };
    // SAFETY: the arguments live until the function returns, and the text for ever.
    unsafe { function((&raw mut extended).cast()) }
}

/// The parameters are no string of C.
pub(crate) struct ParametersError;

impl fmt::Display for ParametersError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{PARAMETERS} has a zero byte within")
    }
}

static SUPPLIED: OnceLock<Supplied> = OnceLock::new();

const PARAMETERS: &str = "STRONGROOM_FAULT_PARAMETERS";
