//! A diagnosis as a page of text: the verdict, why, what it is not, the evidence, the ways out. The verb prints it, the screen
//! shows it.
//!
//! Every text passes through the one sanitiser here, because parts of it come from outside.

use super::Mood;
use crate::fit;
use twinhaul_diagnose::{Diagnosis, Finding, Note, Offer, RuledOut, Standing, Undo, Verdict};
use twinhaul_units::text::show;

/// Before a text: "why     ".
const MARGIN: usize = 8;
/// Before a piece of evidence: its time.
const TIME: usize = 14;
/// Further faults that are told with evidence and offers; the others in one sentence.
const MORE_IN_FULL_MAX: usize = 2;
/// Lines of evidence of the first fault, and of each further one.
const EVIDENCE_MAX: usize = 10;
const EVIDENCE_SHORT: usize = 3;

/// A line of the page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PageLine {
    pub text: String,
    pub mood: Mood,
    /// A heading.
    pub heading: bool,
    /// What to type, on the line that says it.
    pub verb: Option<String>,
}

/// The whole page in `width` columns; `clock` writes a time of day from milliseconds since the epoch.
pub fn page(d: &Diagnosis, width: usize, clock: &dyn Fn(u64) -> String) -> Vec<PageLine> {
    let mut page = Page { out: Vec::new(), width, clock };
    let of = |standing| d.findings.iter().filter(move |f| f.standing == standing);
    // What is told in full: a fault, or what holds the run up because somebody asked for it.
    let lead = of(Standing::Trouble).next();
    let lead = lead.or_else(|| of(Standing::OnPurpose).find(|_| d.verdict == Verdict::OnPurpose));
    if let Some(lead) = lead {
        let fault = lead.standing == Standing::Trouble;
        let (mark, mood) = if fault { ("", Mood::Bad) } else { ("no fault: ", Mood::Warn) };
        page.labelled("VERDICT", &format!("{mark}{}", titled(lead)), mood);
        page.labelled("why", &lead.sentence, Mood::Plain);
        page.labelled("sure", lead.confidence.words(), Mood::Plain);
        page.ruled_out(&lead.ruled_out);
        page.proof(lead, EVIDENCE_MAX);
        page.offers(lead);
    } else {
        let mood = if d.verdict == Verdict::NothingWrong { Mood::Good } else { Mood::Warn };
        page.labelled("VERDICT", &d.sentence, mood);
        page.ruled_out(&d.ruled_out);
    }
    let is_lead = |f: &Finding| lead.is_some_and(|lead| std::ptr::eq(lead, f));
    for (n, more) in of(Standing::Trouble).filter(|f| !is_lead(f)).enumerate() {
        page.blank();
        page.labelled("ALSO", &titled(more), Mood::Bad);
        page.labelled("why", &more.sentence, Mood::Plain);
        if n < MORE_IN_FULL_MAX {
            page.proof(more, EVIDENCE_SHORT);
            page.offers(more);
        }
    }
    page.section("On purpose, and no fault", of(Standing::OnPurpose).filter(|f| !is_lead(f)));
    // What the verdict says already is not said again.
    let odd = of(Standing::Normal).filter(|f| !d.sentence.ends_with(&f.sentence));
    page.section("As it should be, though it may look odd", odd);
    page.notes("What each believes of the other", &d.beliefs);
    page.out
}

/// "peer frozen (alpha)".
fn titled(f: &Finding) -> String {
    let whose = [f.subject.peer.as_deref(), f.subject.target.as_deref()];
    let whose: Vec<&str> = whose.into_iter().flatten().collect();
    if whose.is_empty() {
        f.cause.words().to_owned()
    } else {
        format!("{} ({})", f.cause.words(), whose.join(", "))
    }
}

struct Page<'a> {
    out: Vec<PageLine>,
    width: usize,
    clock: &'a dyn Fn(u64) -> String,
}

