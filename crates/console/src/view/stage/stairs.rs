//! A ratio's past as stairs: a step up where too little was given, a step down where it was too much.

/// Columns of one step with its riser.
const STEP: usize = 6;
/// Rows between the lowest and the highest step, at most.
const RISE_MAX: usize = 3;

/// The last values of a ratio, oldest first, as rows of text in at most `width` columns; empty while nothing moved.
pub(super) fn stairs(values: &[f64], width: usize) -> Vec<String> {
    let fits = width / STEP;
    let shown = &values[values.len().saturating_sub(fits)..];
    if values.len() < 2 || shown.len() < 2 {
        return Vec::new();
    }
    let (low, high) = shown.iter().fold((f64::MAX, f64::MIN), |(l, h), v| (l.min(*v), h.max(*v)));
    let mut distinct = shown.to_vec();
    distinct.sort_by(f64::total_cmp);
    distinct.dedup();
    let rise = (distinct.len() - 1).min(RISE_MAX);
    let level = |v: f64| {
        if high > low { ((v - low) / (high - low) * rise as f64).round() as usize } else { 0 }
    };
    let mut rows = vec![vec![' '; shown.len() * STEP]; rise + 2];
    let bottom = rise + 1;
    for (i, value) in shown.iter().enumerate() {
        let (x, at) = (i * STEP, level(*value));
        rows[bottom - at][x + 1..x + STEP].fill('_');
        for (column, c) in (x + 2..).zip(format!("{value:.2}").trim_start_matches('0').chars()) {
            rows[bottom - at - 1][column] = c;
        }
        if let Some(before) = i.checked_sub(1).map(|b| level(shown[b])) {
            for between in before.min(at)..before.max(at) {
                rows[bottom - between][x] = '|';
            }
        }
    }
    let text = |row: Vec<char>| row.into_iter().collect::<String>().trim_end().to_owned();
    rows.into_iter().map(text).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn up_up_down() {
        let drawn = stairs(&[0.50, 0.55, 0.60, 0.55], 30);
        assert_eq!(
            drawn,
            ["              .60", "        .55  _____  .55", "  .50  _____|     |_____", " _____|"]
        );
    }

    #[test]
    fn nothing_is_drawn_of_a_ratio_that_has_not_moved() {
        assert!(stairs(&[0.5], 30).is_empty() && stairs(&[], 30).is_empty());
        assert!(stairs(&[0.5, 0.6], 7).is_empty(), "no room for a step");
        assert_eq!(stairs(&[0.2, 0.5, 0.6], 13).len(), 3, "the last two");
    }

    #[test]
    fn equal_values_are_one_level() {
        assert_eq!(stairs(&[0.95, 0.95], 12), ["  .95   .95", " _____ _____"]);
    }
}
