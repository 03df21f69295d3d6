//! Collects what is wrong with a request's body, each fault with its place, so that people see all at once.

use std::fmt::Display;
use std::ops::RangeInclusive;
use std::time::Duration;

use segue_model::manifest::rules::Contradiction;
use segue_model::spec::bounds;

use super::millis;
use crate::problem::{FieldError, Problem, ProblemCode};

/// What is wrong so far.
#[derive(Default)]
pub(crate) struct Faults(Vec<FieldError>);

impl Faults {
    pub(crate) fn add(&mut self, pointer: &str, detail: impl Into<String>) {
        self.0.push(FieldError {
            pointer: pointer.to_owned(),
            detail: detail.into(),
        });
    }

    /// What the model finds contradictory, at the members that it names.
    pub(super) fn contradictions(&mut self, at: &str, found: Vec<Contradiction>) {
        for one in found {
            let detail = format!("{}; {}", one.reason, one.suggestion);
            self.add(&format!("{at}/{}", one.key), detail);
        }
    }

    pub(crate) fn parse<T, E: Display>(&mut self, at: &str, parsed: Result<T, E>) -> Option<T> {
        parsed.map_err(|error| self.add(at, error.to_string())).ok()
    }

    pub(super) fn range<T: PartialOrd + Copy + Display>(
        &mut self,
        at: &str,
        value: T,
        range: RangeInclusive<T>,
    ) -> T {
        if !range.contains(&value) {
            self.add(at, format!("{} to {}", range.start(), range.end()));
        }
        value
    }

    pub(super) fn millis(
        &mut self,
        at: &str,
        value: u64,
        range: RangeInclusive<Duration>,
    ) -> Duration {
        let range = millis(*range.start())..=millis(*range.end());
        Duration::from_millis(self.range(at, value, range))
    }

    /// A command written as its arguments; whether it is one.
    pub(super) fn argv(&mut self, at: &str, argv: &[String]) -> bool {
        let fine = bounds::is_argv(argv);
        if !fine {
            let (words, chars) = (bounds::ARGUMENTS, bounds::ARGUMENT_CHARS);
            let detail =
                format!("1 to {words} arguments of at most {chars} characters, without NUL");
            self.add(at, detail);
        }
        fine
    }

    /// The value of a variable.
    pub(crate) fn value(&mut self, at: &str, value: &str) {
        if !bounds::is_value(value) {
            let most = bounds::VALUE_BYTES;
            self.add(at, format!("at most {most} bytes, without NUL"));
        }
    }

    /// The value, if nothing is wrong.
    pub(crate) fn end<T>(self, value: T) -> Result<T, Problem> {
        let Some(first) = self.0.first() else {
            return Ok(value);
        };
        let detail = if first.pointer.is_empty() {
            first.detail.clone()
        } else {
            format!("{}: {}", first.pointer, first.detail)
        };
        let mut problem = Problem::new(ProblemCode::Invalid, detail);
        problem.errors = self.0;
        Err(problem)
    }
}

/// A name as part of a JSON pointer, cut to what people can read.
pub(crate) fn escape(key: &str) -> String {
    key.chars()
        .take(80)
        .collect::<String>()
        .replace('~', "~0")
        .replace('/', "~1")
}
