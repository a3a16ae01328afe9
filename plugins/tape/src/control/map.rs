//! `map`: the data sets of a cartridge as the catalogue knows them, with what is live in them.

use serde_json::json;
use twinhaul_backend_abi::{Code, Result};
use twinhaul_units::Bytes;

use super::{Call, Out};
use crate::fail::about;
use crate::format::aws::HEADER;

pub(super) fn map(call: &Call<'_>, out: &mut Out<'_>) -> Result<()> {
    let barcode = call.args.need("barcode")?;
    let catalogue = &call.shared.library.catalogue;
    let cartridge = catalogue.cartridge(barcode)?;
    let cartridge = cartridge.ok_or_else(|| about(Code::NotFound, barcode, "there is no such cartridge"))?;
    let live = catalogue.live_by_set(barcode)?;
    let mut documents = Vec::new();
    for s in catalogue.sections_on(barcode)? {
        let set = catalogue.set(s.serial)?;
        let dsn = set.as_ref().map_or("?", |set| set.dsn.as_str());
        let (objects, bytes) = live.iter().find(|l| l.0 == s.serial).map_or((0, 0), |l| (l.1, l.2));
        let percent = s.begin as f64 * 100.0 / cartridge.capacity.max(1) as f64;
        let block = s.begin / (u64::from(s.span.block) + HEADER as u64);
        let parts = set.as_ref().map_or(1, |set| set.sections.len());
        let part = if parts > 1 { format!("  section {} of {parts}", s.number) } else { String::new() };
        out.line(&format!(
            "{:>5} / {block:>7} / {percent:>5.1} %  {dsn:17}  {:>9}  {objects:>6} live objects, {}{part}",
            s.file,
            Bytes(s.span.bytes).to_string(),
            Bytes(bytes)
        ));
        documents.push(json!({
            "file": s.file, "block": block, "percent": percent, "serial": s.serial, "dsn": dsn,
            "section": s.number, "sections": parts, "begin": s.begin, "end": s.end, "bytes": s.span.bytes,
            "live_objects": objects, "live_bytes": bytes,
        }));
    }
    out.document(&json!({"barcode": barcode, "state": cartridge.state.word(), "data_sets": documents}));
    Ok(())
}
