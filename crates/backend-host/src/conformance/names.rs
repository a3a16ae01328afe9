//! Keys and listings: every byte of a name comes back, every entry comes once.

use std::collections::BTreeSet;

use twinhaul_backend_abi::{Caps, Code, Kind, ListRequest, Wanted};
use twinhaul_units::text::show_bytes;

use super::data::{awkward_names, holds};
use super::fixture::{named, refused};
use super::{CaseFn, Fixture, Stop, Verdict, check};

pub(super) const CASES: &[(&str, CaseFn)] = &[
    ("awkward names", awkward),
    ("list in pages", pages),
    ("list one level", one_level),
    ("list in order", order),
    ("list of nothing", nothing),
    ("remove", remove),
];

fn awkward(f: &Fixture) -> Verdict {
    let l = &f.limits;
    let mut objects = Vec::new();
    let mut refused_by_rule = Vec::new();
    for (i, name) in awkward_names().into_iter().enumerate() {
        let whole = [format!("{i:02}/").as_bytes(), &name].concat();
        let put = f.put(&whole)?;
        let bytes = format!("content {i}").into_bytes();
        if holds(put.key.as_bytes(), l.key_rules, l.max_key_bytes, l.max_component_bytes) {
            objects.push((put, bytes));
        } else {
            refused_by_rule.push((put, bytes));
        }
    }
    for (answer, (put, bytes)) in f.store_all(&objects)?.into_iter().zip(&objects) {
        let shown = show_bytes(put.key.as_bytes());
        if let Err(e) = answer {
            return Err(named(&shown, e.into()));
        }
        if f.caps.contains(Caps::READ) {
            f.holds(&put.key, bytes).map_err(|stop| named(&shown, stop))?;
        }
        listed_as(f, put.key.as_bytes()).map_err(|stop| named(&shown, stop))?;
    }
    // What the target says that it cannot hold it must refuse, or hold exactly; never change.
    for (put, bytes) in &refused_by_rule {
        if f.store(put, bytes).is_ok() {
            listed_as(f, put.key.as_bytes()).map_err(|stop| named(&show_bytes(put.key.as_bytes()), stop))?;
        }
    }
    Ok(())
}

/// The listing of its directory holds exactly this key.
fn listed_as(f: &Fixture, key: &[u8]) -> Verdict {
    if !f.caps.contains(Caps::LIST) {
        return Ok(());
    }
    let parent = key.iter().rposition(|b| *b == b'/').map_or(&key[..0], |at| &key[..at]);
    let parent = twinhaul_units::Key::new(parent).map_err(|e| Stop::Fail(format!("its directory {e}")))?;
    let found: Vec<_> = f.list(Some(&parent), 0)?.into_iter().map(|e| e.key).collect();
    let shown: Vec<_> = found.iter().map(|k| show_bytes(k)).collect();
    check!(found == [key.to_vec()], "it is listed as {shown:?}");
    Ok(())
}

/// 37 objects and two directories with one more each.
fn fill(f: &Fixture) -> Verdict<BTreeSet<Vec<u8>>> {
    f.needs(Caps::LIST, "list")?;
    let mut objects = Vec::new();
    let mut wanted = BTreeSet::new();
    for i in 0..37 {
        let put = f.put(format!("entry-{i:02}"))?;
        wanted.insert(put.key.as_bytes().to_vec());
        objects.push((put, format!("{i}").into_bytes()));
    }
    for d in ["below", "entry-10-directory"] {
        objects.push((f.put(format!("{d}/inside"))?, b"x".to_vec()));
        wanted.insert(f.key(d)?.as_bytes().to_vec());
    }
    for answer in f.store_all(&objects)? {
        answer?;
    }
    Ok(wanted)
}

fn pages(f: &Fixture) -> Verdict {
    let wanted = fill(f)?;
    let directory = f.directory()?;
    for page in [0, 1, 5, 39, 40] {
        let entries = f.list(Some(&directory), page)?;
        let n = entries.len();
        let found: BTreeSet<_> = entries.into_iter().map(|e| e.key).collect();
        check!(found.len() == n, "in pages of {page}: {} entries came twice", n - found.len());
        if let Some(missing) = wanted.difference(&found).next() {
            return Err(Stop::Fail(format!("in pages of {page}: {} is missing", show_bytes(missing))));
        }
        check!(found == wanted, "in pages of {page}: there are entries too many");
    }
    Ok(())
}

fn one_level(f: &Fixture) -> Verdict {
    fill(f)?;
    let below = f.key("below")?;
    for entry in f.list(Some(&f.directory()?), 0)? {
        let directory = entry.key == below.as_bytes() || entry.key.ends_with(b"-directory");
        let shown = show_bytes(&entry.key);
        if directory {
            let kind = entry.attrs.kind;
            check!(matches!(kind, Kind::Directory | Kind::Prefix), "{shown} is listed as {kind:?}");
        } else {
            check!(entry.attrs.kind == Kind::File, "{shown} is listed as {:?}", entry.attrs.kind);
            check!(
                entry.attrs.size.is_none_or(|n| n == 1 || n == 2),
                "{shown} is listed with the wrong size"
            );
        }
    }
    let inside: Vec<_> = f.list(Some(&below), 0)?.into_iter().map(|e| e.key).collect();
    check!(inside == [f.key("below/inside")?.as_bytes().to_vec()], "the level below is wrong");
    Ok(())
}

fn order(f: &Fixture) -> Verdict {
    fill(f)?;
    let directory = f.directory()?;
    let request =
        ListRequest { prefix: Some(&directory), continuation: &[], want: Wanted::Kind, max_entries: 0 };
    let claimed = f.target.list(&f.op, &request)?.ordered;
    let keys: Vec<_> = f.list(Some(&directory), 7)?.into_iter().map(|e| e.key).collect();
    let sorted = keys.is_sorted();
    check!(sorted || !claimed, "a listing that says it is ordered is not");
    f.needs(Caps::LIST_ORDERED, "ordered list")?;
    check!(sorted && claimed, "ordered listings are claimed and not given");
    Ok(())
}

fn nothing(f: &Fixture) -> Verdict {
    f.needs(Caps::LIST, "list")?;
    match f.list(Some(&f.key("not/there")?), 0) {
        Ok(entries) => check!(entries.is_empty(), "a directory that is not there has entries"),
        Err(Stop::Fail(_)) => {
            let key = f.key("not/there")?;
            let request =
                ListRequest { prefix: Some(&key), continuation: &[], want: Wanted::Kind, max_entries: 0 };
            let code = refused(f.target.list(&f.op, &request), "listing nothing")?;
            check!(
                code == Code::NotFound,
                "listing a directory that is not there: {code} instead of not found"
            );
        }
        Err(skip) => return Err(skip),
    }
    Ok(())
}

fn remove(f: &Fixture) -> Verdict {
    f.needs(Caps::DELETE, "delete")?;
    let (gone, stays) = (f.put("gone")?, f.put("stays")?);
    f.store(&gone, b"x")?;
    f.store(&stays, b"y")?;
    for answer in f.target.remove(&f.op, std::slice::from_ref(&gone.key))? {
        answer?;
    }
    check!(!f.visible(&f.target, &gone.key)?, "a removed object is visible");
    check!(f.visible(&f.target, &stays.key)?, "removing one object took another");
    for answer in f.target.remove(&f.op, &[gone.key, f.key("never-was")?])? {
        let code = answer.map_or_else(|e| Some(e.code()), |()| None);
        check!(code.is_none_or(|c| c == Code::NotFound), "removing nothing: {code:?}");
    }
    f.store(&f.put("gone")?, b"again")?;
    Ok(())
}
