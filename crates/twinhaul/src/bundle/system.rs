//! The machine around the run, and what of ours is on it. Each fact on its own: one that cannot be had is `null`.

use crate::evidence::{later, received};
use crate::state::{RunDir, shown};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use twinhaul_profile::Profile;

/// A fact of /proc or /sys is cut here.
const FACT_BYTES_MAX: usize = 16 << 10;
/// How long all file systems together may take to say what room they have; one whose server is gone never does.
const ROOM_WITHIN: Duration = Duration::from_secs(2);
/// How long all backends together may take to say who they are.
const BACKENDS_WITHIN: Duration = Duration::from_secs(15);

/// Kernel, processors, memory, pressure, clock, and the places that the run reads and writes.
pub(super) fn facts(run: &RunDir, profile: Option<&Profile>, processes: &[(String, u32)]) -> Value {
    let keep = [
        "MemTotal",
        "MemFree",
        "MemAvailable",
        "Cached",
        "Dirty",
        "Writeback",
        "SwapTotal",
        "SwapFree",
        "Shmem",
    ];
    let os = |line: &str| line.strip_prefix("PRETTY_NAME=").map(|name| name.trim_matches('"').to_owned());
    json!({
        "kernel": { "type": fact("/proc/sys/kernel/ostype"), "release": fact("/proc/sys/kernel/osrelease"),
            "version": fact("/proc/sys/kernel/version"), "architecture": std::env::consts::ARCH },
        "system": fact("/etc/os-release").and_then(|text| text.lines().find_map(os)),
        "host": fact("/proc/sys/kernel/hostname"),
        "boot_id": fact("/proc/sys/kernel/random/boot_id"),
        "uptime_s": fact("/proc/uptime").and_then(|t| t.split(' ').next()?.parse::<f64>().ok()),
        "processors": { "usable": std::thread::available_parallelism().ok().map(std::num::NonZero::get),
            "model": named("/proc/cpuinfo", &["model name"]).remove("model name"), "load": fact("/proc/loadavg") },
        "memory": named("/proc/meminfo", &keep),
        "pressure": { "cpu": facts_of("/proc/pressure/cpu"), "io": facts_of("/proc/pressure/io"),
            "memory": facts_of("/proc/pressure/memory") },
        "clock": { "source": fact("/sys/devices/system/clocksource/clocksource0/current_clocksource"),
            "time_zone": jiff::tz::TimeZone::system().iana_name(), "now": crate::status::timestamp(twinhaul_engine::wall_ms()) },
        "groups": facts_of("/proc/self/cgroup"),
        "places": places(run, profile),
        "processes": processes.iter().map(|(name, pid)| process(name, *pid)).collect::<Vec<_>>(),
    })
}

/// A small file of the kernel's, whole.
fn fact(path: impl AsRef<Path>) -> Option<String> {
    let text = std::fs::read_to_string(path).ok()?;
    let text = text.get(..FACT_BYTES_MAX).unwrap_or(&text);
    Some(text.trim_end().to_owned())
}

