//! What is on a cartridge, byte for byte (tape-format.md 2): AWSTAPE blocks, labels, pax archives, manifests.
//!
//! Everything here is a function of bytes and one open file; it knows no library, no catalogue and no drive. What it
//! writes other people's tools read (Hercules, SIMH, tar), and what it reads it does not trust.

pub mod aws;
pub mod date;
pub mod ebcdic;
pub mod labels;
pub mod manifest;
pub mod pax;
pub mod payload;
pub mod scan;
pub mod section;
mod tail;

/// Data bytes of a block unless the library says otherwise: 63 x 512, which fits HDR2 without large block support.
pub const BLOCK: u32 = 32_256;
/// The other size that readers take: 126 x 512.
pub const BLOCK_LARGE: u32 = 64_512;
/// Data sets of one cartridge: the sequence number has four digits.
pub const SETS_MAX: u32 = 9_999;
/// Room kept before the end of a cartridge for the last block, the trailer and the end mark.
pub const EARLY_WARNING: u64 = 131_072;
