//! What a target will not take, and what it will not keep of what it takes: counted while the plan is made, so that it is known before
//! bytes move. What is kept of one file is told by the transfer itself, and stands in the manifest.

use std::collections::BTreeMap;
use twinhaul_backend_host::{Attrs, Caps, KeyRules, Kind, Limits};
use twinhaul_units::Key;

/// Bytes of a key that is kept as an example.
const EXAMPLE_MAX: usize = 200;

/// One thing that is lost; those that fail come first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Loss {
    /// The key cannot be written there: too long, or with what the target does not take.
    Key,
    TooLarge,
    Symlink,
    Empty,
    /// Directories are only parts of keys: empty ones are not there, times and modes are lost.
    Directory,
    /// A further name of a file becomes a file of its own.
    Link,
    ModeAndTime,
    Owner,
}

impl Loss {
    /// Whether such a transfer fails, instead of losing something.
    pub const fn fails(self) -> bool {
        matches!(self, Self::Key | Self::TooLarge | Self::Symlink | Self::Empty)
    }

    /// What it is about, after "3 will fail:" or "3 not kept:".
    pub const fn words(self) -> &'static str {
        match self {
            Self::Key => "the key is not taken there",
            Self::TooLarge => "larger than what is taken there",
            Self::Symlink => "symbolic links",
            Self::Empty => "empty files",
            Self::Directory => "directories, which are only parts of keys there; empty ones are missing",
            Self::Link => "hard links, each name becomes a file of its own",
            Self::ModeAndTime => "modes and times",
            Self::Owner => "owners",
        }
    }

    /// For documents; never changed.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Key => "key",
            Self::TooLarge => "too_large",
            Self::Symlink => "symlink",
            Self::Empty => "empty",
            Self::Directory => "directory",
            Self::Link => "hard_link",
            Self::ModeAndTime => "mode_and_time",
            Self::Owner => "owner",
        }
    }
}

/// How many, and the first of them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LossCount {
    pub objects: u64,
    /// A key at the source, cut.
    pub example: Vec<u8>,
}

/// Of one target.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Losses(BTreeMap<Loss, LossCount>);

impl Losses {
    /// In order of weight.
    pub fn iter(&self) -> impl Iterator<Item = (Loss, &LossCount)> {
        self.0.iter().map(|(loss, count)| (*loss, count))
    }

    /// A file or a symbolic link that goes to a target with these limits, as `at_target`.
    pub(crate) fn object(&mut self, limits: &Limits, key: &Key, at_target: &Key, attrs: &Attrs) {
        let caps = limits.caps;
        let mut note = |gone: bool, loss: Loss| {
            if gone {
                self.note(loss, key);
            }
        };
        let file = attrs.kind == Kind::File;
        note(!takes_key(limits, at_target), Loss::Key);
        note(!file && !caps.contains(Caps::SYMLINKS), Loss::Symlink);
        if !file {
            return;
        }
        let size = attrs.size.unwrap_or_default();
        note(limits.max_object > 0 && size > limits.max_object, Loss::TooLarge);
        note(attrs.size == Some(0) && !caps.contains(Caps::EMPTY_OBJECTS), Loss::Empty);
        note(attrs.nlink.is_some_and(|n| n > 1) && !caps.contains(Caps::HARD_LINKS), Loss::Link);
        let known = attrs.mode.is_some() || attrs.mtime_ns.is_some();
        note(known && !caps.contains(Caps::POSIX_METADATA), Loss::ModeAndTime);
        note(attrs.uid.is_some() && !caps.contains(Caps::OWNERS), Loss::Owner);
    }

    pub(crate) fn directory(&mut self, limits: &Limits, key: &Key) {
        if !limits.caps.contains(Caps::DIRECTORIES) {
            self.note(Loss::Directory, key);
        }
    }

    fn note(&mut self, loss: Loss, key: &Key) {
        let count = self.0.entry(loss).or_default();
        if count.objects == 0 {
            let bytes = key.as_bytes();
            count.example = bytes[..bytes.len().min(EXAMPLE_MAX)].to_vec();
        }
        count.objects += 1;
    }
}

/// As far as one key alone shows it: that two fall together, or one is a directory of another, is found when the second is written.
fn takes_key(limits: &Limits, key: &Key) -> bool {
    let bytes = key.as_bytes();
    let fits = |len: usize, max: u32| max == 0 || len <= max as usize;
    let rules = limits.key_rules;
    let text = std::str::from_utf8(bytes).ok();
    fits(bytes.len(), limits.max_key_bytes)
        && bytes.split(|b| *b == b'/').all(|part| fits(part.len(), limits.max_component_bytes))
        && (!rules.contains(KeyRules::UTF8) || text.is_some())
        && (!rules.contains(KeyRules::PRINTABLE)
            || text.map_or_else(
                || !bytes.iter().any(u8::is_ascii_control),
                |t| !t.chars().any(char::is_control),
            ))
        && (!rules.contains(KeyRules::NO_BACKSLASHES) || !bytes.contains(&b'\\'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(text: &str) -> Key {
        Key::new(text).unwrap()
    }

    #[test]
    fn what_a_plain_object_store_loses_is_counted_with_the_first_example() {
        let limits = Limits {
            caps: Caps::EMPTY_OBJECTS,
            max_object: 100,
            max_key_bytes: 10,
            key_rules: KeyRules::UTF8.with(KeyRules::PRINTABLE),
            ..Limits::default()
        };
        let mut losses = Losses::default();
        let file =
            |size| Attrs { size: Some(size), mode: Some(0o644), uid: Some(7), ..Attrs::of(Kind::File) };
        losses.object(&limits, &key("a"), &key("a"), &file(0));
        losses.object(&limits, &key("b"), &key("b"), &file(101));
        losses.object(&limits, &key("c\n"), &key("p/c\n"), &file(1));
        losses.object(&limits, &key("d"), &key("prefix/and/d"), &Attrs { nlink: Some(2), ..file(1) });
        losses.object(&limits, &key("l"), &key("l"), &Attrs::of(Kind::Symlink));
        losses.directory(&limits, &key("dir"));
        let told: Vec<_> = losses.iter().map(|(loss, n)| (loss, n.objects, n.example.as_slice())).collect();
        assert_eq!(
            told,
            [
                (Loss::Key, 2, b"c\n".as_slice()),
                (Loss::TooLarge, 1, b"b"),
                (Loss::Symlink, 1, b"l"),
                (Loss::Directory, 1, b"dir"),
                (Loss::Link, 1, b"d"),
                (Loss::ModeAndTime, 4, b"a"),
                (Loss::Owner, 4, b"a"),
            ]
        );
    }

    #[test]
    fn a_target_that_keeps_everything_loses_nothing() {
        let all = Caps::SYMLINKS
            .with(Caps::DIRECTORIES)
            .with(Caps::HARD_LINKS)
            .with(Caps::POSIX_METADATA)
            .with(Caps::OWNERS)
            .with(Caps::EMPTY_OBJECTS);
        let limits = Limits { caps: all, ..Limits::default() };
        let mut losses = Losses::default();
        let attrs =
            Attrs { size: Some(0), nlink: Some(3), uid: Some(1), mode: Some(1), ..Attrs::of(Kind::File) };
        losses.object(&limits, &key("a\\b\n"), &key("a\\b\n"), &attrs);
        losses.object(&limits, &key("l"), &key("l"), &Attrs::of(Kind::Symlink));
        losses.directory(&limits, &key("d"));
        assert_eq!(losses, Losses::default());
    }
}
