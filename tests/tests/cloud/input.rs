//! Bad input: one clear message each, before bytes move.

use crate::stage::{disk, lab, made, profile, server};
use twinhaul_tests::cloud::faults::{Fault, Proxy, Rule};
use twinhaul_tests::cloud::{S3, end};
use twinhaul_tests::product::{Done, Lab};

fn refused(lab: &Lab, to: &str) -> Done {
    let up = profile(lab, "up", &disk(&lab.source(), false), to, "");
    let done = lab.run_profile(&up);
    assert_ne!(done.code, 0, "{done}");
    done
}

fn nothing_moved(server: &S3) {
    assert!(server.keys("").is_empty(), "{:?}", server.keys(""));
}

#[test]
fn what_is_wrong_is_said_before_bytes_move() {
    let Some(server) = server() else { return };
    let lab = lab();
    made(&lab, 3, &[]);
    let good = server.end("x");
    let cases: &[(&str, &str, &[&str])] = &[
        ("bucket: bucket", "bucket: no-such-bucket", &["the bucket is not there"]),
        ("http://", "https://", &["http:// instead of https://"]),
        (", access_key_id: \"${env:TEST_KEY_ID}\"", "", &["go together"]),
        ("service: s3", "service: floppy", &["is not a service", "azblob"]),
        ("prefix: x", "prefix: x, colour: red", &["no such field"]),
    ];
    for (from, to, words) in cases {
        refused(&lab, &good.replace(from, to)).expect_words(words);
    }
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    refused(&lab, &end(port, "x").replace("prefix: x", "prefix: x, retries: 1"))
        .expect_words(&["cannot connect", "refused"]);
    nothing_moved(&server);
}

#[test]
fn what_a_server_refuses_is_said_in_words_that_help() {
    let Some(server) = server() else { return };
    let lab = lab();
    made(&lab, 3, &[]);
    for (status, code, word) in [
        (403, "InvalidAccessKeyId", "does not know this access_key_id"),
        (403, "SignatureDoesNotMatch", "does not belong to the access_key_id"),
        (400, "ExpiredToken", "credentials have expired"),
        (400, "AuthorizationHeaderMalformed", "another region"),
        (403, "RequestTimeTooSkewed", "clock"),
    ] {
        let rules = vec![Rule::new("PUT", "", Fault::Refuse(status, code), u32::MAX)];
        let proxy = Proxy::start(server.address, rules);
        refused(&lab, &end(proxy.address, "x")).expect_words(&[word]);
    }
    nothing_moved(&server);
}