/// The same of several lines.
fn facts_of(path: impl AsRef<Path>) -> Option<Vec<String>> {
    Some(fact(path)?.lines().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ")).collect())
}

/// Lines `name: value` of a file of the kernel's, those of these names.
fn named(path: impl AsRef<Path>, names: &[&str]) -> serde_json::Map<String, Value> {
    let text = std::fs::read_to_string(path).unwrap_or_default();
    let pairs = text.lines().filter_map(|line| line.split_once(':'));
    pairs
        .map(|(name, value)| (name.trim(), value.trim()))
        .filter(|(name, _)| names.contains(name))
        .map(|(name, value)| (name.to_owned(), value.into()))
        .collect()
}

/// A process of the run: nothing of its environment.
fn process(name: &str, pid: u32) -> Value {
    let keep = [
        "State",
        "PPid",
        "Threads",
        "VmPeak",
        "VmHWM",
        "VmRSS",
        "VmSwap",
        "SigBlk",
        "SigIgn",
        "SigCgt",
        "CapEff",
        "NoNewPrivs",
    ];
    let of = |file: &str| format!("/proc/{pid}/{file}");
    let open_files = std::fs::read_dir(of("fd")).map(Iterator::count).ok();
    json!({
        "name": name, "pid": pid, "status": named(of("status"), &keep), "open_files": open_files,
        "limits": facts_of(of("limits")), "io": facts_of(of("io")), "groups": facts_of(of("cgroup")),
        "oom_score_adj": fact(of("oom_score_adj")), "program": std::fs::read_link(of("exe")).ok().map(|p| shown(&p)),
    })
}

/// The run's directory, and the roots of sources and targets that name one.
fn places(run: &RunDir, profile: Option<&Profile>) -> Vec<Value> {
    let mut named = vec![("run".to_owned(), run.path.clone())];
    for end in profile.iter().flat_map(|p| p.sources.iter().chain(&p.targets)) {
        let root = ["root", "library"].iter().find_map(|key| end.config.get(*key)?.as_str());
        // One that is only known with its references is no path.
        let root = root.filter(|root| root.starts_with('/') && !root.contains("${"));
        named.extend(root.map(|root| (end.name.clone(), PathBuf::from(root))));
    }
    let mounts = std::fs::read_to_string("/proc/self/mountinfo").unwrap_or_default();
    let asked: Vec<_> = named
        .into_iter()
        .map(|(name, path)| {
            let place = path.clone();
            (name, path, later(move || rustix::fs::statvfs(&place).map_err(|e| e.to_string())))
        })
        .collect();
    let until = Instant::now() + ROOM_WITHIN;
    asked
        .into_iter()
        .map(|(name, path, answer)| {
            let room = match received(&answer, until) {
                Some(Ok(v)) => json!({ "bytes": v.f_blocks.saturating_mul(v.f_frsize),
                    "free_bytes": v.f_bavail.saturating_mul(v.f_frsize), "inodes": v.f_files, "free_inodes": v.f_favail,
                    "block_bytes": v.f_frsize, "name_bytes_max": v.f_namemax }),
                Some(Err(why)) => json!({ "error": why }),
                None => json!({ "error": format!("no answer within {} s", ROOM_WITHIN.as_secs()) }),
            };
            json!({ "of": name, "path": shown(&path), "mount": mount(&mounts, &path), "room": room })
        })
        .collect()
}

/// The mount below which a path lies, by name alone: a file system that hangs is not touched.
fn mount(mountinfo: &str, path: &Path) -> Option<Value> {
    let below = |line: &&str| {
        let point = line.split(' ').nth(4)?.replace("\\040", " ");
        path.starts_with(&point).then_some(point.len())
    };
    // Of two on one point the later one is seen.
    let line = mountinfo.lines().filter(|line| below(line).is_some()).max_by_key(|line| below(line))?;
    let (before, after) = line.split_once(" - ")?;
    let (before, after): (Vec<&str>, Vec<&str>) = (before.split(' ').collect(), after.split(' ').collect());
    Some(json!({
        "point": before.get(4), "options": before.get(5), "type": after.first(), "source": after.get(1), "super": after.get(2),
    }))
}

/// What of ours is here, in which versions.
pub(super) fn versions() -> Value {
    let backends = later(|| crate::backends::loader().map(|loader| loader.list()).map_err(|e| e.text));
    let backends = match received(&backends, Instant::now() + BACKENDS_WITHIN) {
        Some(Ok(found)) => found.iter().map(backend).collect(),
        Some(Err(why)) => json!({ "error": why }),
        None => json!({ "error": format!("no answer within {} s", BACKENDS_WITHIN.as_secs()) }),
    };
    json!({
        "twinhaul": env!("CARGO_PKG_VERSION"),
        "program": std::env::current_exe().ok().map(|path| shown(&path)),
        "protocol": twinhaul_wire::PROTO,
        "profile": twinhaul_profile::VERSION,
        "ledger_schema": twinhaul_ledger::SCHEMA_VERSION,
        "sqlite": twinhaul_ledger::sqlite_version(),
        "bundle": super::VERSION,
        "debug_assertions": cfg!(debug_assertions),
        "backends": backends,
    })
}

fn backend(found: &twinhaul_backend_host::Found) -> Value {
    let module = found.module.as_ref();
    let path = shown(&found.path);
    match module {
        Ok(m) => json!({ "name": found.name, "path": path, "version": m.version, "build_id": m.build_id,
            "abi": format!("{}.{}", m.abi.0, m.abi.1), "capabilities": m.caps.to_string() }),
        Err(e) => json!({ "name": found.name, "path": path, "error": e.to_string() }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mount_of_a_path_is_the_deepest_and_the_last() {
        let info = "22 1 8:1 / / rw - ext4 /dev/sda1 rw\n23 22 8:2 / /mnt/a rw,noatime shared:1 - xfs /dev/sdb rw,x\n\
                    24 22 0:5 / /mnt/a\\040b ro - nfs4 h:/x rw\n25 22 8:3 / /mnt/a rw - btrfs /dev/sdc rw\n";
        let of = |path: &str| mount(info, Path::new(path)).unwrap();
        assert_eq!(of("/mnt/a/deep")["type"], "btrfs");
        assert_eq!(of("/mnt/a b/c")["source"], "h:/x");
        assert_eq!(of("/mnt/ab")["point"], "/");
        assert!(mount("", Path::new("/x")).is_none());
    }

    #[test]
    fn this_machine_has_facts() {
        let own = process("own", std::process::id());
        assert!(own["limits"].to_string().contains("Max open files"), "{own}");
        assert!(own["status"]["VmRSS"].is_string() && own.get("environ").is_none());
        assert!(named("/proc/meminfo", &["MemTotal"]).contains_key("MemTotal"));
    }
}
