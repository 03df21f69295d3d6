//! `.dockerignore`: which paths of a source a build does not see.
//!
//! The rules are Docker's: patterns from the root, one per line; `*` and `?` stay within a folder, `**` does not;
//! a pattern that matches a folder takes everything in it; `!` takes back; the last pattern that matches decides.
//! BuildKit applies the file only to folders it reads itself, not to archives that are sent, so it is done here.

/// Lines that are read; what a person writes has fewer.
const MOST_PATTERNS: usize = 500;

/// Characters of a pattern.
const MOST_CHARS: usize = 512;

/// A parsed `.dockerignore`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Ignore {
    patterns: Vec<Pattern>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Pattern {
    takes_back: bool,
    tokens: Vec<Token>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Token {
    Char(char),
    /// `?`: one character, not `/`.
    One,
    /// `*`: any characters but `/`.
    Many,
    /// `**`: any characters.
    All,
    /// `**/`: nothing, or any folders.
    Folders,
    /// `[a-z]`, `[^a-z]`.
    Class {
        negated: bool,
        ranges: Vec<(char, char)>,
    },
}

impl Ignore {
    /// Reads the file. A pattern that is longer than 512 characters, or that comes after 500 others, is left out:
    /// a build then sees more than it should, never less.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        let lines = text.trim_start_matches('\u{feff}').lines().map(str::trim);
        let lines = lines.filter(|line| !line.is_empty() && !line.starts_with('#'));
        let patterns = lines
            .filter(|line| line.chars().count() <= MOST_CHARS)
            .take(MOST_PATTERNS)
            .filter_map(pattern);
        Self {
            patterns: patterns.collect(),
        }
    }

    /// Whether nothing is excluded.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.patterns.is_empty()
    }

    /// Whether a build does not see this path (in the canonical form of the archive).
    #[must_use]
    pub fn excludes(&self, path: &str) -> bool {
        let chars: Vec<char> = path.chars().collect();
        let mut excluded = false;
        for pattern in &self.patterns {
            // Only a pattern that would change the answer needs to be looked at.
            if excluded == pattern.takes_back && pattern.matches(&chars) {
                excluded = !pattern.takes_back;
            }
        }
        excluded
    }
}

/// One line, in the canonical form of paths; `None` if nothing is left of it.
fn pattern(line: &str) -> Option<Pattern> {
    let (takes_back, line) = match line.strip_prefix('!') {
        Some(rest) => (true, rest.trim()),
        None => (false, line),
    };
    let mut parts: Vec<&str> = Vec::new();
    for part in line.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop();
            }
            _ => parts.push(part),
        }
    }
    let tokens = tokens(&parts.join("/"));
    (!tokens.is_empty()).then_some(Pattern { takes_back, tokens })
}

fn tokens(text: &str) -> Vec<Token> {
    let mut tokens = Vec::new();
    let mut chars = text.chars().peekable();
    while let Some(char) = chars.next() {
        tokens.push(match char {
            '*' if chars.next_if_eq(&'*').is_some() => {
                while chars.next_if_eq(&'*').is_some() {}
                if chars.next_if_eq(&'/').is_some() {
                    Token::Folders
                } else {
                    Token::All
                }
            }
            '*' => Token::Many,
            '?' => Token::One,
            '\\' => Token::Char(chars.next().unwrap_or('\\')),
            '[' => match class(&mut chars) {
                Some(class) => class,
                // Not closed: Docker calls the pattern bad; it matches nothing.
                None => return Vec::new(),
            },
            other => Token::Char(other),
        });
    }
    tokens
}

fn class(chars: &mut std::iter::Peekable<std::str::Chars<'_>>) -> Option<Token> {
    let negated = chars.next_if_eq(&'^').is_some();
    let mut ranges = Vec::new();
    loop {
        let from = match chars.next()? {
            ']' if !ranges.is_empty() => return Some(Token::Class { negated, ranges }),
            '\\' => chars.next()?,
            other => other,
        };
        let to = if chars.next_if_eq(&'-').is_some() {
            chars.next()?
        } else {
            from
        };
        ranges.push((from, to));
    }
}

