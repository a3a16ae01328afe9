//! What a plugin may ask of its host: a log and secrets. One set per process, because a module is initialised once.

use std::ffi::c_void;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::OnceLock;

use twinhaul_backend_abi::raw::{self, Sized32};
use twinhaul_backend_abi::{LogLevel, convert};
use twinhaul_units::text::show;

type LogFn = dyn Fn(LogLevel, &str, &str) + Send + Sync;
type EnabledFn = dyn Fn(LogLevel) -> bool + Send + Sync;
type SecretFn = dyn Fn(&str) -> Option<Vec<u8>> + Send + Sync;

/// Services to install before the first library is loaded; the default swallows logs and knows no secrets.
pub struct Services {
    /// Level, target (the backend's own word), message; both sanitised already.
    pub log: Box<LogFn>,
    pub log_enabled: Box<EnabledFn>,
    /// The value behind `secret:NAME`.
    pub secret: Box<SecretFn>,
}

impl std::fmt::Debug for Services {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Services")
    }
}

impl Default for Services {
    fn default() -> Self {
        Self { log: Box::new(|_, _, _| {}), log_enabled: Box::new(|_| false), secret: Box::new(|_| None) }
    }
}

struct Installed {
    services: Services,
    raw: raw::Host,
}

static INSTALLED: OnceLock<Installed> = OnceLock::new();

impl Services {
    /// Makes these the services of this process. `false`: there are some already, these are dropped.
    pub fn install(self) -> bool {
        let mut fresh = false;
        INSTALLED.get_or_init(|| {
            fresh = true;
            Installed::new(self)
        });
        fresh
    }
}

impl Installed {
    fn new(services: Services) -> Self {
        let mut raw = raw::Host::zeroed();
        raw.abi_major = raw::ABI_MAJOR;
        raw.abi_minor = raw::ABI_MINOR;
        raw.name = raw::Str::of("twinhaul");
        raw.version = raw::Str::of(env!("CARGO_PKG_VERSION"));
        raw.log = Some(log);
        raw.log_enabled = Some(log_enabled);
        raw.get_secret = Some(get_secret);
        Self { services, raw }
    }
}

/// What `twh_module_init` is given; lives for ever.
pub(crate) fn raw_host() -> *const raw::Host {
    &raw const INSTALLED.get_or_init(|| Installed::new(Services::default())).raw
}

fn services() -> Option<&'static Services> {
    INSTALLED.get().map(|i| &i.services)
}

unsafe extern "C" fn log(_: *mut c_void, level: i32, target: raw::Str, message: raw::Str) {
    // SAFETY: the plugin's texts are valid during the call.
    let (target, message) = unsafe { (convert::text_lossy(target), convert::text_lossy(message)) };
    let _ = catch_unwind(AssertUnwindSafe(|| {
        if let Some(s) = services() {
            (s.log)(LogLevel::from_raw(level), &show(&target), &show(&message));
        }
    }));
}

unsafe extern "C" fn log_enabled(_: *mut c_void, level: i32) -> i32 {
    let on = catch_unwind(|| services().is_some_and(|s| (s.log_enabled)(LogLevel::from_raw(level))));
    i32::from(on.unwrap_or(false))
}

unsafe extern "C" fn get_secret(
    _: *mut c_void,
    name: raw::Str,
    out: *mut u8,
    cap: usize,
    len: *mut usize,
) -> raw::RawCode {
    // SAFETY: the plugin's text is valid during the call.
    let name = unsafe { convert::text_lossy(name) };
    let value = catch_unwind(AssertUnwindSafe(|| services().and_then(|s| (s.secret)(&name)))).ok().flatten();
    let Some(value) = value else { return raw::E_NOT_FOUND };
    // SAFETY: out holds cap bytes, len is the plugin's.
    unsafe {
        if !out.is_null() {
            std::ptr::copy_nonoverlapping(value.as_ptr(), out, value.len().min(cap));
        }
        if !len.is_null() {
            *len = value.len();
        }
    }
    raw::OK
}
