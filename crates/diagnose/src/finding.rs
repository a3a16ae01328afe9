//! What comes out: findings, each with its evidence, what it is not, and the ways out.

use crate::Cause;
use serde::{Deserialize, Serialize};

/// The answer to "what is wrong?".
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Diagnosis {
    pub run: String,
    /// Milliseconds since the epoch.
    pub at_ms: u64,
    pub verdict: Verdict,
    /// The verdict in one sentence.
    pub sentence: String,
    /// The most important first.
    pub findings: Vec<Finding>,
    /// Usual suspects that the evidence clears for the whole run.
    pub ruled_out: Vec<RuledOut>,
    /// What each peer believes of the other, as of when it was heard, and what that one says itself.
    #[serde(default)]
    pub beliefs: Vec<Note>,
}

/// The whole in one word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    NothingWrong,
    /// Somebody asked for what holds it up: a pause, a limit.
    OnPurpose,
    Trouble,
    /// The evidence does not allow to say that nothing is wrong.
    NotKnown,
}

/// Whether a finding is a fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    /// It is not as it should be.
    Trouble,
    /// Somebody asked for it.
    OnPurpose,
    /// It is as it should be and only looks odd.
    Normal,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Confidence {
    /// Told by whom it happens to, or seen directly.
    Certain,
    Likely,
    Possible,
}

impl Confidence {
    pub const fn words(self) -> &'static str {
        match self {
            Self::Certain => "certain",
            Self::Likely => "likely",
            Self::Possible => "possible",
        }
    }
}

/// Whom it is about; nothing set: the run.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Subject {
    pub peer: Option<String>,
    /// A source or target, by its name in the profile.
    pub target: Option<String>,
    pub transfer: Option<u64>,
}

impl Subject {
    pub(crate) fn peer(name: &str) -> Self {
        Self { peer: Some(name.to_owned()), ..Self::default() }
    }

    pub(crate) fn target(name: &str) -> Self {
        Self { target: Some(name.to_owned()), ..Self::default() }
    }
}

/// One cause that the evidence supports.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Finding {
    pub cause: Cause,
    pub standing: Standing,
    pub subject: Subject,
    pub confidence: Confidence,
    /// What, where, why. Parts of it may come from outside: washed by whoever shows it, like all texts here.
    pub sentence: String,
    /// Newest last.
    pub evidence: Vec<Note>,
    pub ruled_out: Vec<RuledOut>,
    /// In order of cost.
    pub offers: Vec<Offer>,
}

impl Finding {
    /// Smaller is more important.
    pub(crate) fn importance(&self) -> impl Ord + use<> {
        (self.standing, self.cause, self.confidence, self.subject.clone())
    }

    /// A finding without evidence and offers yet.
    pub(crate) fn new(cause: Cause, standing: Standing, subject: Subject, sentence: String) -> Self {
        let confidence = Confidence::Certain;
        let (evidence, ruled_out, offers) = (Vec::new(), Vec::new(), Vec::new());
        Self { cause, standing, subject, confidence, sentence, evidence, ruled_out, offers }
    }

    pub(crate) fn sure(mut self, confidence: Confidence) -> Self {
        self.confidence = confidence;
        self
    }

    /// Adds notes and keeps all in the order of time; what has no time stands first, as what always held.
    pub(crate) fn seen(mut self, notes: impl IntoIterator<Item = Note>) -> Self {
        self.evidence.extend(notes);
        self.evidence.sort_by_key(|note| note.at_ms);
        self.evidence.dedup();
        self
    }

    pub(crate) fn offer(mut self, offers: impl IntoIterator<Item = Offer>) -> Self {
        self.offers.extend(offers);
        self
    }
}

/// A piece of evidence.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Note {
    /// Milliseconds since the epoch; `None`: it holds since before the look.
    pub at_ms: Option<u64>,
    pub text: String,
}

impl Note {
    pub(crate) fn at(at_ms: u64, text: impl Into<String>) -> Self {
        Self { at_ms: Some(at_ms), text: text.into() }
    }
}

/// What it is not, and how that is known.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RuledOut {
    pub cause: Cause,
    pub how: String,
}

/// A way out. Nothing is done by a diagnosis.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Offer {
    /// What it brings.
    pub text: String,
    /// What to type; empty: nothing to type, something to do.
    pub verb: String,
    pub undo: Undo,
    /// It ends a process or throws work away.
    pub danger: bool,
}

/// Whether an offer can be taken back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Undo {
    /// It only looks.
    ChangesNothing,
    /// By typing this.
    By(String),
    CannotBeUndone,
    NotKnown,
}
