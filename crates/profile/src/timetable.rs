//! Limits by the time of day: `Mon-Fri 08:00-18:00 50 MiB/s`. Pure: the time is passed in, in whatever zone the peer's machine has.

use std::fmt;
use twinhaul_units::{Rate, text::show};

const DAYS: [&str; 7] = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];
const DAY_MINUTES: u16 = 24 * 60;
/// Lines of one timetable.
pub(crate) const ENTRIES_MAX: usize = 64;
const EXPECTED: &str =
    "days, hours and a limit, such as \"Mon-Fri 08:00-18:00 50 MiB/s\" or \"daily 22:00-06:00 none\"";

/// A limit, and hours in which another one holds: the first line that fits decides. The time is that of the peer's machine.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Bandwidth {
    /// `None`: no limit.
    pub limit: Option<Rate>,
    pub timetable: Vec<Hours>,
}

impl Bandwidth {
    /// What holds then. `day` 0 is Monday, `minute` is that of the day.
    pub fn at(&self, day: u8, minute: u16) -> Option<Rate> {
        hours_at(&self.timetable, day, minute).map_or(self.limit, |hours| hours.limit)
    }
}

/// One line of a timetable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hours {
    /// Days on which it begins, Monday in the lowest bit.
    days: u8,
    /// Minutes of the day; `to` is up to 1440. If it is not later than `from`, the hours end on the next day.
    from: u16,
    to: u16,
    /// `None`: no limit in these hours.
    pub limit: Option<Rate>,
}

impl Hours {
    /// Reads one line.
    ///
    /// # Errors
    /// What was expected, in words.
    pub fn parse(text: &str) -> Result<Self, String> {
        let bad = || format!("expected {EXPECTED}, found \"{}\"", show(text));
        let mut words = text.split_whitespace();
        let days = words.next().and_then(days).ok_or_else(bad)?;
        let (from, to) = words.next().and_then(|hours| hours.split_once('-')).ok_or_else(bad)?;
        let (from, to) =
            minutes(from).zip(minutes(to)).filter(|(from, _)| *from < DAY_MINUTES).ok_or_else(bad)?;
        if from == to {
            return Err(format!("\"{}\" ends when it begins; a whole day is 00:00-24:00", show(text)));
        }
        let limit = match words.collect::<Vec<_>>().join(" ").as_str() {
            "none" => None,
            rate => Some(Rate::parse(rate).map_err(|_| bad())?),
        };
        Ok(Self { days, from, to, limit })
    }

    /// Whether they hold at this minute; `day` 0 is Monday.
    fn hold(&self, day: u8, minute: u16) -> bool {
        let begins = |day: u8| self.days & (1 << (day % 7)) != 0;
        if self.from < self.to {
            return begins(day) && (self.from..self.to).contains(&minute);
        }
        (begins(day) && minute >= self.from) || (begins(day + 6) && minute < self.to)
    }
}

/// The first line that holds; `None`: none does.
fn hours_at(timetable: &[Hours], day: u8, minute: u16) -> Option<&Hours> {
    timetable.iter().find(|hours| hours.hold(day, minute))
}

/// "daily", "Mon-Fri", "Sat,Sun", "Fri-Mon,Wed".
fn days(text: &str) -> Option<u8> {
    if text.eq_ignore_ascii_case("daily") {
        return Some(0x7f);
    }
    let day = |name: &str| DAYS.iter().position(|day| day.eq_ignore_ascii_case(name));
    let mut mask = 0;
    for part in text.split(',') {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        let (first, last) = (day(first)?, day(last)?);
        for step in 0..=(last + 7 - first) % 7 {
            mask |= 1 << ((first + step) % 7);
        }
    }
    Some(mask)
}

/// "08:00" to "24:00".
fn minutes(text: &str) -> Option<u16> {
    let (hour, minute) = text.split_once(':')?;
    let two =
        |digits: &str| digits.bytes().all(|b| b.is_ascii_digit()).then(|| digits.parse::<u16>().ok())?;
    let (hour, minute) = (two(hour)?, two(minute).filter(|m| *m < 60)?);
    Some(hour.checked_mul(60)? + minute).filter(|all| *all <= DAY_MINUTES)
}

