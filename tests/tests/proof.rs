//! What proves a run later: reading the targets again in samples, the manifest and the failed list whose lines hold each
//! other, copying again only what failed, and "ok after so many attempts".

#![allow(clippy::doc_markdown, clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

#[path = "proof/attempts.rs"]
mod attempts;
#[path = "proof/manifest.rs"]
mod manifest;
#[path = "proof/only.rs"]
mod only;
#[path = "proof/read_back.rs"]
mod read_back;
#[path = "proof/samples.rs"]
mod samples;
