//! Cartridges made by the format modules alone.

use std::fs::File;
use std::path::Path;

use sha2::{Digest, Sha256};
use twinhaul_tape::format::labels::{Charset, Group, SetLabel};
use twinhaul_tape::format::manifest::hex;
use twinhaul_tape::format::pax::{self, What};
use twinhaul_tape::format::section::{Finished, SectionWriter, label_cartridge};

pub(crate) const DATE: &str = "026326";

pub(crate) fn label(serial: u32, first: &str, sequence: u32, block: u32) -> SetLabel {
    SetLabel {
        dsn: format!("TWINHAUL.F{serial:07}"),
        first_volser: first.to_owned(),
        section: 1,
        sequence,
        created: DATE.to_owned(),
        block_size: block,
        device: "DRV000".to_owned(),
        ..SetLabel::default()
    }
}

pub(crate) fn new_cartridge(path: &Path, charset: Charset, volser: &str) -> (File, u64) {
    let file = File::options().read(true).write(true).create_new(true).open(path).unwrap();
    let end = label_cartridge(file.try_clone().unwrap(), charset, volser).unwrap();
    (file, end)
}

/// An archive of these files.
pub(crate) fn archive(files: &[(&str, Vec<u8>)]) -> Vec<u8> {
    let mut out = Vec::new();
    for (name, content) in files {
        let attrs = twinhaul_backend_abi::Attrs {
            mtime_ns: Some(1_600_000_000_123_456_789),
            ..twinhaul_backend_abi::Attrs::default()
        };
        out.extend(pax::head(name.as_bytes(), &attrs, What::File(content.len() as u64)).unwrap());
        out.extend_from_slice(content);
        out.extend(std::iter::repeat_n(0, pax::padding(content.len() as u64)));
    }
    out.extend_from_slice(&pax::END);
    out
}

/// Trailer labels as the backend writes them.
pub(crate) fn trailer(payload: &[u8], next: &str) -> [String; 2] {
    let sha = hex(&Sha256::digest(payload)).to_uppercase();
    [format!("SHA256 {sha}"), format!("BYTES {:020} NEXT {next}", payload.len())]
}

/// One data set that fits.
pub(crate) fn append(
    file: &File,
    end: u64,
    first: bool,
    charset: Charset,
    label: SetLabel,
    payload: &[u8],
) -> Finished {
    let head = ["FMT=PAX SEC=0001 OFFSET=00000000000000000000".to_owned()];
    let file = file.try_clone().unwrap();
    let mut w = SectionWriter::begin(file, end, first, u64::MAX / 2, charset, label, &head).unwrap();
    assert_eq!(w.write(payload).unwrap(), payload.len());
    w.finish(Group::End, &trailer(payload, "")).unwrap().1
}

/// Bytes that differ from place to place.
pub(crate) fn pattern(len: usize, seed: u64) -> Vec<u8> {
    (0..len as u64).map(|i| ((i + seed).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 56) as u8).collect()
}

pub(crate) fn long_name() -> String {
    "Überlänge-mit-Umlauten/".repeat(12) + "ende.txt"
}
