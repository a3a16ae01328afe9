//! What a target says about itself, across the boundary.

use super::{cut, known_u64, read_prefix, write_prefix};
use crate::caps::{Caps, KeyRules};
use crate::raw::{self, Sized32};
use crate::target::{Health, Limits, Probe};

/// # Safety
/// `out` is null or points to a `twh_limits` with its `struct_size` set.
pub unsafe fn store_limits(out: *mut raw::Limits, l: &Limits) {
    let r = raw::Limits {
        struct_size: 0,
        max_inflight_calls: l.max_inflight_calls,
        max_open_writers: l.max_open_writers,
        max_parallel_ranges: l.max_parallel_ranges,
        caps: l.caps.0,
        preferred_chunk: l.preferred_chunk,
        min_part: l.min_part,
        max_part: l.max_part,
        max_object: l.max_object,
        max_user_meta_bytes: l.max_user_meta_bytes,
        max_retained_bytes: l.max_retained_bytes,
        mtime_precision_ns: l.mtime_precision_ns,
        max_parts: l.max_parts,
        max_key_bytes: l.max_key_bytes,
        max_component_bytes: l.max_component_bytes,
        key_rules: l.key_rules.0,
        commit_deadline_ms: l.commit_deadline_ms,
        reserved: 0,
    };
    // SAFETY: the caller's promise.
    unsafe { write_prefix(out, &r) }
}

pub fn load_limits(r: &raw::Limits) -> Limits {
    Limits {
        caps: Caps(r.caps),
        max_inflight_calls: r.max_inflight_calls,
        max_open_writers: r.max_open_writers,
        max_parallel_ranges: r.max_parallel_ranges,
        preferred_chunk: r.preferred_chunk,
        min_part: r.min_part,
        max_part: r.max_part,
        max_parts: r.max_parts,
        max_object: r.max_object,
        max_user_meta_bytes: r.max_user_meta_bytes,
        max_retained_bytes: r.max_retained_bytes,
        mtime_precision_ns: r.mtime_precision_ns,
        max_key_bytes: r.max_key_bytes,
        max_component_bytes: r.max_component_bytes,
        key_rules: KeyRules(r.key_rules),
        commit_deadline_ms: r.commit_deadline_ms,
    }
}

fn put_text(dst: &mut [u8], src: &[u8]) -> u32 {
    let n = src.len().min(dst.len());
    dst[..n].copy_from_slice(&src[..n]);
    n as u32
}

fn take_text(src: &[u8], len: u32) -> &[u8] {
    &src[..(len as usize).min(src.len())]
}

/// # Safety
/// `out` is null or points to a `twh_probe` with its `struct_size` set.
pub unsafe fn store_probe(out: *mut raw::Probe, p: &Probe) {
    let mut r = raw::Probe::zeroed();
    r.health = match p.health {
        Health::Bad => raw::HEALTH_BAD,
        Health::Good => raw::HEALTH_GOOD,
        Health::Degraded => raw::HEALTH_DEGRADED,
    };
    r.total_bytes = p.total_bytes.unwrap_or(raw::UNKNOWN_U64);
    r.free_bytes = p.free_bytes.unwrap_or(raw::UNKNOWN_U64);
    r.used_bytes = p.used_bytes.unwrap_or(raw::UNKNOWN_U64);
    r.free_objects = p.free_objects.unwrap_or(raw::UNKNOWN_U64);
    r.latency_us = p.latency_us.unwrap_or(raw::UNKNOWN_U64);
    r.device = p.device.unwrap_or(raw::UNKNOWN_U64);
    for (set, bit) in [
        (p.bare_mount_point, raw::PROBE_BARE_MOUNT_POINT),
        (p.root_fs, raw::PROBE_ROOT_FS),
        (p.read_only, raw::PROBE_READ_ONLY),
    ] {
        r.flags |= if set { bit } else { 0 };
    }
    r.msg_len = put_text(&mut r.msg, cut(&p.message, 256).as_bytes());
    r.location_len = put_text(&mut r.location, &p.location);
    r.medium_len = put_text(&mut r.medium, cut(&p.medium, 64).as_bytes());
    // SAFETY: the caller's promise.
    unsafe { write_prefix(out, &r) }
}

/// # Safety
/// `p` points to a `twh_probe` with its `struct_size` set.
pub unsafe fn load_probe(p: *const raw::Probe) -> Probe {
    // SAFETY: the caller's promise.
    let Some(r) = (unsafe { read_prefix(p) }) else { return Probe::default() };
    let words = |b: &[u8]| String::from_utf8_lossy(b).into_owned();
    Probe {
        health: match r.health {
            raw::HEALTH_GOOD => Health::Good,
            raw::HEALTH_DEGRADED => Health::Degraded,
            _ => Health::Bad,
        },
        message: words(take_text(&r.msg, r.msg_len)),
        total_bytes: known_u64(r.total_bytes),
        free_bytes: known_u64(r.free_bytes),
        used_bytes: known_u64(r.used_bytes),
        free_objects: known_u64(r.free_objects),
        latency_us: known_u64(r.latency_us),
        device: known_u64(r.device),
        bare_mount_point: r.flags & raw::PROBE_BARE_MOUNT_POINT != 0,
        root_fs: r.flags & raw::PROBE_ROOT_FS != 0,
        read_only: r.flags & raw::PROBE_READ_ONLY != 0,
        location: take_text(&r.location, r.location_len).to_vec(),
        medium: words(take_text(&r.medium, r.medium_len)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_probe_goes_there_and_back() {
        let p = Probe {
            health: Health::Degraded,
            message: "one drive is offline".into(),
            total_bytes: Some(10),
            free_bytes: None,
            used_bytes: Some(0),
            free_objects: Some(3),
            latency_us: None,
            device: Some(7),
            bare_mount_point: true,
            root_fs: false,
            read_only: true,
            location: b"/mnt/\xff".to_vec(),
            medium: "ext4".into(),
        };
        let mut r = raw::Probe::zeroed();
        // SAFETY: r is valid.
        let back = unsafe {
            store_probe(&raw mut r, &p);
            load_probe(&raw const r)
        };
        assert_eq!(back, p);
    }

    #[test]
    fn limits_go_there_and_back() {
        let l = Limits {
            caps: Caps::READ | Caps::LIST,
            max_object: 5,
            mtime_precision_ns: 1,
            key_rules: KeyRules::UTF8,
            commit_deadline_ms: 30_000,
            ..Limits::default()
        };
        let mut r = raw::Limits::zeroed();
        // SAFETY: r is valid.
        unsafe { store_limits(&raw mut r, &l) };
        assert_eq!(load_limits(&r), l);
    }
}
