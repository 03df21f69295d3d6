//! Procfile: one `name: command` per line.

use std::collections::BTreeMap;

use crate::name::ServiceName;
use crate::spec::Command;

/// A Procfile's processes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Procfile {
    /// Long-running processes.
    pub services: BTreeMap<ServiceName, Command>,
    /// The line `release`: runs once per deployment, before traffic.
    pub release: Option<Command>,
}

/// A line of a Procfile that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("Procfile, line {line}: {reason}")]
pub struct InvalidProcfile {
    /// Line, from 1.
    pub line: usize,
    /// What is wrong.
    pub reason: String,
}

impl Procfile {
    /// Parses the text. Empty lines and lines that start with `#` mean nothing.
    ///
    /// # Errors
    /// The first line that is not `name: command`.
    pub fn parse(text: &str) -> Result<Self, InvalidProcfile> {
        let mut procfile = Self::default();
        for (index, line) in text.trim_start_matches('\u{feff}').lines().enumerate() {
            let trimmed = line.trim();
            if trimmed.is_empty() || trimmed.starts_with('#') {
                continue;
            }
            let invalid = |reason: String| InvalidProcfile {
                line: index + 1,
                reason,
            };
            let (name, command) = trimmed
                .split_once(':')
                .ok_or_else(|| invalid("expected `name: command`".to_owned()))?;
            let name = ServiceName::new(name.trim()).map_err(|e| invalid(e.to_string()))?;
            let command = Command::parse(command).map_err(|e| invalid(e.to_string()))?;
            let twice = if name.as_str() == "release" {
                procfile.release.replace(command).is_some()
            } else {
                procfile.services.insert(name.clone(), command).is_some()
            };
            if twice {
                return Err(invalid(format!("`{name}` stands here twice")));
            }
        }
        Ok(procfile)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_become_services_and_release() {
        let parsed = Procfile::parse(
            "# x\r\nweb: gunicorn a:b\r\n\nconsumer: python c.py\nrelease: python m.py\n",
        )
        .unwrap();
        let names: Vec<&str> = parsed.services.keys().map(ServiceName::as_str).collect();
        assert_eq!(names, ["consumer", "web"]);
        assert_eq!(
            parsed.release,
            Some(Command::Argv(vec!["python".into(), "m.py".into()]))
        );
    }

    #[test]
    fn a_bad_line_is_named() {
        for (text, line) in [
            ("web gunicorn", 1),
            ("web: a\nWeb Server: b", 2),
            ("web: a\nweb: b", 2),
            ("web:", 1),
            ("web: 'a", 1),
        ] {
            assert_eq!(Procfile::parse(text).unwrap_err().line, line, "{text}");
        }
    }
}
