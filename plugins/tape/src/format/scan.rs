//! Reading a cartridge from its beginning: labels, sections, and where the last complete trailer ends.
//!
//! Only headers and labels are read, data are hopped over (about 0.1 s for each GiB in the cache). Nothing is repaired here: a
//! scan says what is there and where it stops to make sense; who may cut decides with the catalogue (tape-format.md 5).

use std::fs::File;
use std::io;

use super::aws::{self, HEADER, Segment};
use super::labels::{self, Charset, Group, SetLabel};
use super::payload::Span;

/// Labels of one group at most: two, and eight user labels.
const GROUP_MAX: usize = 10;

/// A section as its labels tell it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Section {
    /// From 1, on this cartridge: what `hetget` is given.
    pub number: u32,
    pub label: SetLabel,
    /// Where HDR1 lies.
    pub begin: u64,
    pub span: Span,
    pub blocks: u64,
    /// All blocks but the last have the same size, so that bytes can be counted.
    pub regular: bool,
    pub end_of_volume: bool,
    /// Just behind the trailer's tapemark.
    pub end: u64,
    /// Texts of user labels, as written.
    pub user: Vec<String>,
}

impl Section {
    fn user_text(&self, id: &str) -> Option<&str> {
        self.user.iter().find_map(|text| text.strip_prefix(id)).map(str::trim_end)
    }

    /// SHA-256 of the data set up to here, from UTL1.
    pub fn sha256(&self) -> Option<[u8; 32]> {
        let text = self.user_text("UTL1SHA256 ")?;
        super::manifest::unhex(text)?.try_into().ok()
    }

    /// Bytes of the data set up to here, from UTL2.
    pub fn total(&self) -> Option<u64> {
        self.user_text("UTL2BYTES ")?.split(' ').next()?.parse().ok()
    }

    /// The cartridge on which the data set goes on, from UTL2.
    pub fn next(&self) -> Option<&str> {
        let next = self.user_text("UTL2BYTES ")?.split_once("NEXT ")?.1.trim();
        (!next.is_empty()).then_some(next)
    }

    /// Where the manifest lies in the archive, and its length, from UTL3.
    pub fn manifest(&self) -> Option<(u64, u64)> {
        let (at, len) = self.user_text("UTL3MANIFEST ")?.split_once(" LEN ")?;
        Some((at.parse().ok()?, len.trim().parse().ok()?))
    }

    /// The value of `NAME=` in UHL1 or UHL2.
    pub fn header_field(&self, name: &str) -> Option<&str> {
        let fields = self.user.iter().filter(|t| t.starts_with("UHL"));
        fields.flat_map(|t| t[4..].split(' ')).find_map(|f| f.strip_prefix(name)?.strip_prefix('='))
    }

    /// Payload bytes of the data set before this section, from UHL1.
    pub fn offset(&self) -> Option<u64> {
        self.header_field("OFFSET")?.parse().ok()
    }
}

/// Why a cartridge is not one of ours, or what is behind its last complete data set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Tail {
    /// An end mark, and nothing after it.
    Clean,
    /// Something that is not a complete data set, with what is wrong with it.
    Torn(String),
}

/// What a cartridge holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scan {
    pub charset: Charset,
    pub volser: String,
    pub owner: String,
    pub sections: Vec<Section>,
    /// Behind the last complete trailer's tapemark, or behind VOL1.
    pub good_end: u64,
    pub tail: Tail,
    /// Bytes of the file.
    pub size: u64,
}

/// Why nothing could be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NotOurs {
    /// Not one byte.
    Empty,
    /// No AWSTAPE file.
    Foreign(String),
    /// A tape without VOL1.
    Unlabelled,
}

