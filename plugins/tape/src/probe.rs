//! How a library is: space in the pool, what needs an operator.

use std::os::unix::ffi::OsStrExt;
use std::time::Instant;

use twinhaul_backend_abi::{Health, Probe, Result};

use crate::catalogue::cartridges::State;
use crate::shared::Shared;

pub(crate) fn probe(shared: &Shared) -> Result<Probe> {
    let began = Instant::now();
    let library = &shared.library;
    let all = library.catalogue.cartridges()?;
    let of_pool = || all.iter().filter(|c| c.pool == shared.config.pool);
    let total: u64 = of_pool().filter(|c| c.state.readable()).map(|c| c.capacity).sum();
    let free: u64 = of_pool()
        .filter(|c| matches!(c.state, State::Scratch | State::Filling) && !c.protected)
        .map(|c| c.capacity.saturating_sub(c.used))
        .sum();
    let ill: Vec<String> = all
        .iter()
        .filter(|c| {
            matches!(c.state, State::Suspect | State::Quarantined | State::Missing | State::Unlabelled)
        })
        .map(|c| format!("{} is {}", c.barcode, c.state.word()))
        .collect();
    let (health, message) = match ill.is_empty() {
        true if free == 0 => {
            (Health::Degraded, format!("no cartridge with room in pool {}", shared.config.pool))
        }
        true => (Health::Good, String::new()),
        false => (Health::Degraded, ill.join(", ")),
    };
    let medium = match shared.config.speedup {
        Some(n) => format!("tape (virtual, LTO-8 times simulated, {n} x)"),
        None => "tape (virtual)".to_owned(),
    };
    Ok(Probe {
        health,
        message: message.chars().take(250).collect(),
        total_bytes: Some(total),
        free_bytes: Some(free),
        used_bytes: Some(total.saturating_sub(free)),
        free_objects: None,
        latency_us: u64::try_from(began.elapsed().as_micros()).ok(),
        device: Some(library.device),
        bare_mount_point: false,
        root_fs: false,
        read_only: false,
        location: library.root.as_os_str().as_bytes().to_vec(),
        medium,
    })
}
