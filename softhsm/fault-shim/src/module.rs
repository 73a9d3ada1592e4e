//! The real module, and the lists that are handed out in place of its own.

#![allow(clippy::print_stderr, reason = "a module has no other way to tell a person what is wrong")]

use std::ffi::{CStr, c_void};
use std::fmt;
use std::path::PathBuf;
use std::ptr;
use std::sync::OnceLock;

use cryptoki_sys::{
    CK_FUNCTION_LIST, CK_FUNCTION_LIST_3_0, CK_FUNCTION_LIST_3_2, CK_INTERFACE, CK_RV, CK_VERSION,
    CKR_ARGUMENTS_BAD, CKR_LIBRARY_LOAD_FAILED, CKR_OK, Pkcs11,
};

use crate::intercept::Interceptor;
use crate::output::Output;
use crate::{entry, parameters, wrappers};

/// Everything that lasts as long as the process.
pub(crate) struct Module {
    interceptor: Interceptor,
    library: Pkcs11,
    /// The token's own functions, in the widest of its lists.
    token: CK_FUNCTION_LIST_3_2,
    /// What stands in for the list of `C_GetFunctionList`.
    plain: &'static CK_FUNCTION_LIST_3_2,
    /// What stands in for the interfaces of `C_GetInterfaceList`.
    interfaces: Vec<Interface>,
}

/// An interface of the real module and the one that is handed out in its place.
pub(crate) struct Interface {
    real: *mut c_void,
    pub(crate) shown: &'static CK_INTERFACE,
}

// SAFETY: interfaces are written once, while the module loads, and only read afterwards.
unsafe impl Send for Interface {}
// SAFETY: as above.
unsafe impl Sync for Interface {}

/// Calls a function of the token as the plan wants it.
pub(crate) fn call(
    function: &str,
    output: &Output,
    ask: impl FnOnce(&CK_FUNCTION_LIST_3_2) -> CK_RV,
) -> CK_RV {
    match loaded() {
        Ok(module) => module.interceptor.call(function, output, || ask(&module.token)),
        Err(code) => code,
    }
}

/// The same for the functions that hand out lists, which need the module itself.
pub(crate) fn call_for_list(function: &str, ask: impl FnOnce(&'static Module) -> CK_RV) -> CK_RV {
    match loaded() {
        Ok(module) => module.interceptor.call(function, &Output::nothing(), || ask(module)),
        Err(code) => code,
    }
}

/// Tells why a call fails, and answers so.
pub(crate) fn refuse(why: &impl fmt::Display, code: CK_RV) -> CK_RV {
    complain(why);
    code
}

pub(crate) fn complain(why: &impl fmt::Display) {
    eprintln!("fault shim: {why}");
}

fn loaded() -> Result<&'static Module, CK_RV> {
    static MODULE: OnceLock<Option<Module>> = OnceLock::new();
    let load = || match Module::load() {
        Ok(module) => Some(module),
        Err(error) => {
            complain(&error);
            None
        }
    };
    MODULE.get_or_init(load).as_ref().ok_or(CKR_LIBRARY_LOAD_FAILED)
}

impl Module {
    fn load() -> Result<Self, LoadError> {
        let path = std::env::var_os(MODULE).map(PathBuf::from).ok_or(LoadError::NoModule)?;
        // SAFETY: whoever sets the variable means this library to be loaded, with what its constructors do.
        let library =
            unsafe { Pkcs11::new(&path) }.map_err(|error| LoadError::Library(path, error.to_string()))?;
        let plain = function_list(&library)?;
        let interfaces = interfaces(&library, plain)?;
        // SAFETY: PKCS #11 keeps lists unchanged as long as the module is loaded, which is for ever.
        let mut token = unsafe { copy(widest(&library).unwrap_or(plain.cast())) };
        parameters::supply(&mut token).map_err(LoadError::Parameters)?;
        // SAFETY: as above.
        let plain = wrap(unsafe { copy(plain.cast()) });
        Ok(Self { interceptor: Interceptor::from_environment(), library, token, plain, interfaces })
    }

    pub(crate) fn plain(&self) -> *mut CK_FUNCTION_LIST {
        ptr::from_ref(self.plain).cast_mut().cast()
    }

    pub(crate) fn interfaces(&self) -> &[Interface] {
        &self.interfaces
    }

