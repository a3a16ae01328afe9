//! Several labs at a time: most of a run under attack is waiting, so a few of them side by side use a machine well.
//!
//! A lab that panics is one that failed; the others go on. Entry point: [`each`].

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;

/// Does `work` for every item, at most `at_once` at a time, in no order. Gives each item with what came of it; a panic is
/// an error in its words. Stops handing out items once `enough` says so of what has come so far.
pub fn each<I: Send, T: Send>(
    items: impl Iterator<Item = I> + Send,
    at_once: usize,
    work: impl Fn(&I) -> T + Sync,
    enough: impl Fn(&[(I, Result<T, String>)]) -> bool + Sync,
) -> Vec<(I, Result<T, String>)> {
    let items = Mutex::new(items);
    let done = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..at_once.max(1) {
            scope.spawn(|| {
                loop {
                    if enough(&done.lock().expect("results")) {
                        return;
                    }
                    let Some(item) = items.lock().expect("items").next() else { return };
                    let result = catch_unwind(AssertUnwindSafe(|| work(&item))).map_err(|p| words(&*p));
                    done.lock().expect("results").push((item, result));
                }
            });
        }
    });
    done.into_inner().expect("results")
}

fn words(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("a panic without words").to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_that_panics_does_not_end_the_others() {
        let results = each(0..20, 3, |i| assert!(i % 7 != 3, "item {i}"), |_| false);
        assert_eq!(results.len(), 20);
        let failed: Vec<&String> = results.iter().filter_map(|(_, r)| r.as_ref().err()).collect();
        assert_eq!(failed.len(), 3);
        assert!(failed.iter().all(|words| words.starts_with("item ")));
    }

    #[test]
    fn enough_is_enough() {
        let results = each(0.., 2, |_| (), |so_far| so_far.len() >= 5);
        assert!((5..=6).contains(&results.len()), "{}", results.len());
    }
}