/// As it can be read again.
impl fmt::Display for Hours {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.days == 0x7f {
            f.write_str("daily")?;
        } else {
            let named: Vec<_> =
                (0..7).filter(|day| self.days & (1 << day) != 0).map(|day| DAYS[day]).collect();
            f.write_str(&named.join(","))?;
        }
        let clock = |minutes: u16| format!("{:02}:{:02}", minutes / 60, minutes % 60);
        write!(f, " {}-{} ", clock(self.from), clock(self.to))?;
        match self.limit {
            // Exact, where a rate is shown rounded.
            Some(Rate(bytes)) => write!(f, "{bytes} B/s"),
            None => f.write_str("none"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Megabytes a second, "none", or "-" where no line holds.
    fn at(lines: &[&str], day: u8, clock: &str) -> String {
        let timetable: Vec<Hours> = lines.iter().map(|line| Hours::parse(line).unwrap()).collect();
        let hours = hours_at(&timetable, day, minutes(clock).unwrap());
        let words = |limit: Option<Rate>| limit.map_or_else(|| "none".into(), |r| (r.0 >> 20).to_string());
        hours.map_or_else(|| "-".into(), |hours| words(hours.limit))
    }

    #[test]
    fn the_first_line_that_holds_decides() {
        let office =
            ["Mon-Fri 08:00-18:00 50 MiB/s", "Sat,Sun 00:00-24:00 none", "daily 06:00-22:00 100 MiB/s"];
        assert_eq!(at(&office, 0, "08:00"), "50");
        assert_eq!(at(&office, 4, "17:59"), "50");
        assert_eq!(at(&office, 4, "18:00"), "100");
        assert_eq!(at(&office, 5, "12:00"), "none");
        assert_eq!(at(&office, 2, "22:00"), "-");
        assert_eq!(at(&[], 2, "22:00"), "-");
    }

    #[test]
    fn a_night_belongs_to_the_day_on_which_it_begins() {
        let night = ["Fri 22:00-06:00 1 MiB/s"];
        assert_eq!(at(&night, 4, "21:59"), "-");
        assert_eq!((at(&night, 4, "23:00"), at(&night, 5, "05:59")), ("1".into(), "1".into()));
        assert_eq!(at(&night, 5, "06:00"), "-");
        assert_eq!(at(&night, 4, "05:00"), "-", "that is Thursday's night");
        assert_eq!(at(&["Sun 23:00-01:00 none"], 0, "00:30"), "none", "over the end of the week");
        assert_eq!(at(&["Fri-Mon 00:00-24:00 none"], 6, "00:00"), "none");
        assert_eq!(at(&["Fri-Mon 00:00-24:00 none"], 1, "00:00"), "-");
    }

    #[test]
    fn what_is_written_reads_back() {
        for line in
            ["daily 00:00-24:00 none", "mon-fri 08:00-18:30 50 MiB/s", "Sun,Wed 22:00-06:00 1.5 GiB/s"]
        {
            let hours = Hours::parse(line).unwrap();
            assert_eq!(Hours::parse(&hours.to_string()), Ok(hours), "{hours}");
        }
    }

    #[test]
    fn mistakes_are_told_with_what_was_expected() {
        for bad in [
            "",
            "daily",
            "daily 08:00-18:00",
            "Mo 08:00-18:00 none",
            "daily 8-18 none",
            "daily 08:00-25:00 none",
            "daily 24:00-08:00 none",
            "daily 08:60-09:00 none",
            "daily 08:00-18:00 50 MiB",
            "daily +8:00-9:00 none",
        ] {
            let told = Hours::parse(bad).unwrap_err();
            assert!(told.contains("Mon-Fri 08:00-18:00 50 MiB/s"), "{bad}: {told}");
        }
        assert!(Hours::parse("daily 08:00-08:00 none").unwrap_err().contains("00:00-24:00"));
    }
}
