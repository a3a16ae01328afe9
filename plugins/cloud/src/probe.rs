//! Whether a service answers, how fast, and what it turned out to do.

use std::time::Instant;

use opendal::raw::OpList;
use opendal::raw::oio::List as _;
use twinhaul_backend_abi::{Health, Op, Probe, Result};

use crate::store::Store;
use crate::target::Shared;

/// One cheap request that needs the credentials.
pub(crate) async fn reach(store: &Store) -> opendal::Result<()> {
    let options = opendal::options::ListOptions { limit: Some(1), ..Default::default() };
    match store.lister("/", OpList::from(options))?.next().await {
        // Nothing below the prefix yet.
        Err(e) if e.kind() == opendal::ErrorKind::NotFound => Ok(()),
        other => other.map(|_| ()),
    }
}

pub(crate) fn probe(shared: &Shared, op: &Op<'_>) -> Result<Probe> {
    let store = &shared.store;
    let began = Instant::now();
    let answer = store.call(op, reach(store))?;
    let latency_us = u64::try_from(began.elapsed().as_micros()).ok();
    let (health, message) = match answer {
        Ok(()) if store.meter.limited().is_some() => {
            (Health::Degraded, "the server asks to slow down".to_owned())
        }
        Ok(()) => (Health::Good, String::new()),
        Err(e) => (Health::Bad, store.teller.failed("list", &e).message),
    };
    let tested = if shared.config.service.tested { "" } else { " (untested here)" };
    Ok(Probe {
        health,
        message: message.chars().take(250).collect(),
        latency_us,
        read_only: shared.config.read_only,
        location: shared.config.location.clone().into_bytes(),
        medium: format!("{}{tested}", shared.config.service.name),
        ..Probe::default()
    })
}