    /// Lets the real module choose an interface, and answers with what stands in for it.
    ///
    /// # Safety
    ///
    /// The pointers are as `C_GetInterface` wants them.
    pub(crate) unsafe fn interface(
        &self,
        name: *mut u8,
        version: *mut CK_VERSION,
        flags: u64,
    ) -> Result<&'static CK_INTERFACE, CK_RV> {
        let Ok(choose) = &self.library.C_GetInterface else {
            // SAFETY: the caller vouches for the pointers.
            return unsafe { self.only_interface(name, version, flags) };
        };
        let mut chosen = ptr::null_mut();
        // SAFETY: the caller vouches for the pointers, and `chosen` lives.
        let code = unsafe { choose(name, version, &raw mut chosen, flags) };
        if code != CKR_OK {
            return Err(code);
        }
        // SAFETY: the module has just pointed it at one of its interfaces.
        let real = unsafe { chosen.as_ref() }.map_or(ptr::null_mut(), |interface| interface.pFunctionList);
        let known = self.interfaces.iter().find(|interface| interface.real == real);
        known.map(|interface| interface.shown).ok_or_else(|| {
            refuse(&"the module chose an interface that it does not list", CKR_LIBRARY_LOAD_FAILED)
        })
    }

    /// The choice among the one interface of a module that knows nothing of interfaces.
    ///
    /// # Safety
    ///
    /// The pointers are as `C_GetInterface` wants them.
    unsafe fn only_interface(
        &self,
        name: *mut u8,
        version: *mut CK_VERSION,
        flags: u64,
    ) -> Result<&'static CK_INTERFACE, CK_RV> {
        // SAFETY: a name is null or a string that ends with a zero byte.
        let named = name.is_null() || unsafe { CStr::from_ptr(name.cast()) } == STANDARD;
        // SAFETY: a version is null or one.
        let version = unsafe { version.as_ref() };
        let plain = self.plain.version;
        let versioned = version.is_none_or(|asked| (asked.major, asked.minor) == (plain.major, plain.minor));
        match self.interfaces.first() {
            Some(interface) if named && versioned && flags & !interface.shown.flags == 0 => {
                Ok(interface.shown)
            }
            _ => Err(CKR_ARGUMENTS_BAD),
        }
    }
}

fn function_list(library: &Pkcs11) -> Result<*mut CK_FUNCTION_LIST, LoadError> {
    let function = library.C_GetFunctionList.as_ref().map_err(|_| LoadError::Answer("C_GetFunctionList"))?;
    let mut list = ptr::null_mut();
    // SAFETY: the function of a module that has just been loaded, and a place for its answer.
    let code = unsafe { function(&raw mut list) };
    if code == CKR_OK && !list.is_null() { Ok(list) } else { Err(LoadError::Answer("C_GetFunctionList")) }
}

/// The list of the interface that the module gives to those who do not ask for a certain one.
fn widest(library: &Pkcs11) -> Option<*mut c_void> {
    let function = library.C_GetInterface.as_ref().ok()?;
    let mut chosen = ptr::null_mut();
    // SAFETY: null means "any" for name and version, and `chosen` lives.
    let code = unsafe { function(ptr::null_mut(), ptr::null_mut(), &raw mut chosen, 0) };
    if code != CKR_OK {
        return None;
    }
    // SAFETY: the module has just pointed it at one of its interfaces.
    let interface = unsafe { chosen.as_ref() }?;
    // SAFETY: names of interfaces are strings that end with a zero byte.
    (unsafe { is_standard(interface) }).then_some(interface.pFunctionList)
}

fn interfaces(library: &Pkcs11, plain: *mut CK_FUNCTION_LIST) -> Result<Vec<Interface>, LoadError> {
    let Ok(function) = &library.C_GetInterfaceList else {
        let only = CK_INTERFACE {
            pInterfaceName: STANDARD.as_ptr().cast_mut().cast(),
            pFunctionList: plain.cast(),
            flags: 0,
        };
        // SAFETY: the list has just come from the module.
        return Ok(vec![unsafe { stand_in(only) }]);
    };
    let mut count = 0;
    // SAFETY: null asks how many there are.
    let code = unsafe { function(ptr::null_mut(), &raw mut count) };
    let room = usize::try_from(count).unwrap_or(0);
    let none = CK_INTERFACE { pInterfaceName: ptr::null_mut(), pFunctionList: ptr::null_mut(), flags: 0 };
    let mut real = vec![none; room];
    if code != CKR_OK || room == 0 {
        return Err(LoadError::Answer("C_GetInterfaceList"));
    }
    // SAFETY: there is room for as many as the module has just said.
    let code = unsafe { function(real.as_mut_ptr(), &raw mut count) };
    if code != CKR_OK {
        return Err(LoadError::Answer("C_GetInterfaceList"));
    }
    // SAFETY: the interfaces have just come from the module.
    Ok(real.into_iter().map(|interface| unsafe { stand_in(interface) }).collect())
}

