//! The backend `tape`: virtual cartridges as files that other people's tools read, with the manners of tape.
//!
//! [`format`] is what lies on a cartridge, byte for byte (tape-format.md).

pub mod format;