/// Scans a cartridge.
///
/// # Errors
/// The outer one is the file's.
pub fn scan(file: &File) -> io::Result<Result<Scan, NotOurs>> {
    let size = file.metadata()?.len();
    if size == 0 {
        return Ok(Err(NotOurs::Empty));
    }
    let mut tape = Tape { file, size, at: 0, previous: 0 };
    let first = match tape.next() {
        Ok(Segment::Block { len }) if usize::from(len) == labels::LABEL => tape.last(len)?,
        Ok(_) => return Ok(Err(NotOurs::Unlabelled)),
        Err(e) if damage(&e) => return Ok(Err(NotOurs::Foreign(e.to_string()))),
        Err(e) => return Err(e),
    };
    let Some((charset, text)) = labels::read(&first).filter(|(_, t)| t.starts_with("VOL1")) else {
        return Ok(Err(NotOurs::Unlabelled));
    };
    let owner = match charset {
        Charset::Ibm => labels::columns(&text, 42, 51),
        Charset::Ansi => labels::columns(&text, 38, 51),
    };
    let mut found = Scan {
        charset,
        volser: labels::columns(&text, 5, 10).to_owned(),
        owner: owner.to_owned(),
        sections: Vec::new(),
        good_end: tape.at,
        tail: Tail::Clean,
        size,
    };
    tape.skip_volume_labels(&mut found)?;
    loop {
        match tape.section(&found) {
            Ok(Some(section)) => {
                found.good_end = section.end;
                found.sections.push(section);
            }
            Ok(None) => return Ok(Ok(found)),
            Err(e) if damage(&e) => {
                found.tail = Tail::Torn(e.to_string());
                return Ok(Ok(found));
            }
            Err(e) => return Err(e),
        }
    }
}

fn damage(e: &io::Error) -> bool {
    matches!(e.kind(), io::ErrorKind::InvalidData | io::ErrorKind::UnexpectedEof)
}

fn bad(what: impl Into<String>) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what.into())
}

struct Tape<'a> {
    file: &'a File,
    size: u64,
    at: u64,
    previous: u16,
}

