//! `${NAME}` in values of compose files.

/// A text with its variables filled in from their defaults.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Filled {
    pub text: String,
    /// Variables whose default was taken.
    pub defaults: Vec<String>,
}

/// A variable without a default: its value is the shell's, and unknown here.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Missing(pub String);

/// Fills a text.
pub(super) fn fill(text: &str) -> Result<Filled, Missing> {
    let mut filled = Filled {
        text: String::with_capacity(text.len()),
        defaults: Vec::new(),
    };
    let mut rest = text;
    while let Some((before, behind)) = rest.split_once('$') {
        filled.text.push_str(before);
        if let Some(behind) = behind.strip_prefix('$') {
            filled.text.push('$');
            rest = behind;
        } else if let Some(inner) = behind.strip_prefix('{') {
            let end = closing(inner).ok_or_else(|| Missing(shortened(inner)))?;
            let (inside, behind) = inner.split_at_checked(end).unwrap_or((inner, ""));
            braced(inside, &mut filled)?;
            rest = behind.strip_prefix('}').unwrap_or(behind);
        } else {
            let end = name_end(behind);
            match behind.split_at_checked(end) {
                Some((name, _)) if !name.is_empty() => return Err(Missing(name.to_owned())),
                _ => filled.text.push('$'),
            }
            rest = behind;
        }
    }
    filled.text.push_str(rest);
    Ok(filled)
}

fn shortened(text: &str) -> String {
    text.chars().take(40).collect()
}

fn name_end(text: &str) -> usize {
    let name = |c: char| c.is_ascii_alphanumeric() || c == '_';
    if text.starts_with(|c: char| c.is_ascii_digit()) {
        return 0;
    }
    text.find(|c| !name(c)).unwrap_or(text.len())
}

/// The place of the brace that closes, those of variables inside of a default left alone.
fn closing(text: &str) -> Option<usize> {
    let mut depth = 0u32;
    for (at, c) in text.char_indices() {
        match c {
            '{' => depth += 1,
            '}' if depth == 0 => return Some(at),
            '}' => depth -= 1,
            _ => {}
        }
    }
    None
}

fn braced(inside: &str, filled: &mut Filled) -> Result<(), Missing> {
    let (name, how) = inside
        .split_at_checked(name_end(inside))
        .unwrap_or((inside, ""));
    let missing = || Missing(shortened(if name.is_empty() { inside } else { name }));
    let default = how
        .strip_prefix(":-")
        .or_else(|| how.strip_prefix('-'))
        .ok_or_else(missing)?;
    if default.contains('$') || name.is_empty() {
        return Err(missing());
    }
    filled.text.push_str(default);
    filled.defaults.push(name.to_owned());
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn defaults_are_taken_and_what_has_none_is_named() {
        let text = |input: &str| fill(input).map(|filled| filled.text);
        assert_eq!(text("a"), Ok("a".into()));
        assert_eq!(text("$$HOME $ 5$"), Ok("$HOME $ 5$".into()));
        assert_eq!(text("x:${TAG:-1.25}-${A-}b"), Ok("x:1.25-b".into()));
        for (input, name) in [
            ("${TAG}", "TAG"),
            ("$TAG/x", "TAG"),
            ("${TAG:?must}", "TAG"),
            ("${TAG:+x}", "TAG"),
            ("${A:-${B}}", "A"),
            ("${A", "A"),
            ("${}", ""),
        ] {
            assert_eq!(text(input), Err(Missing(name.into())), "{input}");
        }
        assert_eq!(fill("${A:-1}").unwrap().defaults, ["A"]);
    }
}
