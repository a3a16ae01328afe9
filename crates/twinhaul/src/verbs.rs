//! One file per group of verbs; each turns flags into calls and results into words.

pub(crate) mod backends;
pub(crate) mod bundle;
pub(crate) mod control;
pub(crate) mod demo;
pub(crate) mod diagnose;
pub(crate) mod hidden;
pub(crate) mod keys;
pub(crate) mod look;
pub(crate) mod plan;
pub(crate) mod profile;
pub(crate) mod report;
pub(crate) mod run;
pub(crate) mod simulate;
pub(crate) mod tape;
pub(crate) mod verify;
