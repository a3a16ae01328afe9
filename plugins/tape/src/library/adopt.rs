//! From cartridges to the catalogue: what the manifests say, in the order in which the data sets closed (tape-format.md, "what a rebuild knows").
//!
//! The latest of each name wins, voids are none, later tombstones count. What was durable and never published cannot be told from what
//! was, and becomes visible, unless the catalogue still knows the attempt as private.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fs::File;

use rusqlite::Transaction;
use twinhaul_backend_abi::{Code, Put, Result, WriteMode};
use twinhaul_units::Key;

use super::Library;
use super::load::{look, serial_of};
use crate::catalogue::sets::{self, Closed, SectionRow};
use crate::catalogue::{Catalogue, names};
use crate::fail::{self, about, failed};
use crate::format::date;
use crate::format::manifest::Line;
use crate::format::scan::{Scan, Section};

/// A manifest's bytes at most: some hundred for each object of a data set.
const MANIFEST_MAX: u64 = 1 << 30;

/// A cartridge that was scanned.
#[derive(Debug)]
pub(crate) struct Found {
    pub(crate) barcode: String,
    pub(crate) file: File,
    pub(crate) scan: Scan,
}

/// A data set whose sections are all there.
#[derive(Debug)]
pub(crate) struct Whole {
    pub(crate) closed: Closed,
    /// Its place in the order in which data sets closed; `None`: an old one.
    pub(crate) nth: Option<u64>,
    pub(crate) lines: Vec<Line>,
}

/// What was learned.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Adopted {
    pub(crate) data_sets: u64,
    pub(crate) objects: u64,
    pub(crate) problems: Vec<String>,
}

/// Opens and scans a cartridge that nobody else holds.
pub(crate) fn found(library: &Library, barcode: &str) -> Result<Found> {
    let path = library.cartridge_path(barcode);
    let file = File::open(&path).map_err(|e| failed(&format!("open cartridge {barcode}"), &e))?;
    let scan = look(&file, barcode)?;
    let volser = super::volser_of(barcode)?;
    if scan.volser != volser {
        let why = format!("its label says {}: it is not touched", twinhaul_units::text::show(&scan.volser));
        return Err(about(Code::Corrupt, &format!("cartridge {barcode}"), &why));
    }
    Ok(Found { barcode: barcode.to_owned(), file, scan })
}

/// Whether a data set was written by this library.
pub(crate) fn is_ours(library: &Library, section: &Section) -> bool {
    section.header_field("LIB") == Some(&library.uuid[..8].to_uppercase()) && serial_of(section).is_some()
}

/// The data sets of this library on these cartridges, as they closed; what is incomplete is told.
pub(crate) fn whole_sets(library: &Library, cartridges: &[Found], learned: &mut Adopted) -> Vec<Whole> {
    let mut by_serial: BTreeMap<u64, Vec<(&Found, &Section)>> = BTreeMap::new();
    for found in cartridges {
        for section in found.scan.sections.iter().filter(|s| is_ours(library, s)) {
            if let Some(serial) = serial_of(section) {
                by_serial.entry(serial).or_default().push((found, section));
            }
        }
    }
    let mut out = Vec::new();
    for (serial, mut parts) in by_serial {
        parts.sort_by_key(|(_, s)| s.label.section);
        match whole(serial, &parts) {
            Ok(whole) => out.push(whole),
            Err(why) => learned.problems.push(format!("data set {serial}: {why}")),
        }
    }
    in_order(&mut out);
    out
}

/// What a line tells of was there when its data set closed, and may be in one that was begun later. Old data sets do not know
/// when they closed; they are older than all that do.
fn in_order(sets: &mut [Whole]) {
    sets.sort_by_key(|set| (set.nth, set.closed.serial));
}

