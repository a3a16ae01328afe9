//! The header is the contract: it compiles as C11 and C++17 without a warning, and the C compiler's sizes, offsets and
//! constants are those of `raw`. A struct changed on one side only fails here.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "helpers of tests")]

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use twinhaul_backend_abi::raw;

const STRICT: [&str; 4] = ["-Wall", "-Wextra", "-Werror", "-pedantic"];

fn include_dir() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("include")
}

fn scratch(name: &str) -> PathBuf {
    let dir = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    std::fs::create_dir_all(&dir).unwrap();
    dir
}

fn compile(compiler: &str, args: &[&str], source: &Path, out: &Path) {
    let done = Command::new(compiler)
        .args(args)
        .args(STRICT)
        .arg("-I")
        .arg(include_dir())
        .arg(source)
        .arg("-o")
        .arg(out)
        .output()
        .expect("a C and a C++ compiler are needed for the tests");
    assert!(done.status.success(), "{compiler} {args:?}: {}", String::from_utf8_lossy(&done.stderr));
}

#[test]
fn the_header_is_clean_c_and_cpp() {
    let dir = scratch("clean");
    for (compiler, args, name) in
        [("cc", &["-std=c11", "-c"][..], "clean.c"), ("c++", &["-std=c++17", "-c"], "clean.cpp")]
    {
        let source = dir.join(name);
        std::fs::write(
            &source,
            "#include \"twinhaul_backend.h\"\n#include \"twinhaul_backend.h\"\nint twh_test(void);\nint twh_test(void) { return TWH_OK; }\n",
        )
        .unwrap();
        compile(compiler, args, &source, &dir.join(format!("{name}.o")));
    }
}

/// What Rust thinks of a struct, as the C program will print it, and the C statements that print it.
struct Table {
    expected: String,
    program: String,
}

impl Table {
    fn line(&mut self, label: &str, c: &str, rust: i128) {
        writeln!(self.expected, "{label} {rust}").unwrap();
        writeln!(self.program, "  printf(\"{label} %lld\\n\", (long long)({c}));").unwrap();
    }
}

macro_rules! layout {
    ($table:expr, $($c:ident = $t:ident { $($field:ident $(as $cfield:literal)?),* $(,)? })*) => {$(
        let c = stringify!($c);
        $table.line(&format!("sizeof {c}"), &format!("sizeof({c})"), size_of::<raw::$t>() as i128);
        $table.line(&format!("alignof {c}"), &format!("_Alignof({c})"), align_of::<raw::$t>() as i128);
        $(
            #[allow(unused_mut, unused_assignments, reason = "only some fields have another name in C")]
            let mut name = stringify!($field).to_owned();
            $(name = $cfield.to_owned();)?
            $table.line(&format!("{c}.{name}"), &format!("offsetof({c}, {name})"), std::mem::offset_of!(raw::$t, $field) as i128);
        )*
        // Exhaustive: a field that is missing here does not compile.
        #[allow(unused_variables, reason = "only that every field is named")]
        let _ = |s: raw::$t| { let raw::$t { $($field),* } = s; };
    )*};
}

