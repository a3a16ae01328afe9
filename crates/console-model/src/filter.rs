//! The filter language of lists: `/` in the console, one line, applied while it is typed.
//!
//! Words are parts of the row's text, whatever their case; `!word` must not be in it; `field:value` looks into one field,
//! `field>number` compares (`size>10G`, `rate<1M`, `eta>5m`, `try>=2`). Blanks mean "and", a comma "or":
//! `raw peer:alpha,state:stall !tmp`.

use twinhaul_units::{Bytes, Span};

/// Characters that a filter has at most.
pub const FILTER_MAX: usize = 120;

/// What one field of a row holds.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    Text(String),
    /// Bytes, bytes a second, seconds, or a count.
    Number(f64),
    /// The field is there and not known now (`eta` of what stands): no comparison is true.
    Unknown,
}

/// A row that can be filtered.
pub trait Facts {
    /// What words are looked for in.
    fn text(&self) -> String;
    /// `None`: rows of this list have no such field.
    fn field(&self, name: &str) -> Option<Value>;
}

/// A line of the language, read.
#[derive(Clone, Debug, PartialEq)]
pub struct Filter {
    source: String,
    /// All of these must hold; of each, one of its alternatives.
    all: Vec<Vec<Term>>,
}

#[derive(Clone, Debug, PartialEq)]
struct Term {
    not: bool,
    test: Test,
}

#[derive(Clone, Debug, PartialEq)]
enum Test {
    Word(String),
    Is { field: String, value: String },
    Compare { field: String, op: Op, number: f64 },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Op {
    More,
    Less,
    AtLeast,
    AtMost,
}

const OPS: [(&str, Op); 4] = [(">=", Op::AtLeast), ("<=", Op::AtMost), (">", Op::More), ("<", Op::Less)];

impl Filter {
    /// Reads a line; `None` when there is nothing in it.
    ///
    /// `fields` are those that rows of the list have.
    ///
    /// # Errors
    /// In words, for the operator: a field that is not known, a number that cannot be read.
    pub fn parse(line: &str, fields: &[&str]) -> Result<Option<Self>, String> {
        let read = |word: &str| {
            let alternatives = word.split(',').filter(|t| !t.is_empty() && *t != "!");
            alternatives.map(|t| term(t, fields)).collect::<Result<Vec<_>, _>>()
        };
        let all = line.split_whitespace().map(read).collect::<Result<Vec<_>, _>>()?;
        let all: Vec<_> = all.into_iter().filter(|or| !or.is_empty()).collect();
        Ok((!all.is_empty()).then(|| Self { source: line.trim().to_owned(), all }))
    }

    /// As it was typed.
    pub fn source(&self) -> &str {
        &self.source
    }

