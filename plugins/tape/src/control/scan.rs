//! `scan`: the labels of a cartridge as they are, without the catalogue.

use serde_json::{Value, json};
use twinhaul_backend_abi::Result;
use twinhaul_units::Bytes;
use twinhaul_units::text::show;

use super::{Call, Out};
use crate::format::manifest::hex;
use crate::format::scan::{Section, Tail};
use crate::library::{adopt, volser_of};

pub(super) fn scan(call: &Call<'_>, out: &mut Out<'_>) -> Result<()> {
    let barcode = call.args.need("barcode")?;
    volser_of(barcode)?;
    let library = &call.shared.library;
    let _lock = library.alone(barcode)?;
    let found = adopt::found(library, barcode)?;
    let scan = &found.scan;
    let tail = match &scan.tail {
        Tail::Clean => "clean".to_owned(),
        Tail::Torn(why) => format!("torn: {why}"),
    };
    out.line(&format!(
        "cartridge {barcode}: volume {}, owner {}, {} labels, {} sections, end at byte {}, {}",
        show(&scan.volser),
        show(&scan.owner),
        scan.charset.word(),
        scan.sections.len(),
        scan.good_end,
        show(&tail)
    ));
    for section in &scan.sections {
        out.line(&line(section));
    }
    out.document(&json!({
        "barcode": barcode, "volser": scan.volser, "owner": scan.owner, "labels": scan.charset.word(),
        "end": scan.good_end, "size": scan.size, "tail": tail,
        "sections": scan.sections.iter().map(document).collect::<Vec<_>>(),
    }));
    Ok(())
}

fn line(s: &Section) -> String {
    format!(
        "{:>5}  {:17}  section {}  {:>8} blocks  {:>9}  at byte {}{}",
        s.number,
        show(&s.label.dsn),
        s.label.section,
        s.blocks,
        Bytes(s.span.bytes).to_string(),
        s.begin,
        if s.end_of_volume { "  goes on on another cartridge" } else { "" }
    )
}

fn document(s: &Section) -> Value {
    json!({
        "file": s.number, "dsn": s.label.dsn, "first_volser": s.label.first_volser,
        "section": s.label.section, "sequence": s.label.sequence, "blocks": s.blocks, "bytes": s.span.bytes,
        "block": s.span.block, "begin": s.begin, "end": s.end, "end_of_volume": s.end_of_volume,
        "sha256": s.sha256().map(|sha| hex(&sha)), "user_labels": s.user,
    })
}
