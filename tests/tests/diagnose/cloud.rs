//! A server that misbehaves: what it says is told as what it is.

use crate::stage::until_first;
use std::net::SocketAddr;
use twinhaul_diagnose::{Cause, Verdict};
use twinhaul_tests::cloud::faults::{Fault, Proxy, Rule};
use twinhaul_tests::cloud::{S3, end, give_keys};
use twinhaul_tests::product::{Lab, Run};
use twinhaul_tests::tree;

/// A lab whose processes know the secret by its name, and a server; `None`: there is none here, and that was said.
fn lab_and_server() -> Option<(Lab, S3)> {
    let server = S3::or_skip("diagnosis of a server")?;
    let mut lab = Lab::new();
    give_keys(&mut lab);
    tree::small_files(&lab.source(), 40, 3000, 1);
    Some((lab, server))
}

/// A run to what listens at this address; `limit` is of each peer.
fn start<'a>(lab: &'a Lab, address: SocketAddr, limit: &str) -> Run<'a> {
    let text = format!(
        "version: 1\nname: up\nsources:\n  here: {{ backend: disk, root: {:?} }}\n\
         targets:\n  there: {}\nroutes:\n  - {{ from: here, to: there }}\n\
         peers:\n  alpha: {{ slots: 4{limit} }}\n  beta: {{ slots: 4{limit} }}\n",
        lab.source().to_str().unwrap(),
        end(address, "d")
    );
    Run::start(lab, &lab.write("up.yaml", &text))
}

/// A run through a proxy with these rules.
fn through(rules: Vec<Rule>, meets: impl FnOnce(&Run<'_>)) {
    let Some((lab, server)) = lab_and_server() else { return };
    let proxy = Proxy::start(server.address, rules);
    meets(&start(&lab, proxy.address, ""));
}

/// It goes on by itself when the fault has gone.
fn goes_on(run: &Run<'_>) {
    run.wait().expect_code(0);
    let d = run.diagnosis();
    assert_eq!(d.verdict, Verdict::NothingWrong, "{d:#?}");
}

#[test]
fn a_server_that_asks_to_slow_down_limits_the_rate() {
    through(vec![Rule::new("PUT", "/d/d000/", Fault::SlowDown(3), 12)], |run| {
        let (d, first) = until_first(run, "the server asks to slow down", Cause::TargetRateLimiting);
        assert_eq!((first.subject.target.as_deref(), d.verdict), (Some("there"), Verdict::Trouble), "{d:#?}");
        goes_on(run);
    });
}

#[test]
fn a_server_that_refuses_the_credentials_is_told_as_that() {
    let rules = vec![Rule::new("PUT", "/d/d000/", Fault::Refuse(400, "ExpiredToken"), 60)];
    through(rules, |run| {
        let (d, first) = until_first(run, "the credentials are refused", Cause::Credentials);
        assert_eq!((first.subject.target.as_deref(), d.verdict), (Some("there"), Verdict::Trouble), "{d:#?}");
        goes_on(run);
    });
}

#[test]
fn a_server_that_is_gone_is_a_target_that_is_gone() {
    let Some((lab, server)) = lab_and_server() else { return };
    let run = start(&lab, server.address, ", limit: 4 KiB/s");
    run.until_under_way();
    drop(server);
    run.verb("limit", &["none"]).expect_code(0);
    let (d, first) = until_first(&run, "nobody listens there any more", Cause::TargetGone);
    assert_eq!((first.subject.target.as_deref(), d.verdict), (Some("there"), Verdict::Trouble), "{d:#?}");
    assert!(first.offers.iter().any(|o| o.text.contains("bring the target back")), "{first:#?}");
}