impl Tape<'_> {
    fn next(&mut self) -> io::Result<Segment> {
        let segment = aws::look(self.file, self.at, self.size, Some(self.previous))?;
        match segment {
            Segment::Block { len } => {
                self.at += HEADER as u64 + u64::from(len);
                self.previous = len;
            }
            Segment::Mark => {
                self.at += HEADER as u64;
                self.previous = 0;
            }
            Segment::End => {}
        }
        Ok(segment)
    }

    /// The data of the block that was just passed.
    fn last(&self, len: u16) -> io::Result<Vec<u8>> {
        aws::data(self.file, self.at - u64::from(len) - HEADER as u64, len)
    }

    /// User volume labels, and the empty HDR1 that `hetinit` writes behind VOL1.
    fn skip_volume_labels(&mut self, found: &mut Scan) -> io::Result<()> {
        loop {
            let here = (self.at, self.previous);
            let Ok(Segment::Block { len }) = self.next() else {
                (self.at, self.previous) = here;
                return Ok(());
            };
            let text = labels::read(&self.last(len)?).map(|(_, t)| t).unwrap_or_default();
            let empty = text.starts_with("HDR1") && text[4..].trim_matches(['0', ' ']).is_empty();
            if !(empty || text.starts_with("VOL")) {
                (self.at, self.previous) = here;
                return Ok(());
            }
            // The empty HDR1 is written over, other labels stay.
            if !empty {
                found.good_end = self.at;
            }
        }
    }

    /// A group of labels up to its tapemark; empty = a tapemark at once.
    fn group(&mut self) -> io::Result<Vec<(Charset, String)>> {
        let mut out = Vec::new();
        loop {
            let at = self.at;
            match self.next()? {
                Segment::Mark => return Ok(out),
                Segment::End => return Err(bad(format!("at byte {at}: the tape ends without an end mark"))),
                Segment::Block { len } => {
                    let label = labels::read(&self.last(len)?);
                    let label = label.ok_or_else(|| bad(format!("at byte {at}: expected a label")))?;
                    if out.len() == GROUP_MAX {
                        return Err(bad(format!("at byte {at}: more than {GROUP_MAX} labels")));
                    }
                    out.push(label);
                }
            }
        }
    }

    /// The next data set, or `None` at the end of the data.
    fn section(&mut self, found: &Scan) -> io::Result<Option<Section>> {
        let begin = self.at;
        let header = self.group()?;
        if header.is_empty() {
            return self.end_of_data();
        }
        let (charset, one) = &header[0];
        if !one.starts_with("HDR1") {
            return Err(bad(format!("at byte {begin}: expected HDR1, found {}", &one[..4])));
        }
        let broken = || bad(format!("at byte {begin}: HDR1 cannot be read"));
        let mut label = labels::read_first(*charset, one).ok_or_else(broken)?;
        if let Some((_, two)) = header.get(1).filter(|(_, t)| t.starts_with("HDR2")) {
            (label.block_size, label.continued) = labels::read_second(*charset, two).ok_or_else(broken)?;
        }
        let data = self.blocks(&label)?;
        let at = self.at;
        let trailer = self.group()?;
        let what = trailer.first().map_or("", |(_, t)| &t[..4]);
        let end_of_volume = match what {
            "EOF1" => false,
            "EOV1" => true,
            _ => return Err(bad(format!("at byte {at}: expected EOF1 or EOV1, found \"{what}\""))),
        };
        let said = labels::read_first(*charset, &trailer[0].1).ok_or_else(broken)?;
        if said.blocks != data.blocks
            && !(*charset == Charset::Ansi && said.blocks == data.blocks % 1_000_000)
        {
            let (said, found) = (said.blocks, data.blocks);
            return Err(bad(format!("at byte {at}: the trailer says {said} blocks, there are {found}")));
        }
        label.blocks = data.blocks;
        let users = header.iter().chain(&trailer).map(|(_, t)| t);
        Ok(Some(Section {
            number: found.sections.len() as u32 + 1,
            label,
            begin,
            span: data.span,
            blocks: data.blocks,
            regular: data.regular,
            end_of_volume,
            end: self.at,
            user: users.filter(|t| t.starts_with('U')).cloned().collect(),
        }))
    }

    fn end_of_data(&mut self) -> io::Result<Option<Section>> {
        // A cartridge without data has two marks behind VOL1; with data, the second mark is the one just read.
        let here = (self.at, self.previous);
        if self.at < self.size && !matches!(self.next(), Ok(Segment::Mark)) {
            (self.at, self.previous) = here;
        }
        if self.at == self.size { Ok(None) } else { Err(bad("there is something behind the end mark")) }
    }

    fn blocks(&mut self, label: &SetLabel) -> io::Result<Data> {
        let start = self.at;
        let (mut blocks, mut bytes, mut size, mut last) = (0, 0, label.block_size, None::<u16>);
        let mut regular = true;
        loop {
            let at = self.at;
            match self.next()? {
                Segment::Mark => break,
                Segment::End => return Err(bad(format!("at byte {at}: the tape ends within a data set"))),
                Segment::Block { len } => {
                    if size == 0 {
                        size = u32::from(len);
                    }
                    regular &= last.is_none_or(|l| u32::from(l) == size) && u32::from(len) <= size;
                    last = Some(len);
                    blocks += 1;
                    bytes += u64::from(len);
                }
            }
        }
        Ok(Data { span: Span { start, bytes, block: size.max(1) }, blocks, regular })
    }
}

struct Data {
    span: Span,
    blocks: u64,
    regular: bool,
}

/// Whether behind `from` a trailer label lies somewhere: then what looks torn there may be damage, and is not cut
/// without the catalogue's word.
///
/// # Errors
/// Of the file.
pub fn trailer_behind(file: &File, from: u64, size: u64) -> io::Result<bool> {
    use std::os::unix::fs::FileExt;
    const WINDOW: usize = 1 << 20;
    let needles: Vec<[u8; 4]> = [Charset::Ibm, Charset::Ansi]
        .iter()
        .flat_map(|c| {
            [Group::End, Group::EndOfVolume].map(|g| {
                let block = labels::block(*c, &labels::first(*c, g, &SetLabel::default()));
                [block[0], block[1], block[2], block[3]]
            })
        })
        .collect();
    let mut window = vec![0; WINDOW];
    let mut at = from;
    while at < size {
        let n = file.read_at(&mut window, at)?;
        if n < 4 {
            return Ok(false);
        }
        let hit = |needle: &[u8; 4]| {
            window[..n]
                .windows(HEADER + 4)
                .any(|w| w[..2] == [80, 0] && w[4..6] == [0xA0, 0] && w[6..] == *needle)
        };
        if needles.iter().any(hit) {
            return Ok(true);
        }
        at += (n as u64).saturating_sub(16).max(1);
        if n < WINDOW {
            return Ok(false);
        }
    }
    Ok(false)
}
