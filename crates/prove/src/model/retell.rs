//! A path of the model check, told step by step.

use super::drains::{SURVIVORS, drained};
use super::{Case, Checked, State};
use crate::world::{Action, Broken};
use stateright::Model;
use std::fmt::Write as _;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Longest story in bytes.
const STORY_MAX: usize = 1 << 20;

impl Checked {
    /// The actions of a path by their numbers among those that were possible.
    pub(super) fn numbers(&self, path: &[Action]) -> Vec<usize> {
        let mut numbers = Vec::new();
        let mut state = self.begin();
        for action in path {
            let Some(before) = state else { break };
            let mut possible = Vec::new();
            self.actions(&before, &mut possible);
            let Some(number) = possible.iter().position(|found| found == action) else { break };
            numbers.push(number);
            state = Self::after(&before, *action);
        }
        numbers
    }
}

/// Goes a path again; the story, and what it finds broken.
///
/// # Errors
/// A number that no action has.
pub fn retell(case: &Case, path: &[usize]) -> Result<(String, Option<Broken>), String> {
    let model = Checked::new(case);
    let mut state = model.begin().ok_or("no such world")?;
    let mut story = format!("{}\n{:#?}\n", case.name(), model.setup);
    for (step, number) in path.iter().enumerate() {
        let mut possible = Vec::new();
        model.actions(&state, &mut possible);
        let action = *possible.get(*number).ok_or_else(|| format!("step {step} has no action {number}"))?;
        state =
            Checked::after(&state, action).ok_or_else(|| format!("step {step}: {action:?} cannot happen"))?;
        let _ = writeln!(story, "{action:?}{}", state.world.brief());
    }
    let broken = state.world.broken().cloned().or_else(|| drains_told(&state, &mut story));
    let verdict = broken.as_ref().map_or_else(|| "nothing broken".to_owned(), |b| format!("BROKEN {b}"));
    let _ = writeln!(story, "{verdict}");
    Ok((story, broken))
}

/// The first drain that does not end well.
fn drains_told(state: &State, story: &mut String) -> Option<Broken> {
    SURVIVORS.iter().find_map(|survivors| {
        let mut told = format!("from here with {survivors:?}:\n");
        let mut world = state.world.clone();
        world.forget_who_is_out(*survivors);
        let drain = AssertUnwindSafe(|| {
            world.drain_told(*survivors, &mut |action, world| {
                if told.len() < STORY_MAX {
                    let _ = writeln!(told, "  {action:?}{}", world.brief());
                }
            });
            world.broken().map(|broken| drained(broken, *survivors))
        });
        let broken = catch_unwind(drain).unwrap_or_else(|panic| Some(Broken::assertion(&*panic)));
        broken.inspect(|_| story.push_str(&told))
    })
}