impl Pattern {
    /// Whether the pattern matches the path or a folder above it: all places in the pattern at once, so that no
    /// pattern takes more than its length times the path's.
    fn matches(&self, path: &[char]) -> bool {
        let length = self.tokens.len();
        let mut at = vec![false; length + 1];
        if let Some(first) = at.first_mut() {
            *first = true;
        }
        self.skip(&mut at, true);
        for (index, char) in path.iter().enumerate() {
            if *char == '/' && at.last() == Some(&true) {
                return true;
            }
            let mut next = vec![false; length + 1];
            for (place, token) in self.tokens.iter().enumerate() {
                if at.get(place) != Some(&true) {
                    continue;
                }
                let (stays, goes) = match token {
                    Token::Char(wanted) => (false, wanted == char),
                    Token::One => (false, *char != '/'),
                    Token::Many => (*char != '/', false),
                    Token::All => (true, false),
                    Token::Folders => (true, *char == '/'),
                    Token::Class { negated, ranges } => {
                        let within = ranges.iter().any(|(from, to)| (from..=to).contains(&char));
                        (false, *char != '/' && within != *negated)
                    }
                };
                for (to, reached) in [(place, stays), (place + 1, goes)] {
                    if let Some(slot) = next.get_mut(to) {
                        *slot |= reached;
                    }
                }
            }
            at = next;
            self.skip(&mut at, path.get(index) == Some(&'/'));
            if !at.contains(&true) {
                return false;
            }
        }
        at.last() == Some(&true)
    }

    /// Passes over tokens that may match nothing. `**/` may only where a folder begins.
    fn skip(&self, at: &mut [bool], folder_begins: bool) {
        for (place, token) in self.tokens.iter().enumerate() {
            let may = match token {
                Token::Many | Token::All => true,
                Token::Folders => folder_begins,
                Token::Char(_) | Token::One | Token::Class { .. } => false,
            };
            if may
                && at.get(place) == Some(&true)
                && let Some(next) = at.get_mut(place + 1)
            {
                *next = true;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rules_are_dockers() {
        let cases: &[(&str, &[&str], &[&str])] = &[
            (
                "node_modules",
                &["node_modules", "node_modules/a/b"],
                &["a/node_modules", "node_modules2"],
            ),
            (
                "**/node_modules",
                &["node_modules/x", "a/b/node_modules/c"],
                &["a/xnode_modules"],
            ),
            ("*.md\n!README.md", &["x.md"], &["README.md", "docs/x.md"]),
            (
                "*/temp*",
                &["a/temporary", "a/temp/x"],
                &["temp", "a/b/temp"],
            ),
            ("temp?", &["tempa", "tempb/c"], &["temp", "tempab"]),
            ("/a/./b//c/", &["a/b/c", "a/b/c/d"], &["a/b"]),
            ("a/../b", &["b"], &["a"]),
            ("**/*.pyc", &["x.pyc", "a/b/x.pyc"], &["x.py"]),
            (
                "# all\n\n**\n!src\n!Dockerfile",
                &["x", "a/b"],
                &["src/main.py", "Dockerfile"],
            ),
            (
                "docs/**/*.txt",
                &["docs/x.txt", "docs/a/b/x.txt"],
                &["x.txt", "docs/x.md"],
            ),
            ("[a-c]x", &["ax", "cx"], &["dx"]),
            ("[^a-c]x", &["dx"], &["ax", "/x"]),
            ("\\*x", &["*x"], &["ax"]),
            ("[", &[], &["[", "a"]),
            ("secret\n!secret/ok", &["secret/key"], &["secret/ok"]),
            ("!a\na", &["a"], &["b"]),
            (".", &[], &["a"]),
            ("a**b", &["ab", "a/x/b", "axb/c"], &["a/x"]),
        ];
        for (text, excluded, seen) in cases {
            let ignore = Ignore::parse(text);
            for path in *excluded {
                assert!(ignore.excludes(path), "{text:?} excludes {path}");
            }
            for path in *seen {
                assert!(!ignore.excludes(path), "{text:?} does not exclude {path}");
            }
        }
        assert!(Ignore::parse("# only a comment\n").is_empty());
    }

    #[test]
    fn a_pattern_of_stars_takes_no_time() {
        let ignore = Ignore::parse(&"*a".repeat(200));
        assert!(!ignore.excludes(&"a".repeat(900).replace("aaa", "aab")));
        let ignore = Ignore::parse(&"**/".repeat(150));
        assert!(ignore.excludes(&"d/".repeat(99)));
    }
}
