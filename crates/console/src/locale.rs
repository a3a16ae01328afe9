//! What the terminal can show, from the environment: UTF-8 or ASCII, colour or none.

use crate::Color;

/// Whether to draw with ASCII only: asked for, a dumb or Linux terminal, or a locale that is not UTF-8.
pub(crate) fn ascii(asked: Option<bool>, env: impl Fn(&str) -> Option<String>) -> bool {
    asked.unwrap_or_else(|| {
        let term = env("TERM").unwrap_or_default();
        // The first one that is set decides (POSIX).
        let locale =
            ["LC_ALL", "LC_CTYPE", "LANG"].into_iter().find_map(|name| env(name).filter(|v| !v.is_empty()));
        let locale = locale.unwrap_or_default().to_ascii_lowercase().replace('-', "");
        matches!(term.as_str(), "" | "dumb" | "linux" | "vt100" | "vt220") || !locale.contains("utf8")
    })
}

/// Whether to use colour: `NO_COLOR` (any value but empty) and `TERM=dumb` turn it off (no-color.org).
pub(crate) fn color(asked: Color, env: impl Fn(&str) -> Option<String>) -> bool {
    match asked {
        Color::Always => true,
        Color::Never => false,
        Color::Auto => {
            let no_color = env("NO_COLOR").is_some_and(|v| !v.is_empty());
            !no_color && !matches!(env("TERM").as_deref(), None | Some("" | "dumb"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn env<'a>(pairs: &'a [(&'a str, &'a str)]) -> impl Fn(&str) -> Option<String> + 'a {
        |name| pairs.iter().find(|(n, _)| *n == name).map(|(_, v)| (*v).to_owned())
    }

    #[test]
    fn ascii_follows_the_locale() {
        for (pairs, is) in [
            (&[("TERM", "xterm"), ("LANG", "en_US.UTF-8")][..], false),
            (&[("TERM", "xterm"), ("LANG", "C.utf8")], false),
            (&[("TERM", "xterm"), ("LANG", "en_US.UTF-8"), ("LC_ALL", "C")], true),
            (&[("TERM", "xterm"), ("LC_ALL", ""), ("LANG", "C.UTF-8")], false),
            (&[("TERM", "xterm")], true),
            (&[("TERM", "linux"), ("LANG", "C.UTF-8")], true),
            (&[("LANG", "C.UTF-8")], true),
        ] {
            assert_eq!(ascii(None, env(pairs)), is, "{pairs:?}");
        }
        assert!(ascii(Some(true), env(&[("TERM", "xterm"), ("LANG", "C.UTF-8")])));
    }

    #[test]
    fn no_color_is_honoured() {
        for (asked, pairs, is) in [
            (Color::Auto, &[("TERM", "xterm")][..], true),
            (Color::Auto, &[("TERM", "xterm"), ("NO_COLOR", "1")], false),
            (Color::Auto, &[("TERM", "xterm"), ("NO_COLOR", "")], true),
            (Color::Auto, &[("TERM", "dumb")], false),
            (Color::Auto, &[], false),
            (Color::Always, &[("NO_COLOR", "1")], true),
            (Color::Never, &[("TERM", "xterm")], false),
        ] {
            assert_eq!(color(asked, env(pairs)), is, "{asked:?} {pairs:?}");
        }
    }
}
