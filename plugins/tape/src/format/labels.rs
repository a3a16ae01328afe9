//! Labels: 80 characters each, IBM standard in EBCDIC or ANSI in ASCII (tape-format.md 2.3).
//!
//! A label is built as 80 ASCII characters and translated last; reading goes the other way round. Columns are those of
//! IBM's "Label definition and organization" and of ANSI X3.27. Entry points: the builders and [`read`].

use super::ebcdic;

/// Bytes of a label block.
pub const LABEL: usize = 80;
const JOB: &str = "TWINHAUL/TAPE    ";
const SYSTEM: &str = "TWINHAUL";
/// The owner in VOL1.
pub const OWNER: &str = "TWINHAUL";

/// How labels are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Charset {
    /// IBM standard labels in EBCDIC.
    #[default]
    Ibm,
    /// ANSI X3.27 labels in ASCII.
    Ansi,
}

impl Charset {
    pub const fn word(self) -> &'static str {
        match self {
            Self::Ibm => "ibm",
            Self::Ansi => "ansi",
        }
    }

    pub fn of(word: &str) -> Option<Self> {
        match word {
            "ibm" => Some(Self::Ibm),
            "ansi" => Some(Self::Ansi),
            _ => None,
        }
    }
}

/// Which group a label begins or ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Group {
    /// Before the data.
    Header,
    /// After the last of the data.
    End,
    /// After data that go on on another cartridge.
    EndOfVolume,
}

impl Group {
    const fn word(self) -> &'static str {
        match self {
            Self::Header => "HDR",
            Self::End => "EOF",
            Self::EndOfVolume => "EOV",
        }
    }
}

/// What the first two labels of a group say about a data set.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SetLabel {
    /// At most 17 characters.
    pub dsn: String,
    /// Of the first cartridge, on all sections.
    pub first_volser: String,
    /// From 1.
    pub section: u32,
    /// Of the data set in its volume set, from 1.
    pub sequence: u32,
    /// `cyyddd`.
    pub created: String,
    /// Of this section; 0 in headers.
    pub blocks: u64,
    pub block_size: u32,
    /// It began on another cartridge.
    pub continued: bool,
    /// Serial of the device, six characters.
    pub device: String,
}

/// A label as its 80 characters.
pub type Text = String;

/// VOL1.
pub fn volume(charset: Charset, volser: &str) -> Text {
    match charset {
        Charset::Ibm => format!("VOL1{volser:<6.6}0{:30}{OWNER:<10.10}{:29}", "", ""),
        Charset::Ansi => format!("VOL1{volser:<6.6} {:13}{SYSTEM:<13}{OWNER:<14}{:28}3", "", ""),
    }
}

/// HDR1, EOF1 or EOV1.
pub fn first(charset: Charset, group: Group, set: &SetLabel) -> Text {
    let (dsn, volser) = (&set.dsn, &set.first_volser);
    let (section, sequence) = (set.section.min(9_999), set.sequence.min(9_999));
    let (low, high) = (set.blocks % 1_000_000, set.blocks / 1_000_000);
    let head = format!("{}1{dsn:<17.17}{volser:<6.6}{section:04}{sequence:04}", group.word());
    let dates = format!("{:6}{:>6} 00000", "", set.created);
    match charset {
        Charset::Ibm => {
            let high = if high == 0 { String::new() } else { format!("{:04}", high % 10_000) };
            format!("{head}{dates}0{low:06}{SYSTEM:<13}{:3}{high:4}", "")
        }
        Charset::Ansi => format!("{head}{dates} {low:06}{SYSTEM:<13}{:7}", ""),
    }
}

/// HDR2, EOF2 or EOV2.
pub fn second(charset: Charset, group: Group, set: &SetLabel) -> Text {
    let size = set.block_size;
    match charset {
        Charset::Ibm => {
            // Above 32,760 the size goes to the large block field.
            let (small, large) =
                if size <= 32_760 { (size, String::new()) } else { (0, format!("{size:010}")) };
            let continued = if set.continued { '1' } else { '0' };
            format!(
                "{}2F{small:05}00512{:1}{continued}{JOB}{:4}B{:2}{:<6.6}{:1}{:22}{large:10}",
                group.word(),
                "0",
                "",
                "",
                set.device,
                "",
                ""
            )
        }
        Charset::Ansi => format!("{}2F{size:05}00512{:35}00{:28}", group.word(), "", ""),
    }
}

/// A user label, such as `UHL1FMT=PAX …`; cut at 80 characters.
pub fn user(id: &str, text: &str) -> Text {
    format!("{:<80.80}", format!("{id}{text}"))
}

/// The block of a label.
pub fn block(charset: Charset, text: &str) -> [u8; LABEL] {
    let mut out = [b' '; LABEL];
    for (to, from) in out.iter_mut().zip(text.bytes()) {
        *to = from;
    }
    if charset == Charset::Ibm {
        out = out.map(ebcdic::encode);
    }
    out
}

