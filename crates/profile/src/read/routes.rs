//! Routes: which keys of a source go to which target.

use super::{pattern, peers::end_name};
use crate::{
    error::Fault,
    fields::Fields,
    model::{End, Route},
    node::Node,
};
use twinhaul_units::Key;

/// Most routes.
const ROUTES_MAX: usize = 1024;

pub(super) fn read(top: &Fields<'_>, sources: &[End], targets: &[End]) -> Result<Vec<Route>, Fault> {
    let Some(node) = top.get("routes") else {
        return match (sources, targets) {
            ([from], [to]) => Ok(vec![Route {
                from: from.name.clone(),
                matching: None,
                to: to.name.clone(),
                prefix: String::new(),
            }]),
            _ => Err(Fault::at(top.place(), "\"routes\" is missing").help(format!(
                "{} in sources and {} in targets: say which goes where, such as - {{ from: {}, to: {} }}",
                sources.len(),
                targets.len(),
                sources.first().map_or("SOURCE", |e| &e.name),
                targets.first().map_or("TARGET", |e| &e.name),
            ))),
        };
    };
    let items = node.list("routes")?;
    if items.is_empty() || items.len() > ROUTES_MAX {
        return Err(node.fault(format!("expected 1 to {ROUTES_MAX} routes, found {}", items.len())));
    }
    let mut routes: Vec<Route> = Vec::with_capacity(items.len());
    for item in items {
        let new = route(item, sources, targets)?;
        reachable(item, &new, &routes, items)?;
        routes.push(new);
    }
    Ok(routes)
}

fn route(node: &Node, sources: &[End], targets: &[End]) -> Result<Route, Fault> {
    let f = Fields::of(node, &["from", "match", "to", "prefix"])?;
    Ok(Route {
        from: end_name(f.need("from", "the name of a source")?, sources, "source")?,
        matching: f.read("match", pattern)?,
        to: end_name(f.need("to", "the name of a target")?, targets, "target")?,
        prefix: f.read("prefix", prefix)?.unwrap_or_default(),
    })
}

fn prefix(node: &Node) -> Result<String, Fault> {
    const EXPECTED: &str = "a folder of the target such as projects/";
    let text = node.text(EXPECTED)?;
    if text.is_empty() {
        return Ok(String::new());
    }
    let folder = text.strip_suffix('/').ok_or_else(|| node.expected(EXPECTED).help("end it with a slash"))?;
    match Key::new(folder) {
        Ok(_) => Ok(text.to_owned()),
        Err(why) => Err(node.expected(EXPECTED).help(format!("it {why}"))),
    }
}

/// Refuses a route that an earlier one leaves no key for.
fn reachable(node: &Node, new: &Route, earlier: &[Route], items: &[Node]) -> Result<(), Fault> {
    let shadow =
        earlier.iter().position(|r| r.from == new.from && (r.takes_all() || r.matching == new.matching));
    match shadow {
        None => Ok(()),
        Some(i) => Err(node.fault("this route can never be used").help(format!(
            "the route on line {} already takes every such key of source \"{}\"; the first match wins",
            items.get(i).map_or(0, |n| n.place.line),
            new.from,
        ))),
    }
}
