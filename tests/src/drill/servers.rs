//! A server of objects that misbehaves, as target and as source.

use super::stage::Stage;
use super::{Situation, fault};
use crate::cloud::faults::{Fault, Proxy, Rule};
use crate::cloud::{S3, end};
use crate::product::{Lab, Run};
use crate::seed::Rng;
use crate::tree;
use std::net::SocketAddr;
use std::time::Duration;
use twinhaul_diagnose::Cause;

/// One call to something remote may take a minute.
const SLOW: u64 = 62;

pub(super) const ALL: &[Situation] = &[
    fault("a server that answers 503 with a time", 15, &[Cause::TargetRateLimiting], |l, r| {
        let seconds = 2 + u32::try_from(r.below(4)).unwrap_or(0);
        to(l, r, vec![Rule::new("PUT", "/d/d000/", Fault::SlowDown(seconds), 40)])
    }),
    fault("a server that answers 429", 15, &[Cause::TargetRateLimiting], |l, r| {
        to(l, r, vec![Rule::new("PUT", "/d/d000/", Fault::Refuse(429, "TooManyRequests"), 60)])
    }),
    fault("credentials that have expired", 15, &[Cause::Credentials], |l, r| {
        to(l, r, vec![Rule::new("PUT", "/d/d000/", Fault::Refuse(400, "ExpiredToken"), 200)])
    }),
    fault("a key that is not known any more", 15, &[Cause::Credentials], |l, r| {
        to(l, r, vec![Rule::new("PUT", "/d/d000/", Fault::Refuse(403, "InvalidAccessKeyId"), 200)])
    }),
    fault("a signature that is refused", 15, &[Cause::Credentials], |l, r| {
        to(l, r, vec![Rule::new("PUT", "/d/d000/", Fault::Refuse(403, "SignatureDoesNotMatch"), 200)])
    }),
    fault("a server that is gone", 25, &[Cause::TargetGone], gone),
    fault("a server that takes minutes for each object", SLOW, &[Cause::TargetSlow], |l, r| {
        to(l, r, vec![Rule::new("PUT", "/d/d000/", Fault::Slow(Duration::from_mins(3)), 200)])
    }),
    fault("a source server that takes minutes for each object", SLOW, &[Cause::SourceSlow], slow_source),
];

/// The server, seen at this address, as one end of a run.
fn start<'a>(lab: &'a Lab, address: SocketAddr, is_source: bool, limit: &str) -> Run<'a> {
    let server = end(address, "d");
    let disk = |at: &std::path::Path| {
        format!("{{ backend: disk, root: {:?}, create: true }}", at.to_str().expect("path"))
    };
    let (from, to) = if is_source {
        (server, disk(&lab.target()))
    } else {
        (format!("{{ backend: disk, root: {:?} }}", lab.source().to_str().expect("path")), server)
    };
    let text = format!(
        "version: 1\nname: drill\nsources:\n  here: {from}\ntargets:\n  there: {to}\nroutes:\n  - {{ from: here, to: there }}\n\
         peers:\n  alpha: {{ slots: 3{limit} }}\n  beta: {{ slots: 3{limit} }}\n"
    );
    Run::start(lab, &lab.write("drill.yaml", &text))
}

fn to(lab: &Lab, rng: &mut Rng, rules: Vec<Rule>) -> Option<Stage> {
    let server = S3::or_skip("drill")?;
    tree::small_files(&lab.source(), 60 + usize::try_from(rng.below(60)).ok()?, 3000, rng.next_u64());
    let proxy = Proxy::start(server.address, rules);
    let run = start(lab, proxy.address, false, "");
    Some(Stage::new(&run).with(proxy).with(server))
}

fn gone(lab: &Lab, rng: &mut Rng) -> Option<Stage> {
    let server = S3::or_skip("drill")?;
    tree::small_files(&lab.source(), 100, 3000, rng.next_u64());
    let run = start(lab, server.address, false, ", limit: 4 KiB/s");
    run.until_under_way();
    drop(server);
    run.verb("limit", &["none"]);
    Some(Stage::new(&run))
}

fn slow_source(lab: &Lab, rng: &mut Rng) -> Option<Stage> {
    let server = S3::or_skip("drill")?;
    tree::small_files(&lab.source(), 40, 3000, rng.next_u64());
    let up = start(lab, server.address, false, "");
    up.wait().expect_code(0);
    let proxy = Proxy::start(
        server.address,
        vec![Rule::new("GET", "/d/d000/", Fault::Slow(Duration::from_mins(3)), 200)],
    );
    let run = start(lab, proxy.address, true, "");
    Some(Stage::new(&run).with(proxy).with(server))
}