fn structs(t: &mut Table) {
    layout!(t,
        twh_str = Str { ptr, len }
        twh_bytes = Bytes { ptr, len }
        twh_error = Error { struct_size, code, flags, os_errno, http_status, retry_after_ms, msg_len, reserved, msg }
        twh_host = Host { struct_size, abi_major, abi_minor, ctx, name, version, log, log_enabled, get_secret }
        twh_op = Op { struct_size, flags, ctx, op_id, deadline_ms, is_cancelled, progress, wait }
        twh_buf = Buf { ptr, len, owner, retain, release }
        twh_limits = Limits { struct_size, max_inflight_calls, max_open_writers, max_parallel_ranges, caps, preferred_chunk,
            min_part, max_part, max_object, max_user_meta_bytes, max_retained_bytes, mtime_precision_ns, max_parts,
            max_key_bytes, max_component_bytes, key_rules, commit_deadline_ms, reserved }
        twh_module = Module { magic, struct_size, abi_major, abi_minor, flags, caps, name, version, description, license,
            build_id, config_schema, verbs }
        twh_xattr = Xattr { name, value }
        twh_attrs = Attrs { struct_size, kind, mode, uid, gid, nlink, size, mtime_ns, ctime_ns, dev, ino, position,
            link_target, xattrs, xattrs_len }
        twh_kv = Kv { key, value }
        twh_put = Put { struct_size, mode, key, size_hint, attrs, attempt_id, flags, checksum_kind, checksum, if_match,
            content_type, user_meta, user_meta_len, resume_token }
        twh_writer_info = WriterInfo { struct_size, max_parallel_ranges, part_size, resume_offset, lost, ref_len, r#ref as "ref" }
        twh_stat = Stat { struct_size, kind, size, mtime_ns, mode, lost, checksum_kind, checksum_len, etag_len,
            version_len, checksum, etag, version }
        twh_probe = Probe { struct_size, health, total_bytes, free_bytes, used_bytes, free_objects, latency_us, device,
            flags, msg_len, location_len, medium_len, msg, location, medium }
    );
    t.line("sizeof twh_vtable", "sizeof(twh_vtable)", size_of::<raw::Vtable>() as i128);
    for (name, offset) in raw::VTABLE_FIELDS {
        t.line(&format!("twh_vtable.{name}"), &format!("offsetof(twh_vtable, {name})"), *offset as i128);
    }
}

#[test]
fn c_and_rust_agree_on_every_size_offset_and_constant() {
    let mut table = Table { expected: String::new(), program: String::new() };
    structs(&mut table);
    for (name, value) in raw::constants::ALL {
        // Printed as 64 bits: what does not fit a signed one wraps on both sides.
        table.line(name, name, i128::from(*value as i64));
    }
    let symbols = [("TWH_SYM_INFO", raw::SYM_INFO), ("TWH_SYM_INIT", raw::SYM_INIT)];
    for (name, symbol) in symbols {
        writeln!(table.expected, "{name} {}", symbol.to_str().unwrap()).unwrap();
        writeln!(table.program, "  printf(\"{name} %s\\n\", {name});").unwrap();
    }

    let dir = scratch("layout");
    let source = dir.join("layout.c");
    std::fs::write(
        &source,
        format!(
            "#include <stdio.h>\n#include \"twinhaul_backend.h\"\nint main(void) {{\n{}  return 0;\n}}\n",
            table.program
        ),
    )
    .unwrap();
    let program = dir.join("layout");
    compile("cc", &["-std=c11"], &source, &program);
    let c = Command::new(&program).output().unwrap();
    let c = String::from_utf8(c.stdout).unwrap();
    for (c, rust) in c.lines().zip(table.expected.lines()) {
        assert_eq!(c, rust, "C says the left, Rust the right");
    }
    assert_eq!(c.lines().count(), table.expected.lines().count());
    assert!(c.lines().count() > 250, "every struct, entry and constant is compared");
}

#[test]
fn no_constant_of_the_header_is_missing_in_rust() {
    let header = std::fs::read_to_string(include_dir().join("twinhaul_backend.h")).unwrap();
    let known: Vec<&str> = raw::constants::ALL.iter().map(|(name, _)| *name).collect();
    let names = header
        .split(|c: char| !(c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_'))
        .filter(|w| w.starts_with("TWH_") && w.len() > 5 && !w.ends_with('_'));
    let mut seen = 0;
    for name in names {
        if matches!(name, "TWH_EXPORT" | "TWH_SYM_INFO" | "TWH_SYM_INIT" | "TWH_NO_EXPORTS") {
            continue;
        }
        assert!(known.contains(&name), "{name} is in the header and not in raw::constants");
        seen += 1;
    }
    assert!(seen > 100, "the header names its constants");
}

#[test]
fn no_entry_of_the_vtable_is_missing_in_rust() {
    let header = std::fs::read_to_string(include_dir().join("twinhaul_backend.h")).unwrap();
    let table =
        header.split("typedef struct twh_vtable {").nth(1).unwrap().split("} twh_vtable;").next().unwrap();
    let entries: Vec<&str> = table.split("(*").skip(1).map(|rest| rest.split(')').next().unwrap()).collect();
    let ours: Vec<&str> = raw::VTABLE_FIELDS.iter().map(|(name, _)| *name).collect();
    assert_eq!(entries, ours, "the same entries in the same order");
}
