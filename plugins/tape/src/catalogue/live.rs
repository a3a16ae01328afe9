//! What is live on which cartridge: for `map`, `verify`, `label` and `reclaim`.

use rusqlite::{Connection, Transaction, params};
use twinhaul_backend_abi::{Attrs, Result};

use super::sets::{Closed, SectionRow, insert_set};
use super::{Catalogue, Sql, cartridges, names};
use crate::fail;
use crate::format::manifest;

/// An object that a name holds, with where its bytes are to come from.
#[derive(Clone, Debug)]
pub(crate) struct LiveObject {
    pub node: i64,
    /// One of its names.
    pub key: Vec<u8>,
    pub attempt: String,
    pub size: u64,
    pub attrs: Attrs,
    pub blake3: [u8; 32],
    pub meta: Vec<(String, String)>,
}

/// Nodes whose bytes lie, at least partly, in a section `s`.
const OVERLAP: &str = "n.serial = s.serial AND n.at < s.offset + s.bytes \
    AND (n.at + n.size > s.offset OR (n.size = 0 AND n.at >= s.offset))";

fn count(c: &Connection, text: &str, barcode: &str) -> Sql<u64> {
    c.query_row(text, [barcode], |r| r.get(0))
}

impl Catalogue {
    /// Live objects and bytes in each data set of a cartridge: (data set, objects, bytes).
    pub(crate) fn live_by_set(&self, barcode: &str) -> Result<Vec<(u64, u64, u64)>> {
        self.read("count live objects", |c| {
            let text = format!(
                "SELECT s.serial, count(*), sum(min(n.at + n.size, s.offset + s.bytes) - max(n.at, s.offset)) \
                 FROM section s JOIN cartridge c ON c.id = s.cartridge JOIN node n ON {OVERLAP} \
                 WHERE c.barcode = ? GROUP BY s.serial"
            );
            c.prepare(&text)?.query_map([barcode], |r| Ok((r.get(0)?, r.get(1)?, r.get(2)?)))?.collect()
        })
    }

    /// Names of the objects in a data set.
    pub(crate) fn keys_of_set(&self, serial: u64) -> Result<Vec<Vec<u8>>> {
        self.read("find objects", |c| {
            let text = "SELECT m.key FROM node n JOIN name m ON m.node = n.id WHERE n.serial = ? ORDER BY n.at, m.key";
            c.prepare(text)?.query_map([serial], |r| r.get(0))?.collect()
        })
    }

    pub(crate) fn count_names(&self) -> Result<u64> {
        self.read("count names", |c| {
            c.query_row("SELECT count(*) FROM name WHERE key <> x''", [], |r| r.get(0))
        })
    }

    /// How many live objects lie, at least partly, on a cartridge.
    pub(crate) fn live_on(&self, barcode: &str) -> Result<u64> {
        let text = format!(
            "SELECT count(*) FROM section s JOIN cartridge c ON c.id = s.cartridge JOIN node n ON {OVERLAP} \
             WHERE c.barcode = ?"
        );
        self.read("count live objects", |c| count(c, &text, barcode))
    }

    /// How many durable objects on a cartridge are not published.
    pub(crate) fn private_on(&self, barcode: &str) -> Result<u64> {
        let text = format!(
            "SELECT count(*) FROM section s JOIN cartridge c ON c.id = s.cartridge JOIN node n ON {OVERLAP} \
             JOIN attempt a ON a.node = n.id WHERE c.barcode = ?"
        );
        self.read("count private objects", |c| count(c, &text, barcode))
    }

    /// The objects of a cartridge that have names, in the order of the tape.
    pub(crate) fn objects_on(&self, barcode: &str) -> Result<Vec<LiveObject>> {
        self.read("find objects", |c| {
            let text = format!(
                "SELECT n.id, (SELECT min(m.key) FROM name m WHERE m.node = n.id) AS key, n.attempt, n.size, \
                 n.attrs, n.blake3, n.meta FROM section s JOIN cartridge c ON c.id = s.cartridge \
                 JOIN node n ON {OVERLAP} WHERE c.barcode = ? AND key IS NOT NULL ORDER BY s.begin_at, n.at"
            );
            let mut s = c.prepare(&text)?;
            let all: Sql<Vec<LiveObject>> = s.query_map([barcode], live)?.collect();
            all
        })
    }