impl Page<'_> {
    fn line(&mut self, text: String, mood: Mood) {
        self.out.push(PageLine { text, mood, heading: false, verb: None });
    }

    fn blank(&mut self) {
        self.line(String::new(), Mood::Plain);
    }

    fn head(&mut self, text: &str) {
        self.blank();
        self.out.push(PageLine { text: text.to_owned(), mood: Mood::Plain, heading: true, verb: None });
    }

    /// `text` behind `first`, broken at blanks, its further lines under each other.
    fn hung(&mut self, first: &str, text: &str, mood: Mood) {
        let indent = fit::width(first);
        for (n, line) in fit::wrap(&show(text), self.width.saturating_sub(indent)).into_iter().enumerate() {
            let head = if n == 0 { first.to_owned() } else { " ".repeat(indent) };
            self.line(format!("{head}{line}").trim_end().to_owned(), mood);
        }
    }

    fn labelled(&mut self, label: &str, text: &str, mood: Mood) {
        self.hung(&format!("{label:<MARGIN$}"), text, mood);
    }

    fn ruled_out(&mut self, all: &[RuledOut]) {
        for (n, r) in all.iter().enumerate() {
            let label = if n == 0 { "not" } else { "" };
            self.labelled(label, &format!("{}: {}", r.cause.words(), r.how), Mood::Plain);
        }
    }

    /// The newest of the evidence.
    fn proof(&mut self, f: &Finding, most: usize) {
        self.notes("Evidence, newest last", &f.evidence[f.evidence.len().saturating_sub(most)..]);
    }

    fn notes(&mut self, title: &str, notes: &[Note]) {
        if !notes.is_empty() {
            self.head(title);
        }
        for Note { at_ms, text } in notes {
            let time = at_ms.map(self.clock).unwrap_or_default();
            self.hung(&format!("{:<TIME$}", format!(" {time}")), text, Mood::Plain);
        }
    }

    fn offers(&mut self, f: &Finding) {
        if !f.offers.is_empty() {
            self.head("What you can do (nothing has been done)");
            for offer in &f.offers {
                self.offer(offer);
            }
        }
    }

    fn offer(&mut self, o: &Offer) {
        let undo = match &o.undo {
            Undo::ChangesNothing => "only looks".to_owned(),
            Undo::By(verb) => format!("undo: {verb}"),
            Undo::CannotBeUndone => "cannot be undone".to_owned(),
            Undo::NotKnown if o.verb.is_empty() => String::new(),
            Undo::NotKnown => "whether it can be undone is not known".to_owned(),
        };
        let undo = if o.danger { format!("DANGER, {undo}") } else { undo };
        if o.verb.is_empty() {
            return self.hung("  - ", &o.text, Mood::Plain);
        }
        self.verb("  ", &o.verb);
        self.hung("     ", &o.text, Mood::Plain);
        if !undo.is_empty() {
            self.hung("     ", &undo, if o.danger { Mood::Bad } else { Mood::Plain });
        }
    }

    /// A command is never broken: whoever copies it must get all of it.
    fn verb(&mut self, indent: &str, verb: &str) {
        let verb = show(verb).into_owned();
        let text = format!("{indent}{verb}");
        self.out.push(PageLine { text, mood: Mood::Good, heading: false, verb: Some(verb) });
    }

    /// What is no fault: a sentence each, with the command that would change it.
    fn section<'a>(&mut self, title: &str, findings: impl Iterator<Item = &'a Finding>) {
        for (n, f) in findings.enumerate() {
            if n == 0 {
                self.head(title);
            }
            self.hung("  - ", &format!("{}: {}", f.cause.words(), f.sentence), Mood::Plain);
            for offer in f.offers.iter().filter(|o| !o.verb.is_empty()) {
                self.verb("    ", &offer.verb);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(write: impl Fn(&mut Page<'_>)) -> Vec<String> {
        let mut page = Page { out: Vec::new(), width: 80, clock: &|ms| ms.to_string() };
        write(&mut page);
        page.out.into_iter().map(|line| line.text).collect()
    }

    #[test]
    fn text_is_broken_at_blanks_and_hangs_under_its_label() {
        let all = lines(|p| p.labelled("why", &"word ".repeat(40), Mood::Plain));
        assert!(all.len() > 2 && all.iter().all(|l| fit::width(l) <= 80), "{all:#?}");
        assert!(all[0].starts_with("why     word") && all[1].starts_with("        word"));
        let long = lines(|p| p.labelled("", &format!("see /{}", "x".repeat(200)), Mood::Plain));
        assert!(long.iter().all(|l| fit::width(l) <= 80), "{long:#?}");
        let joined: String = long.iter().map(|l| l.trim()).collect();
        assert_eq!(joined.matches('x').count(), 200);
    }

    #[test]
    fn nothing_from_outside_is_shown_as_it_is() {
        let all = lines(|p| p.hung("  - ", "a\u{1b}[2Jb\nFAKE", Mood::Plain));
        assert_eq!(all, ["  - a\\x1b[2Jb\\nFAKE"]);
    }
}
