//! Dates of labels: `cyyddd`, where c is a blank for 19yy and a digit for each century after.

use std::time::SystemTime;

const DAY_S: u64 = 86_400;

/// Seconds since 1970, now.
pub fn now_s() -> u64 {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0, |d| d.as_secs())
}

/// The label's date of a moment (seconds since 1970).
pub fn julian(at_s: u64) -> String {
    let (year, day) = year_and_day(at_s / DAY_S);
    let century = match year / 100 {
        19 => ' ',
        c => char::from_digit(((c + 10 - 20) % 10) as u32, 10).unwrap_or('0'),
    };
    format!("{century}{:02}{:03}", year % 100, day)
}

/// `2026-11-22T20:15:10Z`.
pub fn iso(at_s: u64) -> String {
    let (year, mut day) = year_and_day(at_s / DAY_S);
    let mut month = 0;
    while day > month_days(year, month) {
        day -= month_days(year, month);
        month += 1;
    }
    let t = at_s % DAY_S;
    format!("{year:04}-{:02}-{day:02}T{:02}:{:02}:{:02}Z", month + 1, t / 3600, t / 60 % 60, t % 60)
}

fn leap(year: u64) -> bool {
    (year.is_multiple_of(4) && !year.is_multiple_of(100)) || year.is_multiple_of(400)
}

fn month_days(year: u64, month: usize) -> u64 {
    const DAYS: [u64; 12] = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    DAYS.get(month).copied().unwrap_or(u64::MAX) + u64::from(month == 1 && leap(year))
}

/// Year, and day of the year from 1.
fn year_and_day(mut days: u64) -> (u64, u64) {
    let mut year = 1970;
    loop {
        let length = if leap(year) { 366 } else { 365 };
        if days < length {
            return (year, days + 1);
        }
        days -= length;
        year += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_of_a_year() {
        assert_eq!(julian(0), " 70001");
        assert_eq!(julian(1_795_382_110), "026326");
        assert_eq!(julian(951_782_400), "000060", "29 February 2000");
        assert_eq!(julian(978_220_800), "000366");
    }

    #[test]
    fn moments_for_people() {
        assert_eq!(iso(0), "1970-01-01T00:00:00Z");
        assert_eq!(iso(951_782_399), "2000-02-28T23:59:59Z");
        assert_eq!(iso(951_782_400), "2000-02-29T00:00:00Z");
        assert_eq!(iso(1_795_382_110), "2026-11-22T21:15:10Z");
    }
}