fn whole(serial: u64, parts: &[(&Found, &Section)]) -> std::result::Result<Whole, String> {
    let in_order = parts.iter().enumerate().all(|(i, (_, s))| s.label.section as usize == i + 1);
    let last = parts.last().map(|(_, s)| *s).ok_or("no section")?;
    if !in_order || last.end_of_volume {
        let there: Vec<_> =
            parts.iter().map(|(f, s)| format!("{} on {}", s.label.section, f.barcode)).collect();
        return Err(format!("not all sections are there (section {})", there.join(", ")));
    }
    if let Some((found, _)) = parts.iter().find(|(_, s)| !s.regular) {
        return Err(format!("blocks of different sizes on cartridge {}", found.barcode));
    }
    let (manifest_at, manifest_len) = last.manifest().ok_or("its trailer names no manifest")?;
    let mut offset = 0;
    let mut sections = Vec::new();
    for (found, s) in parts {
        sections.push(SectionRow {
            serial,
            number: s.label.section,
            barcode: found.barcode.clone(),
            file: s.number,
            begin: s.begin,
            end: s.end,
            offset,
            span: s.span,
        });
        offset += s.span.bytes;
    }
    let files: HashMap<&str, &File> = parts.iter().map(|(f, _)| (f.barcode.as_str(), &f.file)).collect();
    let text = payload(&sections, &files, manifest_at, manifest_len)?;
    let text = String::from_utf8(text).map_err(|_| "its manifest is no text")?;
    let lines: Vec<Line> = text.lines().filter_map(Line::of).collect();
    let Some(Line::Head { dsn, closed: nth, .. }) = lines.first() else {
        return Err("its manifest has no head".to_owned());
    };
    let closed = Closed {
        serial,
        dsn: dsn.clone(),
        bytes: offset,
        sha256: last.sha256().ok_or("its trailer has no checksum")?,
        manifest_at,
        manifest_len,
        at_s: date::now_s(),
        sections,
    };
    Ok(Whole { closed, nth: *nth, lines })
}

/// Bytes of a data set's payload, over all its sections.
fn payload(
    sections: &[SectionRow],
    files: &HashMap<&str, &File>,
    at: u64,
    len: u64,
) -> std::result::Result<Vec<u8>, String> {
    if len > MANIFEST_MAX {
        return Err(format!("its trailer names a manifest of {len} bytes"));
    }
    let mut out = vec![0; len as usize];
    let (mut done, mut raw) = (0, Vec::new());
    while done < out.len() {
        let place = at + done as u64;
        let section = sections.iter().find(|s| place >= s.offset && place < s.offset + s.span.bytes);
        let section = section.ok_or("its manifest lies behind its end")?;
        let file = files.get(section.barcode.as_str()).ok_or("a cartridge is not there")?;
        let n = section.span.read(file, place - section.offset, &mut out[done..], &mut raw);
        match n.map_err(|e| e.to_string())? {
            0 => return Err("its manifest cannot be read".to_owned()),
            n => done += n,
        }
    }
    Ok(out)
}

/// Both counters stand behind these data sets: their numbers are not given again.
pub(crate) fn counted(tx: &Transaction<'_>, sets: &[Whole]) -> Result<()> {
    let serial = sets.iter().map(|s| s.closed.serial).max().unwrap_or(0);
    let closed = sets.iter().filter_map(|s| s.nth).max().unwrap_or(0);
    let next = "INSERT INTO meta VALUES(?1, ?2) ON CONFLICT(key) DO UPDATE SET value = max(value + 0, ?2)";
    for (counter, last) in [("serial", serial), ("closed", closed)] {
        tx.execute(next, rusqlite::params![counter, last])
            .map_err(|e| fail::catalogue("number data sets", &e))?;
    }
    Ok(())
}

/// Applies data sets in order. `private` are attempts that must stay so.
pub(crate) fn apply(
    tx: &Transaction<'_>,
    sets: &[Whole],
    private: &HashSet<String>,
    learned: &mut Adopted,
) -> Result<()> {
    let mut by_attempt: HashMap<String, i64> = HashMap::new();
    for set in sets {
        let wrong = |e: rusqlite::Error| fail::catalogue("enter a data set", &e);
        sets::insert_set(tx, &set.closed).map_err(wrong)?;
        learned.data_sets += 1;
        for line in &set.lines {
            if let Err(e) = apply_line(tx, set.closed.serial, line, private, &mut by_attempt, learned) {
                match e.code {
                    Code::WrongKind | Code::NotFound | Code::Exists | Code::InvalidArg => {
                        learned.problems.push(format!("{}: {}", set.closed.dsn, e.message));
                    }
                    _ => return Err(e),
                }
            }
        }
    }
    Ok(())
}