/// # Safety
///
/// The interface is one of a module's, with its name and list.
unsafe fn stand_in(real: CK_INTERFACE) -> Interface {
    let mut shown = real;
    // SAFETY: the caller vouches for the interface.
    if unsafe { is_standard(&real) } {
        // SAFETY: standard interfaces point at standard lists.
        let list = wrap(unsafe { copy(real.pFunctionList) });
        shown.pFunctionList = ptr::from_ref(list).cast_mut().cast();
    }
    Interface { real: real.pFunctionList, shown: Box::leak(Box::new(shown)) }
}

/// # Safety
///
/// The interface is one of a module's, with its name.
unsafe fn is_standard(interface: &CK_INTERFACE) -> bool {
    // SAFETY: names of interfaces are strings that end with a zero byte.
    !interface.pInterfaceName.is_null()
        && unsafe { CStr::from_ptr(interface.pInterfaceName.cast()) } == STANDARD
}

/// Copies a list, which ends where its version says, into the widest kind.
///
/// # Safety
///
/// It is a list of functions of PKCS #11, which begins with its version.
unsafe fn copy(list: *mut c_void) -> CK_FUNCTION_LIST_3_2 {
    // SAFETY: the caller vouches that a version is there.
    let version = unsafe { list.cast::<CK_VERSION>().read() };
    let length = match (version.major, version.minor) {
        (..3, _) => size_of::<CK_FUNCTION_LIST>(),
        (3, ..2) => size_of::<CK_FUNCTION_LIST_3_0>(),
        _ => size_of::<CK_FUNCTION_LIST_3_2>(),
    };
    let mut copied = CK_FUNCTION_LIST_3_2::default();
    // SAFETY: the source is as long as its version says, and each kind of list is the beginning of the next wider one.
    unsafe { ptr::copy_nonoverlapping(list.cast::<u8>(), (&raw mut copied).cast(), length) };
    copied
}

fn wrap(mut list: CK_FUNCTION_LIST_3_2) -> &'static CK_FUNCTION_LIST_3_2 {
    wrappers::replace(&mut list);
    list.C_GetFunctionList = Some(entry::C_GetFunctionList);
    list.C_GetInterfaceList = list.C_GetInterfaceList.and(Some(entry::C_GetInterfaceList));
    list.C_GetInterface = list.C_GetInterface.and(Some(entry::C_GetInterface));
    Box::leak(Box::new(list))
}

/// Why there is no token behind the shim.
enum LoadError {
    NoModule,
    Library(PathBuf, String),
    Answer(&'static str),
    Parameters(parameters::ParametersError),
}

impl fmt::Display for LoadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoModule => write!(f, "set {MODULE} to the path of the module to pass calls on to"),
            Self::Library(path, error) => write!(f, "{MODULE}={} cannot be loaded: {error}", path.display()),
            Self::Answer(function) => write!(f, "{function} of the module behind {MODULE} gives no list"),
            Self::Parameters(error) => error.fmt(f),
        }
    }
}

const MODULE: &str = "STRONGROOM_FAULT_MODULE";
const STANDARD: &CStr = c"PKCS 11";

#[cfg(test)]
mod tests {
    use super::wrap;
    use crate::wrappers::FUNCTIONS;
    use cryptoki_sys::{CK_FUNCTION_LIST, CK_FUNCTION_LIST_3_0, CK_FUNCTION_LIST_3_2};
    use std::ptr;

    /// How many functions a list has behind its version, which takes as much room as one.
    const fn functions<List>() -> usize {
        size_of::<List>() / size_of::<usize>() - 1
    }

    extern "C" fn unwrapped() {}

    #[test]
    fn every_function_of_the_lists_of_2_40_and_3_0_is_wrapped() {
        let stranger = unwrapped as *const () as usize;
        let mut list = CK_FUNCTION_LIST_3_2::default();
        for place in 1..=functions::<CK_FUNCTION_LIST_3_2>() {
            // SAFETY: the list is an array of pointers behind its version, and this is one of them.
            unsafe { (&raw mut list).cast::<usize>().wrapping_add(place).write(stranger) };
        }
        let wrapped = ptr::from_ref(wrap(list)).cast::<usize>();
        // SAFETY: as above.
        let is_wrapped = |place: usize| unsafe { wrapped.wrapping_add(place).read() } != stranger;
        assert_eq!(functions::<CK_FUNCTION_LIST>(), 68);
        assert!((1..=functions::<CK_FUNCTION_LIST_3_0>()).all(is_wrapped));
        assert_eq!(FUNCTIONS.len(), functions::<CK_FUNCTION_LIST_3_0>());
        // The control: what is not wrapped is seen.
        assert!(!is_wrapped(functions::<CK_FUNCTION_LIST_3_2>()));
    }
}
