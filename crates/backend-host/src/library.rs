//! A loaded backend. Never unloaded: a plugin's threads and destructors of thread locals pin it (backends.md 1).

use std::collections::HashMap;
use std::ffi::c_void;
use std::mem::ManuallyDrop;
use std::os::fd::IntoRawFd as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use libloading::os::unix::{Library as Dl, RTLD_LOCAL, RTLD_NOW};
use twinhaul_backend_abi::raw::{self, Sized32};
use twinhaul_backend_abi::{Error, Limits, Problem, convert};

use crate::error::{BackendError, HostError};
use crate::module::{ModuleInfo, Unfit};
use crate::op::OpContext;
use crate::target::Target;
use crate::trust::{Checked, FileId};
use crate::{services, sinks};

/// A library of this process; clones are the same.
#[derive(Clone)]
pub struct Library(Arc<Inner>);

struct Inner {
    info: ModuleInfo,
    path: PathBuf,
    name: Arc<str>,
    vtable: raw::Vtable,
    /// Keeps the handle, which is never closed.
    _dl: ManuallyDrop<Dl>,
}

impl std::fmt::Debug for Library {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Library")
            .field("name", &self.0.name)
            .field("path", &self.0.path)
            .finish_non_exhaustive()
    }
}

/// A module is initialised once per process, so a library is loaded once per process.
static LOADED: Mutex<Option<HashMap<FileId, Library>>> = Mutex::new(None);

/// Loads what was checked (and probed): from here on its code runs.
pub(crate) fn load(checked: Checked) -> Result<Library, HostError> {
    let mut guard = LOADED.lock().unwrap_or_else(PoisonError::into_inner);
    let loaded = guard.get_or_insert_with(HashMap::new);
    if let Some(library) = loaded.get(&checked.id) {
        return Ok(library.clone());
    }
    let id = checked.id;
    let library = open(checked)?;
    loaded.insert(id, library.clone());
    Ok(library)
}

fn open(checked: Checked) -> Result<Library, HostError> {
    let by_fd = checked.fd_path();
    let Checked { file, path, .. } = checked;
    // SAFETY: constructors run here. The file was checked on this very descriptor, and probed in a child before.
    let dl = unsafe { Dl::open(Some(&by_fd), RTLD_NOW | RTLD_LOCAL | libc::RTLD_NODELETE) }.map_err(|e| {
        HostError::NotALibrary {
            path: path.clone(),
            reason: loader_words(&e).replace(&by_fd, &path.to_string_lossy()),
        }
    })?;
    // The loader compares names before files: with this descriptor's number given to another file, "/proc/self/fd/N" would
    // answer this library again. So the descriptor stays open, as the library stays loaded.
    let _for_ever = file.into_raw_fd();
    let dl = ManuallyDrop::new(dl);
    // SAFETY: a data symbol; only its address is taken here.
    let module = unsafe { symbol::<*const raw::Module>(&dl, &path, raw::SYM_INFO)? };
    // SAFETY: the symbol's address in a library that stays loaded.
    let info = unsafe { ModuleInfo::read(module) }.map_err(|unfit| match unfit {
        Unfit::OtherAbi(major, minor) => HostError::OtherAbi { path: path.clone(), major, minor },
        Unfit::Wrong(reason) => HostError::BadModule { path: path.clone(), reason },
    })?;
    // SAFETY: a function of this type, says a module with the right magic and version.
    let init = unsafe { symbol::<raw::InitFn>(&dl, &path, raw::SYM_INIT)? };
    let name: Arc<str> = info.name.as_str().into();
    let vtable = init_module(&path, &name, init)?;
    Ok(Library(Arc::new(Inner { info, path, name, vtable, _dl: dl })))
}

/// The loader's own words, without libloading's.
fn loader_words(e: &libloading::Error) -> String {
    match e {
        libloading::Error::DlOpen { source } | libloading::Error::DlSym { source } => {
            // Its Debug form is the C string of dlerror, quoted.
            format!("{source:?}").trim_matches('"').to_owned()
        }
        other => other.to_string(),
    }
}

/// # Safety
/// The symbol has type `T`, which is pointer-sized.
unsafe fn symbol<T: Copy>(dl: &Dl, path: &Path, name: &std::ffi::CStr) -> Result<T, HostError> {
    let missing =
        || HostError::NotABackend { path: path.to_owned(), symbol: name.to_string_lossy().into_owned() };
    // SAFETY: only the address is taken.
    let found =
        unsafe { dl.get::<*mut c_void>(name.to_bytes_with_nul()) }.map_err(|_| missing())?.as_raw_ptr();
    if found.is_null() {
        return Err(missing());
    }
    // SAFETY: the caller's promise, and it is not null.
    Ok(unsafe { std::mem::transmute_copy::<*mut c_void, T>(&found) })
}