    pub fn keeps(&self, row: &impl Facts) -> bool {
        let text = row.text().to_lowercase();
        self.all.iter().all(|or| or.iter().any(|term| term.holds(row, &text)))
    }
}

impl Term {
    fn holds(&self, row: &impl Facts, text: &str) -> bool {
        let is = match &self.test {
            Test::Word(word) => text.contains(word),
            Test::Is { field, value } => match row.field(field) {
                Some(Value::Text(text)) => text.to_lowercase().contains(value),
                // Counts, bytes and seconds: half a one is none.
                Some(Value::Number(n)) => number(value).is_some_and(|wanted| (n - wanted).abs() < 0.5),
                Some(Value::Unknown) | None => false,
            },
            Test::Compare { field, op, number } => match row.field(field) {
                Some(Value::Number(n)) => match op {
                    Op::More => n > *number,
                    Op::Less => n < *number,
                    Op::AtLeast => n >= *number,
                    Op::AtMost => n <= *number,
                },
                _ => false,
            },
        };
        is != self.not
    }
}

fn term(text: &str, fields: &[&str]) -> Result<Term, String> {
    let (not, text) = text.strip_prefix('!').map_or((false, text), |rest| (true, rest));
    let known = |field: &str| {
        let field = field.to_lowercase();
        if fields.contains(&field.as_str()) {
            Ok(field)
        } else {
            Err(format!("no field \"{field}\" here; fields are {}", fields.join(", ")))
        }
    };
    // The first sign decides, so that a value may hold others.
    let ops = OPS.iter().filter_map(|(sign, op)| text.find(sign).map(|at| (at, *sign, *op)));
    let first = ops.min_by_key(|(at, sign, _)| (*at, std::cmp::Reverse(sign.len())));
    let colon = text.find(':');
    let test = match (first, colon) {
        (Some((at, sign, op)), colon) if colon.is_none_or(|c| at < c) && at > 0 => {
            let (field, value) = (known(&text[..at])?, &text[at + sign.len()..]);
            let wrong = || format!("\"{value}\" is no number; such as {field}{sign}10, 1.5G, 30s");
            Test::Compare { number: number(value).ok_or_else(wrong)?, field, op }
        }
        (_, Some(at)) if at > 0 => {
            Test::Is { field: known(&text[..at])?, value: text[at + 1..].to_lowercase() }
        }
        _ => Test::Word(text.to_lowercase()),
    };
    Ok(Term { not, test })
}

/// `10`, `1.5G`, `16MiB`, `30s`, `5m` (minutes: nothing here is measured in millions of anything but bytes, which say `M`).
fn number(text: &str) -> Option<f64> {
    let text = text.strip_suffix("/s").unwrap_or(text);
    if let Ok(plain) = text.parse::<f64>() {
        return plain.is_finite().then_some(plain);
    }
    match Span::parse(text) {
        Ok(span) => Some(span.0.as_secs_f64()),
        Err(_) => Bytes::parse(text).ok().map(|b| b.0 as f64),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Row;
    impl Facts for Row {
        fn text(&self) -> String {
            "Video/Raw/cam2.mxf".into()
        }
        fn field(&self, name: &str) -> Option<Value> {
            Some(match name {
                "peer" => Value::Text("beta".into()),
                "size" => Value::Number(20.0 * 1024.0 * 1024.0 * 1024.0),
                "age" => Value::Number(90.0),
                "eta" => Value::Unknown,
                _ => return None,
            })
        }
    }

    const FIELDS: &[&str] = &["peer", "size", "age", "eta"];

    #[test]
    fn the_language() {
        for (line, keeps) in [
            ("", true),
            ("  ", true),
            ("raw", true),
            ("RAW cam", true),
            ("raw tape", false),
            ("!tape", true),
            ("!raw", false),
            ("tape,raw", true),
            ("peer:beta", true),
            ("peer:BE", true),
            ("!peer:beta", false),
            ("peer:alpha,size>10G", true),
            ("peer:alpha size>10G", false),
            ("size>20G", false),
            ("size>=20GiB", true),
            ("size<1T", true),
            ("age>1m age<2m", true),
            ("age:90", true),
            ("eta>0", false),
            ("eta<1h", false),
            ("!", true),
            (",", true),
        ] {
            let filter = Filter::parse(line, FIELDS).unwrap();
            assert_eq!(filter.is_none_or(|f| f.keeps(&Row)), keeps, "{line}");
        }
    }

    #[test]
    fn what_cannot_be_meant_says_why() {
        for (line, words) in [
            ("sze>10G", "no field \"sze\" here; fields are peer, size"),
            ("state:stall", "no field \"state\""),
            ("size>big", "\"big\" is no number"),
            ("size>", "\"\" is no number"),
        ] {
            let why = Filter::parse(line, FIELDS).unwrap_err();
            assert!(why.contains(words), "{line}: {why}");
        }
    }

    #[test]
    fn any_line_is_read_or_refused() {
        proptest::proptest!(|(line in "[a-z:<>=!, 0-9GM\u{e9}]{0,30}")| {
            if let Ok(Some(filter)) = Filter::parse(&line, FIELDS) {
                let _ = filter.keeps(&Row);
            }
        });
    }
}
