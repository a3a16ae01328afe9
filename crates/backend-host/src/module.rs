//! Who a library says it is, read once and copied: name, version, capabilities, schema, verbs.

use std::ffi::{CStr, c_char};

use serde_json::{Value, json};
use twinhaul_backend_abi::{Caps, raw};

use crate::search;

/// The struct of version 1.0 ends here; a shorter one is no module.
const MODULE_BYTES_MIN: usize = std::mem::offset_of!(raw::Module, verbs) + size_of::<*const c_char>();
/// Longest text of a module that is kept, in bytes.
const TEXT_BYTES_MAX: usize = 256 << 10;

/// See the module. Texts are the backend's own: print them through the sanitiser.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModuleInfo {
    /// What a profile says after `backend:`.
    pub name: String,
    pub version: String,
    pub description: String,
    pub license: String,
    pub build_id: Option<String>,
    /// JSON Schema.
    pub config_schema: Option<String>,
    /// JSON, see [`ModuleInfo::verbs`].
    pub verbs_json: Option<String>,
    /// Upper bound of what its targets can do.
    pub caps: Caps,
    pub abi: (u16, u16),
}

/// A verb of a backend: `twinhaul tape map`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verb {
    pub verb: String,
    pub help: String,
    /// Name and help.
    pub args: Vec<(String, String)>,
}

/// Why a module is not one; completes an error.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Unfit {
    OtherAbi(u16, u16),
    Wrong(String),
}

impl ModuleInfo {
    /// # Safety
    /// `p` is the address of the exported `twh_module_info` of a loaded library.
    pub(crate) unsafe fn read(p: *const raw::Module) -> Result<Self, Unfit> {
        let wrong = |what: &str| Err(Unfit::Wrong(what.to_owned()));
        // SAFETY: the smallest symbol of this name holds at least magic and sizes; the rest is read after they are checked.
        let (magic, size, major, minor) =
            unsafe { ((*p).magic, (*p).struct_size as usize, (*p).abi_major, (*p).abi_minor) };
        if magic != raw::MAGIC {
            return wrong("twh_module_info does not begin with the magic number TWH1");
        }
        if major != raw::ABI_MAJOR || minor > raw::ABI_MINOR {
            return Err(Unfit::OtherAbi(major, minor));
        }
        if size < MODULE_BYTES_MIN {
            return Err(Unfit::Wrong(format!(
                "struct_size of twh_module_info is {size}, at least {MODULE_BYTES_MIN} expected"
            )));
        }
        // SAFETY: struct_size says that every field of 1.0 is there; texts are NUL-terminated constants of the plugin.
        let info = unsafe {
            let m = &*p;
            Self {
                name: text(m.name).unwrap_or_default(),
                version: text(m.version).unwrap_or_default(),
                description: text(m.description).unwrap_or_default(),
                license: text(m.license).unwrap_or_default(),
                build_id: text(m.build_id),
                config_schema: text(m.config_schema),
                verbs_json: text(m.verbs),
                caps: Caps(m.caps),
                abi: (major, minor),
            }
        };
        if !search::name_ok(&info.name) {
            return wrong("its name is not [a-z][a-z0-9_-]{0,31}");
        }
        if info.version.is_empty() {
            return wrong("it has no version");
        }
        Ok(info)
    }

    /// The backend's own verbs; what does not parse is left out.
    pub fn verbs(&self) -> Vec<Verb> {
        let word = |v: &Value, key: &str| v.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
        let parsed: Value =
            self.verbs_json.as_deref().and_then(|t| serde_json::from_str(t).ok()).unwrap_or_default();
        let list = |v: &Value| v.as_array().cloned().unwrap_or_default();
        list(&parsed)
            .iter()
            .map(|v| Verb {
                verb: word(v, "verb"),
                help: word(v, "help"),
                args: v
                    .get("args")
                    .map(list)
                    .unwrap_or_default()
                    .iter()
                    .map(|a| (word(a, "name"), word(a, "help")))
                    .collect(),
            })
            .filter(|v| !v.verb.is_empty())
            .collect()
    }