fn apply_line(
    tx: &Transaction<'_>,
    serial: u64,
    line: &Line,
    private: &HashSet<String>,
    by_attempt: &mut HashMap<String, i64>,
    learned: &mut Adopted,
) -> Result<()> {
    let wrong = |e: rusqlite::Error| fail::catalogue("enter a data set", &e);
    match line {
        Line::Head { .. } => Ok(()),
        Line::Object(object) if object.void => Ok(()),
        Line::Object(object) => {
            let node = sets::insert_node(tx, serial, object).map_err(wrong)?;
            by_attempt.insert(object.attempt.clone(), node);
            learned.objects += 1;
            if private.contains(&object.attempt) {
                tx.execute(
                    "UPDATE attempt SET node = ? WHERE id = ?",
                    rusqlite::params![node, object.attempt],
                )
                .map_err(wrong)?;
                return Ok(());
            }
            name(tx, &object.key, node)
        }
        Line::Node { key, attrs } => {
            let put = Put { attrs: Some(attrs.clone()), ..over(key)? };
            names::put_node(tx, &put, None)
        }
        Line::Link { key, to } => names::put_node(tx, &over(key)?, Some(to)),
        Line::Attrs { key, attrs } => names::set_attrs(tx, key, attrs),
        Line::Removed { key } => match names::remove(tx, key) {
            Err(e) if e.code == Code::NotFound || e.code == Code::Exists => Ok(()),
            answer => answer,
        },
        Line::Discarded { attempt } => {
            let Some(node) = by_attempt.remove(attempt) else { return Ok(()) };
            tx.execute("DELETE FROM name WHERE node = ?", [node]).map_err(wrong)?;
            names::drop_node(tx, node).map_err(wrong)
        }
        Line::Named { attempt, key } => {
            let Some(node) = by_attempt.get(attempt).copied() else { return Ok(()) };
            tx.execute("DELETE FROM name WHERE node = ? AND key <> ?", rusqlite::params![node, key])
                .map_err(wrong)?;
            name(tx, key, node)
        }
    }
}

fn name(tx: &Transaction<'_>, key: &[u8], node: i64) -> Result<()> {
    names::make_parents(tx, "enter", key)?;
    names::set_name(tx, key, node).map_err(|e| fail::catalogue("enter a data set", &e))
}

fn over(key: &[u8]) -> Result<Put> {
    let key = Key::new(key).map_err(|e| fail::mistake(Code::InvalidArg, "enter", key, &e.to_string()))?;
    Ok(Put { mode: WriteMode::Overwrite, ..Put::new(key, "") })
}

/// Attempts that the catalogue knows as private: they stay so.
pub(crate) fn private(catalogue: &Catalogue) -> Result<HashSet<String>> {
    catalogue.read("look up attempts", |c| {
        c.prepare("SELECT id FROM attempt")?.query_map([], |r| r.get(0))?.collect()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn data_sets_are_applied_as_they_closed_and_old_ones_first() {
        let set = |serial, nth| {
            let closed = Closed {
                serial,
                dsn: String::new(),
                bytes: 0,
                sha256: [0; 32],
                manifest_at: 0,
                manifest_len: 0,
                at_s: 0,
                sections: Vec::new(),
            };
            Whole { closed, nth, lines: Vec::new() }
        };
        // Begun as 3 and 4 on two drives; 4 closed first, and 3 has a link to an object of it.
        let mut sets = [set(3, Some(2)), set(2, None), set(4, Some(1)), set(1, None)];
        in_order(&mut sets);
        assert_eq!(sets.map(|s| s.closed.serial), [1, 2, 4, 3]);
    }
}
