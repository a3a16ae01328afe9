//! The picture of one moment for a document: what a console would have shown that was open then, the same on any machine.

use crate::skin::Skin;
use crate::{ConsoleError, Recording, runtime, take_out};

/// The screen at the end of a recording, as lines of text of this size, at most; times of day are UTC.
///
/// # Errors
/// [`ConsoleError::Recording`] when the file is none.
pub fn still(recording: Recording, size: (u16, u16)) -> Result<String, ConsoleError> {
    let (mut player, mut model) = runtime::play(recording, 1)?;
    player.go_to(&mut model, player.end_ms());
    // It was no replay then.
    model.replay = None;
    model.clock.offset_s = 0;
    model.size = size;
    Ok(take_out::picture(&model, &Skin::new(false, false)))
}
