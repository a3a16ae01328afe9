//! Which layout a terminal gets. Every size gets one: a console that refuses to show is no console.

/// Size classes, smallest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum SizeClass {
    /// Text lines only; controls are off, because a dialog could not be read.
    Status,
    /// Header and one panel.
    Compact,
    /// Both peers, in flight, assistance.
    Full,
    /// For people in the back of a room (demo.md): both peers, who helps whom, the equation, what was said.
    Stage,
    /// All six panels.
    Wide,
}

impl SizeClass {
    /// The class of a terminal of `w` columns and `h` rows, on which a stage is wanted or not.
    pub const fn of(w: u16, h: u16, stage: bool) -> Self {
        if stage && Self::fits_stage(w, h) {
            Self::Stage
        } else if w >= 120 && h >= 40 {
            Self::Wide
        } else if w >= 80 && h >= 24 {
            Self::Full
        } else if w >= 60 && h >= 16 {
            Self::Compact
        } else {
            Self::Status
        }
    }

    /// Whether a stage has its room.
    pub const fn fits_stage(w: u16, h: u16) -> bool {
        w >= 100 && h >= 30
    }
}

#[cfg(test)]
mod tests {
    use super::SizeClass::{self, Compact, Full, Stage, Status, Wide};

    #[test]
    fn every_size_has_its_class() {
        for (w, h, class) in [
            (0, 0, Status),
            (1, 1, Status),
            (40, 12, Status),
            (59, 16, Status),
            (60, 15, Status),
            (60, 16, Compact),
            (79, 50, Compact),
            (80, 23, Compact),
            (80, 24, Full),
            (100, 30, Full),
            (119, 60, Full),
            (200, 39, Full),
            (120, 40, Wide),
            (160, 50, Wide),
            (u16::MAX, u16::MAX, Wide),
        ] {
            assert_eq!(SizeClass::of(w, h, false), class, "{w}x{h}");
            let staged = if w >= 100 && h >= 30 { Stage } else { class };
            assert_eq!(SizeClass::of(w, h, true), staged, "{w}x{h} with a stage");
        }
    }
}
