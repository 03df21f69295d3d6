//! Extra certificates for every stage of a Dockerfile.
//!
//! Pure text work. After each `FROM` the bundle is copied to a fixed path, and `ARG`s name it under the variables that
//! the usual tools read: an `ARG` is in the environment of the steps and not in that of the image.

/// Where the bundle lies in a stage.
const PATH: &str = "/etc/segue-build-ca.pem";

/// Variables by which tools are told of a bundle: OpenSSL, pip and requests, Node, curl, Git, Cargo, Deno.
const VARIABLES: [&str; 8] = [
    "SSL_CERT_FILE",
    "PIP_CERT",
    "REQUESTS_CA_BUNDLE",
    "NODE_EXTRA_CA_CERTS",
    "CURL_CA_BUNDLE",
    "GIT_SSL_CAINFO",
    "CARGO_HTTP_CAINFO",
    "DENO_CERT",
];

/// The text with the bundle at `source` (in the context) given to every stage.
pub(super) fn with_ca(text: &str, source: &str) -> String {
    let args: Vec<String> = VARIABLES
        .iter()
        .map(|name| format!("{name}={PATH}"))
        .collect();
    let insert = format!("COPY {source} {PATH}\nARG {}\n", args.join(" "));
    let mut out = String::with_capacity(text.len() + 4 * insert.len());
    let mut at = At::Start;
    for line in text.split_inclusive('\n') {
        out.push_str(line);
        let (next, from_ends) = at.after(line.trim_end_matches(['\r', '\n']));
        at = next;
        if from_ends {
            if !line.ends_with('\n') {
                out.push('\n');
            }
            out.push_str(&insert);
        }
    }
    out
}

/// Where the reader of lines is.
#[derive(Debug)]
enum At {
    /// At the beginning of an instruction.
    Start,
    /// In an instruction that goes on over lines; whether it is a FROM, and the heredocs that will follow it.
    Continued { from: bool, heredocs: Vec<String> },
    /// In heredocs, until these words in this order.
    Heredoc(Vec<String>),
}

impl At {
    /// The state after a line, and whether a FROM ended with it.
    fn after(self, line: &str) -> (Self, bool) {
        let trimmed = line.trim();
        let (from, mut heredocs) = match self {
            Self::Heredoc(mut words) => {
                if words.first().is_some_and(|word| word == trimmed) {
                    words.remove(0);
                }
                return (
                    if words.is_empty() {
                        Self::Start
                    } else {
                        Self::Heredoc(words)
                    },
                    false,
                );
            }
            // Comments and empty lines stand between and inside instructions.
            other if trimmed.is_empty() || trimmed.starts_with('#') => return (other, false),
            Self::Continued { from, heredocs } => (from, heredocs),
            Self::Start => {
                let word = trimmed.split_whitespace().next().unwrap_or_default();
                (word.eq_ignore_ascii_case("FROM"), Vec::new())
            }
        };
        if !from {
            heredocs.extend(trimmed.split_whitespace().filter_map(heredoc));
        }
        if trimmed.ends_with('\\') {
            return (Self::Continued { from, heredocs }, false);
        }
        (
            if heredocs.is_empty() {
                Self::Start
            } else {
                Self::Heredoc(heredocs)
            },
            from,
        )
    }
}

/// The word that ends a heredoc: `<<EOF`, `<<-EOF`, `<<"EOF"`, with a file descriptor before or not.
fn heredoc(word: &str) -> Option<String> {
    let rest = word
        .trim_start_matches(|c: char| c.is_ascii_digit())
        .strip_prefix("<<")?;
    let rest = rest
        .strip_prefix('-')
        .unwrap_or(rest)
        .trim_matches(['"', '\'']);
    let fits = rest.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
    fits.then(|| rest.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn marked(text: &str) -> String {
        let lines = with_ca(text, "ca");
        lines
            .lines()
            .filter(|line| !line.starts_with("ARG "))
            .collect::<Vec<_>>()
            .join("|")
    }

    #[test]
    fn every_stage_gets_the_bundle_and_nothing_else_changes() {
        let copy = "COPY ca /etc/segue-build-ca.pem";
        assert_eq!(
            marked("FROM a\nRUN x\nfrom b AS c\n"),
            format!("FROM a|{copy}|RUN x|from b AS c|{copy}")
        );
        assert_eq!(marked("FROM a"), format!("FROM a|{copy}"));
        assert_eq!(
            marked("# c\nFROM \\\n# c\n a\nRUN x"),
            format!("# c|FROM \\|# c| a|{copy}|RUN x")
        );
        // Not instructions: the rest of a command, and a file's content.
        assert_eq!(
            marked("FROM a\nRUN echo \\\n FROM b\n"),
            format!("FROM a|{copy}|RUN echo \\| FROM b")
        );
        assert_eq!(
            marked("FROM a\nCOPY <<EOF /Dockerfile\nFROM b\nEOF\nFROM d\n"),
            format!("FROM a|{copy}|COPY <<EOF /Dockerfile|FROM b|EOF|FROM d|{copy}")
        );
        assert!(
            with_ca("FROM a\n", "ca")
                .contains("ARG SSL_CERT_FILE=/etc/segue-build-ca.pem PIP_CERT=")
        );
    }
}