fn init_module(path: &Path, name: &Arc<str>, init: raw::InitFn) -> Result<raw::Vtable, HostError> {
    let mut out: *const raw::Vtable = std::ptr::null();
    let mut err = raw::Error::zeroed();
    // SAFETY: a host that lives for ever, and places of ours.
    let code = unsafe { init(services::raw_host(), &raw mut out, &raw mut err) };
    if code != raw::OK {
        // SAFETY: our struct.
        let error = unsafe { convert::load_error(code, &raw const err) };
        let error = BackendError { backend: name.clone(), op: "twh_module_init", error };
        return Err(HostError::Init { path: path.to_owned(), error });
    }
    let bad = |reason: &str| HostError::BadModule { path: path.to_owned(), reason: reason.to_owned() };
    // SAFETY: the plugin says that it lives for ever and how large it is; entries beyond that stay None (R3).
    let vtable = unsafe { convert::read_prefix(out) }.ok_or_else(|| bad("it gave no vtable"))?;
    if vtable.struct_size < 16 || !(vtable.struct_size as usize).is_multiple_of(size_of::<usize>()) {
        return Err(bad("struct_size of its vtable is not one"));
    }
    if vtable.target_open.is_none() || vtable.target_close.is_none() {
        return Err(bad("its vtable has no target_open or no target_close"));
    }
    if vtable.writer_open.is_some() && vtable.writer_free.is_none()
        || vtable.reader_open.is_some() && vtable.reader_free.is_none()
    {
        return Err(bad("its vtable opens writers or readers that it cannot free"));
    }
    Ok(vtable)
}

impl Library {
    pub fn info(&self) -> &ModuleInfo {
        &self.0.info
    }

    /// Canonical.
    pub fn path(&self) -> &Path {
        &self.0.path
    }

    pub(crate) fn vtable(&self) -> &raw::Vtable {
        &self.0.vtable
    }

    /// What is wrong with a configuration (one JSON object), without I/O.
    ///
    /// # Errors
    /// When the backend cannot say; none if it does not check.
    pub fn config_check(&self, config_json: &str) -> Result<Vec<Problem>, BackendError> {
        let Some(entry) = self.vtable().config_check else { return Ok(Vec::new()) };
        let mut problems = sinks::Problems::default();
        self.call("config_check", |err| {
            // SAFETY: the text and the sink live during the call.
            unsafe { entry(raw::Str::of(config_json), Some(sinks::problem), problems.ctx(), err) }
        })?;
        Ok(problems.0)
    }

    /// Opens a target or source. `config_json` is one JSON object.
    ///
    /// # Errors
    /// What the backend says.
    pub fn open(&self, config_json: &str, op: &OpContext) -> Result<Target, BackendError> {
        const NAME: &str = "target_open";
        let entry = self.vtable().target_open.ok_or_else(|| self.unsupported(NAME))?;
        let (mut out, mut limits, op) = (std::ptr::null_mut(), raw::Limits::zeroed(), op.raw());
        self.call(NAME, |err| {
            // SAFETY: everything is ours and lives during the call.
            unsafe { entry(raw::Str::of(config_json), &raw const op, &raw mut out, &raw mut limits, err) }
        })?;
        if out.is_null() {
            return Err(self.broken(NAME, "it answered success without a target"));
        }
        let limits = convert::load_limits(&limits);
        let known = Limits { caps: twinhaul_backend_abi::Caps(limits.caps.0 & self.info().caps.0), ..limits };
        Ok(Target::new(self.clone(), out, known))
    }

    /// Runs one entry with an error struct of its own.
    pub(crate) fn call(
        &self,
        name: &'static str,
        f: impl FnOnce(*mut raw::Error) -> raw::RawCode,
    ) -> Result<(), BackendError> {
        let mut err = raw::Error::zeroed();
        let code = f(&raw mut err);
        if code == raw::OK {
            return Ok(());
        }
        // SAFETY: our struct.
        Err(self.error(name, unsafe { convert::load_error(code, &raw const err) }))
    }

    pub(crate) fn error(&self, op: &'static str, error: Error) -> BackendError {
        BackendError { backend: self.0.name.clone(), op, error }
    }

    pub(crate) fn unsupported(&self, op: &'static str) -> BackendError {
        self.error(op, Error::unsupported(op))
    }

    /// The backend broke the contract.
    pub(crate) fn broken(&self, op: &'static str, what: &str) -> BackendError {
        self.error(
            op,
            Error::new(twinhaul_backend_abi::Code::Internal, format!("the backend is broken: {what}")),
        )
    }
}

/// The address of a value, as the context of a sink.
pub(crate) fn ctx_of<T>(v: &mut T) -> *mut c_void {
    std::ptr::from_mut(v).cast()
}