    /// The copies of a reclaim are durable: their nodes lie there from now on.
    pub(crate) fn move_nodes(
        &self,
        set: &Closed,
        moved: &[(i64, (u64, u64))],
        lines_done: &[(i64, String)],
        cartridge: &cartridges::Cartridge,
    ) -> Result<()> {
        let wrong = |e: rusqlite::Error| fail::catalogue("move objects", &e);
        self.promise("move objects", |tx| {
            insert_set(tx, set).map_err(wrong)?;
            super::forget_lines(tx, lines_done).map_err(wrong)?;
            for (node, (serial, at)) in moved {
                let text = "UPDATE node SET serial = ?, at = ? WHERE id = ?";
                tx.prepare_cached(text)
                    .and_then(|mut s| s.execute(params![serial, at, node]))
                    .map_err(wrong)?;
            }
            cartridges::update(tx, cartridge).map_err(wrong)
        })
    }

    /// What the manifests of a cartridge said about names, as far as it is still so: for the next manifest, before that one is emptied.
    pub(crate) fn tell_again(&self, lines: &[manifest::Line]) -> Result<()> {
        let wrong = |e: rusqlite::Error| fail::catalogue("tell again", &e);
        self.promise("tell again", |tx| {
            lines.iter().try_for_each(|line| match still(tx, line).map_err(wrong)? {
                Some(line) => Self::tell(tx, &line).map_err(wrong),
                None => Ok(()),
            })
        })
    }
}

fn live(r: &rusqlite::Row<'_>) -> Sql<LiveObject> {
    let map = match serde_json::from_str(&r.get::<_, String>(4)?) {
        Ok(serde_json::Value::Object(map)) => map,
        _ => serde_json::Map::new(),
    };
    Ok(LiveObject {
        node: r.get(0)?,
        key: r.get(1)?,
        attempt: r.get(2)?,
        size: r.get(3)?,
        attrs: manifest::attrs_of(&map).unwrap_or_default(),
        blake3: r.get(5)?,
        meta: manifest::meta_of(&r.get::<_, String>(6)?),
    })
}

fn still(tx: &Transaction<'_>, line: &manifest::Line) -> Sql<Option<manifest::Line>> {
    use manifest::Line;
    let there = |key: &[u8]| names::find(tx, key);
    Ok(match line {
        Line::Head { .. } | Line::Object(_) => None,
        Line::Removed { key } => there(key)?.is_none().then(|| line.clone()),
        Line::Discarded { .. } => Some(line.clone()),
        Line::Named { attempt, key } => {
            there(key)?.is_some_and(|n| n.attempt == *attempt).then(|| line.clone())
        }
        Line::Link { key, to } => {
            let (a, b) = (there(key)?, there(to)?);
            a.zip(b).is_some_and(|(a, b)| a.id == b.id).then(|| line.clone())
        }
        Line::Attrs { key, .. } => there(key)?.map(|n| Line::Attrs { key: key.clone(), attrs: n.attrs }),
        Line::Node { key, attrs } => there(key)?
            .filter(|n| n.attrs.kind == attrs.kind)
            .map(|n| Line::Node { key: key.clone(), attrs: n.attrs }),
    })
}

/// Everything on a cartridge is forgotten: names, objects, sections. How many names that were.
pub(crate) fn forget_cartridge(tx: &Transaction<'_>, cartridge: i64) -> Sql<u64> {
    let nodes: Vec<i64> = {
        let text =
            format!("SELECT DISTINCT n.id FROM section s JOIN node n ON {OVERLAP} WHERE s.cartridge = ?");
        let mut s = tx.prepare(&text)?;
        let found: Sql<Vec<i64>> = s.query_map([cartridge], |r| r.get(0))?.collect();
        found?
    };
    let mut lost = 0;
    for node in nodes {
        lost += tx.execute("DELETE FROM name WHERE node = ?", [node])? as u64;
        tx.execute("DELETE FROM attempt WHERE node = ?", [node])?;
        tx.execute("DELETE FROM node WHERE id = ?", [node])?;
    }
    tx.execute("DELETE FROM section WHERE cartridge = ?", [cartridge])?;
    tx.execute("DELETE FROM data_set WHERE serial NOT IN (SELECT serial FROM section)", [])?;
    Ok(lost)
}

/// Whether the whole of a data set is where the catalogue says.
pub(crate) fn section_at(sections: &[SectionRow], place: u64) -> Option<&SectionRow> {
    sections.iter().find(|s| place >= s.offset && place < s.offset + s.span.bytes)
}
