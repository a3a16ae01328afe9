//! Where the values of a profile stand in its file, for mistakes that show only later (a variable that is not set, a
//! target that is not mounted).
//!
//! Takes no part in comparisons: two profiles that say the same are equal wherever they say it.
//! Entry point: [`Marks`].

use crate::{
    error::{Fault, Kind, Place, ProfileError},
    node::Node,
};
use std::{collections::BTreeMap, sync::Arc};

/// The file's name and text, and the place of every value by its path (`targets.vault.root`).
#[derive(Clone, Debug, Default)]
pub(crate) struct Marks(Option<Arc<Origin>>);

#[derive(Debug)]
struct Origin {
    file: String,
    text: String,
    places: BTreeMap<String, Place>,
}

impl PartialEq for Marks {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Marks {
    pub(crate) fn new(file: &str, text: &str, root: &Node) -> Self {
        let mut places = BTreeMap::new();
        root.walk(&mut |node| {
            places.insert(node.path.clone(), node.place);
        });
        Self(Some(Arc::new(Origin { file: file.to_owned(), text: text.to_owned(), places })))
    }

    /// The text, if there is one.
    pub(crate) fn text(&self) -> Option<&str> {
        self.0.as_ref().map(|o| o.text.as_str())
    }

    pub(crate) fn place(&self, path: &str) -> Option<Place> {
        self.0.as_ref()?.places.get(path).copied()
    }

    /// The error about the value at `path`; without a place in a profile that was not read from text.
    pub(crate) fn error(&self, path: &str, what: impl Into<String>, help: Option<&str>) -> ProfileError {
        let fault = Fault { place: self.place(path), help: help.map(str::to_owned), ..Fault::new(what) };
        match &self.0 {
            Some(origin) => fault.report(Kind::Profile, &origin.file, &origin.text),
            None => fault.report(Kind::Profile, crate::COPY_NAME, ""),
        }
    }
}
