//! `init`: makes a library, or adds cartridges to one.

use serde_json::json;
use twinhaul_backend_abi::{Code, Result};
use twinhaul_units::Bytes;

use super::{Args, Call, Out};
use crate::config::Config;
use crate::fail::about;
use crate::library::{Library, numbered};

const PREFIX: &str = "A";
/// Numbers that six characters can hold behind no prefix.
const NUMBER_MAX: u32 = 999_999;

pub(super) fn make(config: &Config, args: &Args, out: &mut Out<'_>) -> Result<()> {
    let prefix = args.text("prefix")?.unwrap_or(PREFIX);
    let shape = &config.shape;
    Library::make(&config.library, shape, &config.pool, prefix)?;
    out.line(&format!(
        "library {}: {} slots, {} drives, {} cartridges of {} in pool {}",
        twinhaul_units::text::show(&config.library.display().to_string()),
        shape.slots,
        shape.drives,
        shape.cartridges,
        Bytes(shape.capacity),
        config.pool
    ));
    out.document(&json!({
        "library": config.library.display().to_string(), "slots": shape.slots, "drives": shape.drives,
        "cartridges": shape.cartridges, "capacity": shape.capacity, "pool": config.pool,
    }));
    Ok(())
}

/// With a library that is there: only adding.
pub(super) fn add(call: &Call<'_>, out: &mut Out<'_>) -> Result<()> {
    let library = &call.shared.library;
    let Some(count) = call.args.number("add")? else {
        let next = "add cartridges to it: --add N";
        let why = format!("there is a tape library already; {next}");
        return Err(about(Code::Exists, &library.root.display().to_string(), &why));
    };
    let prefix = call.args.text("prefix")?.unwrap_or(PREFIX);
    let config = &call.shared.config;
    let capacity = config.capacity.unwrap_or(library.shape.capacity);
    let labels = config.labels.unwrap_or(library.shape.labels);
    let (mut made, mut n) = (Vec::new(), 0);
    let known = library.catalogue.cartridges()?;
    while (made.len() as u64) < count {
        n += 1;
        if n > NUMBER_MAX {
            return Err(about(Code::NoSpace, prefix, "no number is free behind this prefix"));
        }
        let barcode = numbered(prefix, n)?;
        if known.iter().any(|c| c.volser == barcode[..6]) {
            continue;
        }
        library.add(&barcode, &config.pool, capacity, labels)?;
        out.line(&format!("cartridge {barcode}: {}, labelled, in pool {}", Bytes(capacity), config.pool));
        made.push(barcode);
    }
    out.document(&json!({"added": made}));
    Ok(())
}