    /// For `backends list --json`, and for the probe.
    pub fn to_json(&self) -> Value {
        json!({
            "name": self.name, "version": self.version, "description": self.description, "license": self.license,
            "build_id": self.build_id, "config_schema": self.config_schema, "verbs": self.verbs_json,
            "caps": self.caps.0, "capabilities": self.caps.words().collect::<Vec<_>>(),
            "abi_major": self.abi.0, "abi_minor": self.abi.1,
        })
    }

    pub(crate) fn from_json(v: &Value) -> Option<Self> {
        let text = |key: &str| v.get(key)?.as_str().map(str::to_owned);
        let number = |key: &str| v.get(key)?.as_u64();
        Some(Self {
            name: text("name").filter(|n| search::name_ok(n))?,
            version: text("version")?,
            description: text("description")?,
            license: text("license")?,
            build_id: text("build_id"),
            config_schema: text("config_schema"),
            verbs_json: text("verbs"),
            caps: Caps(number("caps")?),
            abi: (u16::try_from(number("abi_major")?).ok()?, u16::try_from(number("abi_minor")?).ok()?),
        })
    }
}

/// # Safety
/// `p` is null or a NUL-terminated constant.
unsafe fn text(p: *const c_char) -> Option<String> {
    if p.is_null() {
        return None;
    }
    // SAFETY: the caller's promise.
    let bytes = unsafe { CStr::from_ptr(p) }.to_bytes();
    Some(String::from_utf8_lossy(&bytes[..bytes.len().min(TEXT_BYTES_MAX)]).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn raw_module() -> raw::Module {
        raw::Module {
            magic: raw::MAGIC,
            struct_size: raw::size32::<raw::Module>(),
            abi_major: raw::ABI_MAJOR,
            abi_minor: raw::ABI_MINOR,
            flags: 0,
            caps: 16,
            name: c"tape".as_ptr(),
            version: c"1.2.3".as_ptr(),
            description: c"d".as_ptr(),
            license: c"l".as_ptr(),
            build_id: std::ptr::null(),
            config_schema: std::ptr::null(),
            verbs:
                cr#"[{"verb":"map","help":"h","args":[{"name":"tape","help":"which"}]},{"help":"nameless"}]"#
                    .as_ptr(),
        }
    }

    #[test]
    fn a_module_is_read_copied_and_goes_through_json() {
        // SAFETY: a complete module.
        let info = unsafe { ModuleInfo::read(&raw_module()) }.unwrap();
        assert_eq!((info.name.as_str(), info.caps), ("tape", Caps::READ));
        assert_eq!(ModuleInfo::from_json(&info.to_json()).as_ref(), Some(&info));
        assert_eq!(
            info.verbs(),
            [Verb { verb: "map".into(), help: "h".into(), args: vec![("tape".into(), "which".into())] }]
        );
    }

    #[test]
    fn what_does_not_fit_is_refused_with_its_reason() {
        let bad = |change: fn(&mut raw::Module)| {
            let mut m = raw_module();
            change(&mut m);
            // SAFETY: a complete module, whatever its fields say.
            unsafe { ModuleInfo::read(&raw const m) }.unwrap_err()
        };
        assert!(matches!(bad(|m| m.magic = 1), Unfit::Wrong(_)));
        assert!(matches!(bad(|m| m.struct_size = 16), Unfit::Wrong(_)));
        assert_eq!(bad(|m| m.abi_major = 2), Unfit::OtherAbi(2, 0));
        assert_eq!(bad(|m| m.abi_minor = raw::ABI_MINOR + 1), Unfit::OtherAbi(1, raw::ABI_MINOR + 1));
        assert!(matches!(bad(|m| m.name = c"../x".as_ptr()), Unfit::Wrong(_)));
        assert!(matches!(bad(|m| m.name = std::ptr::null()), Unfit::Wrong(_)));
    }
}
