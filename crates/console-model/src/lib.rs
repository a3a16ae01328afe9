//! What the screen knows and how it changes: one [`Model`], one [`Msg`], [`update`] returning [`Effect`]s.
//!
//! Sans-IO: no ratatui, no tokio, no crossterm, no files, no clock; the present comes in as a
//! [`Moment`](twinhaul_units::Moment). That makes freezing a clone, replay a list of messages, and a test a string
//! of keys. Nothing here ever blocks, and nothing here sends: an [`Effect`] is a value that somebody else carries out.
//! Text from outside enters only inside [`Clean`], which has passed the sanitiser.

pub mod action;
pub mod assistance;
pub mod board;
pub mod chord;
pub mod clean;
pub mod control;
pub mod eta;
pub mod filter;
pub mod fit;
pub mod forecast;
pub mod keymap;
pub mod lists;
pub mod model;
pub mod msg;
pub mod names;
pub mod replay;
pub mod retried;
pub mod ring;
pub mod size;
pub mod summary;
pub mod ui;
pub mod update;
pub mod words;

pub use board::{Board, LinkState, Pane};
pub use chord::{Chord, Key, Press};
pub use clean::Clean;
pub use eta::Eta;
pub use keymap::Keys;
pub use model::{Frozen, Model, Setup, WallClock};
pub use msg::{Effect, FOUND_MAX, Found, Hit, Left, Mouse, Msg, Page, PlaceOf, Pull, Search, To};
pub use names::Names;
pub use replay::{Replay, Seek};
pub use size::SizeClass;
pub use update::{state_json, update};

/// Plausible runs for tests of this crate and of the views.
#[cfg(any(test, feature = "sample"))]
pub mod sample;
#[cfg(test)]
mod tests;