const IDS: [&str; 6] = ["VOL", "HDR", "EOF", "EOV", "UHL", "UTL"];

/// The label in a block, or `None`: it is not one.
pub fn read(block: &[u8]) -> Option<(Charset, Text)> {
    if block.len() != LABEL {
        return None;
    }
    let known = |text: &str| IDS.iter().any(|id| text.starts_with(id)) && text.is_ascii();
    let ibm: String = block.iter().map(|e| char::from(ebcdic::decode(*e))).collect();
    if known(&ibm) {
        return Some((Charset::Ibm, ibm));
    }
    let ansi: String =
        block.iter().map(|b| if b.is_ascii_graphic() || *b == b' ' { char::from(*b) } else { '?' }).collect();
    known(&ansi).then_some((Charset::Ansi, ansi))
}

/// Columns `from..=to`, counted from 1 as in the books.
pub fn columns(text: &str, from: usize, to: usize) -> &str {
    text.get(from - 1..to).unwrap_or("").trim_end()
}

/// A number in columns; blanks count as 0.
pub fn number(text: &str, from: usize, to: usize) -> Option<u64> {
    match columns(text, from, to).trim() {
        "" => Some(0),
        digits => digits.parse().ok(),
    }
}

/// What a first label (HDR1, EOF1, EOV1) says.
pub fn read_first(charset: Charset, text: &str) -> Option<SetLabel> {
    let high = if charset == Charset::Ibm { number(text, 77, 80)? } else { 0 };
    Some(SetLabel {
        dsn: columns(text, 5, 21).to_owned(),
        first_volser: columns(text, 22, 27).to_owned(),
        section: u32::try_from(number(text, 28, 31)?).ok()?,
        sequence: u32::try_from(number(text, 32, 35)?).ok()?,
        created: text.get(41..47).unwrap_or("").to_owned(),
        blocks: number(text, 55, 60)? + high * 1_000_000,
        ..SetLabel::default()
    })
}

/// Block size, and whether the data set began on another cartridge, of a second label.
pub fn read_second(charset: Charset, text: &str) -> Option<(u32, bool)> {
    let small = number(text, 6, 10)?;
    let large = if charset == Charset::Ibm { number(text, 71, 80).unwrap_or(0) } else { 0 };
    let size = if small == 0 { large } else { small };
    let continued = charset == Charset::Ibm && columns(text, 17, 17) == "1";
    Some((u32::try_from(size).ok()?, continued))
}

/// Whether these six characters can be a volume serial number.
pub fn volser_ok(volser: &str) -> bool {
    volser.len() == 6 && volser.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set() -> SetLabel {
        SetLabel {
            dsn: "TWINHAUL.F0000001".to_owned(),
            first_volser: "A00001".to_owned(),
            section: 2,
            sequence: 17,
            created: "026326".to_owned(),
            blocks: 12_345_678,
            block_size: 32_256,
            continued: true,
            device: "DRV000".to_owned(),
        }
    }

    #[test]
    fn every_label_has_80_columns_and_comes_back() {
        for charset in [Charset::Ibm, Charset::Ansi] {
            for group in [Group::Header, Group::End, Group::EndOfVolume] {
                for text in
                    [volume(charset, "A00001"), first(charset, group, &set()), second(charset, group, &set())]
                {
                    assert_eq!(text.len(), LABEL, "{text}");
                    let (found, back) = read(&block(charset, &text)).unwrap();
                    assert_eq!((found, back), (charset, text));
                }
            }
            let one = first(charset, Group::EndOfVolume, &set());
            let back = read_first(charset, &one).unwrap();
            assert_eq!((back.section, back.sequence, back.created.as_str()), (2, 17, "026326"));
            let blocks = if charset == Charset::Ibm { 12_345_678 } else { 345_678 };
            assert_eq!(back.blocks, blocks, "ANSI has six digits");
            for size in [32_256, 64_512] {
                let text = second(charset, Group::Header, &SetLabel { block_size: size, ..set() });
                assert_eq!(read_second(charset, &text).unwrap().0, size);
            }
        }
    }

    #[test]
    fn columns_are_those_of_the_books() {
        let text = first(Charset::Ibm, Group::Header, &set());
        assert_eq!(text, "HDR1TWINHAUL.F0000001A0000100020017      026326 000000345678TWINHAUL        0012");
        let text = second(Charset::Ibm, Group::Header, &set());
        assert_eq!(text, "HDR2F322560051201TWINHAUL/TAPE        B  DRV000                                 ");
        let text = volume(Charset::Ansi, "A00001");
        assert_eq!(text, "VOL1A00001              TWINHAUL     TWINHAUL                                  3");
    }

    #[test]
    fn what_is_no_label_is_none() {
        assert!(read(&[0; 80]).is_none());
        assert!(read(b"VOL1").is_none());
        assert!(read(&[0xff; 80]).is_none());
        assert!(volser_ok("A00001") && !volser_ok("a00001") && !volser_ok("A1"));
    }
}
