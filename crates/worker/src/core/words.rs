//! Words of failures: evidence that says what its code's sentence does not.
//!
//! Invariant: people read a failure as "sentence (evidence)", so evidence never repeats the sentence, nor itself.

use segue_driver::DriverError;

/// What an engine says, without the words that the failure's code stands for.
pub(crate) fn detail(error: &DriverError) -> String {
    match error {
        DriverError::ImageNotPullable(why)
        | DriverError::ImageRefused(why)
        | DriverError::CommandNotFound(why)
        | DriverError::ExecFormat(why)
        | DriverError::BadConfig(why) => why.clone(),
        other => other.to_string(),
    }
}

/// `subject: what`, or `what` alone where it names the subject already.
pub(crate) fn about(subject: &str, what: String) -> String {
    if subject.is_empty() || what.starts_with(subject) {
        what
    } else {
        format!("{subject}: {what}")
    }
}

/// Lines joined by ` | `, without those that `said` says already and without repetitions.
pub(crate) fn news<'l>(said: &str, lines: impl IntoIterator<Item = &'l str>) -> String {
    let mut kept: Vec<&str> = Vec::new();
    for line in lines {
        let line = line.trim();
        if !line.is_empty() && !said.contains(line) && !kept.contains(&line) {
            kept.push(line);
        }
    }
    kept.join(" | ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn evidence_does_not_repeat_the_sentence_of_its_code() {
        let name = "shop/api:v1";
        let why = || format!("{name}: pull access denied");
        for error in [
            DriverError::ImageNotPullable(why()),
            DriverError::ImageRefused(why()),
            DriverError::ImageMissing(name.to_owned()),
            DriverError::CommandNotFound("exec: \"nope\"".to_owned()),
            DriverError::ExecFormat("exec /app".to_owned()),
            DriverError::BadConfig("invalid volume".to_owned()),
        ] {
            let sentence = error.failure_code().unwrap().sentence();
            let evidence = about(name, detail(&error));
            assert!(!evidence.contains(sentence), "{sentence} ({evidence})");
        }
        assert_eq!(
            about(name, detail(&DriverError::ImageNotPullable(why()))),
            "shop/api:v1: pull access denied"
        );
    }

    #[test]
    fn lines_that_were_said_are_not_said_again() {
        let said = "step 2 of 3: pull access denied for base";
        let lines = ["Pulling", "pull access denied for base", "Pulling", ""];
        assert_eq!(news(said, lines), "Pulling");
    }
}
