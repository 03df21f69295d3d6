//! Texts of the command line as values: every argument that is not free text is parsed here, before anything is asked.

pub(super) fn time(text: &str) -> Result<std::time::Duration, String> {
    let parsed = text.parse::<jiff::SignedDuration>().ok();
    let time = parsed.filter(jiff::SignedDuration::is_positive);
    let time = time.and_then(|time| std::time::Duration::try_from(time).ok());
    time.ok_or_else(|| "expected a time such as 30s, 5m or 1h".to_owned())
}

/// Bytes of an id, or of a name that becomes part of an address.
const SEGMENT: usize = 200;

/// What becomes one part of an address: empty, `.` and `..` would make it the address of something else.
pub(super) fn segment(text: &str) -> Result<String, String> {
    let visible = |c: char| !c.is_control() && !c.is_whitespace() && c != '/';
    if text.is_empty() || matches!(text, "." | "..") || !text.chars().all(visible) {
        return Err("expected a name or an id, as the list shows it".to_owned());
    }
    if text.len() > SEGMENT {
        return Err(format!("expected at most {SEGMENT} bytes"));
    }
    Ok(text.to_owned())
}

/// A key of settings or secrets.
pub(super) fn key(text: &str) -> Result<String, String> {
    let key = text.parse::<segue_model::name::ConfigKey>();
    key.map(|key| key.to_string()).map_err(|e| e.to_string())
}

/// A team's name.
pub(super) fn team(text: &str) -> Result<String, String> {
    let name = text.parse::<segue_model::name::TeamName>();
    name.map(|name| name.to_string()).map_err(|e| e.to_string())
}

/// A text that says something.
pub(super) fn words(text: &str) -> Result<String, String> {
    if text.trim().is_empty() {
        return Err("expected a text".to_owned());
    }
    Ok(text.to_owned())
}

pub(super) fn assignment(text: &str) -> Result<(String, String), String> {
    let (key, value) = text.split_once('=').ok_or("expected KEY=VALUE")?;
    let key = key
        .parse::<segue_model::name::ConfigKey>()
        .map_err(|e| e.to_string())?;
    Ok((key.to_string(), value.to_owned()))
}

pub(super) fn scale_target(text: &str) -> Result<(String, u32), String> {
    let (service, count) = text
        .split_once('=')
        .ok_or("expected SERVICE=N, such as web=3")?;
    let service = service
        .parse::<segue_model::name::ServiceName>()
        .map_err(|e| e.to_string())?;
    let most = *segue_model::spec::bounds::REPLICAS.end();
    let count = count
        .parse()
        .ok()
        .filter(|count| *count <= most)
        .ok_or_else(|| format!("{count:?} is not a number of instances from 0 to {most}"))?;
    Ok((service.to_string(), count))
}

pub(super) fn release(text: &str) -> Result<i64, String> {
    numbered(text, 'v').ok_or_else(|| "expected a release such as v3".to_owned())
}

pub(super) fn deployment(text: &str) -> Result<i64, String> {
    numbered(text, '#').ok_or_else(|| "expected a deployment's number, such as 42".to_owned())
}

pub(super) fn run(text: &str) -> Result<i64, String> {
    numbered(text, '#').ok_or_else(|| "expected a run's number, such as 7".to_owned())
}

/// A whole number between two others.
pub(super) fn between<T: TryFrom<i64> + Clone + Send + Sync + 'static>(
    least: i64,
    most: i64,
) -> impl Fn(&str) -> Result<T, String> + Clone + Send + Sync + 'static {
    move |text| {
        let number = text.parse::<i64>().ok();
        let number = number.filter(|number| (least..=most).contains(number));
        number
            .and_then(|number| T::try_from(number).ok())
            .ok_or_else(|| match most {
                i64::MAX => format!("expected a number from {least} on"),
                most => format!("expected a number from {least} to {most}"),
            })
    }
}

pub(super) fn numbered(text: &str, prefix: char) -> Option<i64> {
    let number = text.strip_prefix(prefix).unwrap_or(text).parse().ok()?;
    (number > 0).then_some(number)
}

/// A method of HTTP, in any case.
pub(crate) fn method(text: &str) -> Result<reqwest::Method, String> {
    let known = ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD"];
    let upper = text.to_ascii_uppercase();
    if !known.contains(&upper.as_str()) {
        return Err(format!("expected one of {}", known.join(", ")));
    }
    upper.parse().map_err(|_| "not a method".to_owned())
}

pub(super) fn header(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once(':').ok_or("expected NAME: VALUE")?;
    Ok((name.trim().to_owned(), value.trim().to_owned()))
}

pub(super) fn days(text: &str) -> Result<i32, String> {
    let number = text.strip_suffix('d').unwrap_or(text).parse().ok();
    number
        .filter(|days| (1..=366).contains(days))
        .ok_or_else(|| "expected a number of days from 1 to 366".to_owned())
}

pub(super) fn millis(text: &str) -> Result<i64, String> {
    let millis = match text.strip_suffix('m') {
        Some(millis) => millis.parse::<i64>().ok(),
        None => text
            .parse::<i64>()
            .ok()
            .and_then(|cores| cores.checked_mul(1000)),
    };
    millis
        .filter(|millis| *millis >= 0)
        .ok_or_else(|| "expected cores such as 4, or thousandths such as 500m".to_owned())
}

pub(super) fn bytes(text: &str) -> Result<i64, String> {
    let wrong = || "expected a size such as 512MiB or 8GiB".to_owned();
    let digits = text.find(|c: char| !c.is_ascii_digit()).ok_or_else(wrong)?;
    let (number, unit) = text.split_at_checked(digits).ok_or_else(wrong)?;
    let shift = match unit {
        "MiB" => 20,
        "GiB" => 30,
        "TiB" => 40,
        _ => return Err(wrong()),
    };
    let number = number.parse::<i64>().ok();
    number
        .and_then(|number| number.checked_mul(1 << shift))
        .ok_or_else(wrong)
}

pub(super) fn moment(text: &str) -> Result<chrono::DateTime<chrono::Utc>, String> {
    chrono::DateTime::parse_from_rfc3339(text)
        .map(|moment| moment.to_utc())
        .map_err(|_| "expected a moment such as 2026-12-24T18:00:00+01:00".to_owned())
}

pub(super) fn clock(text: &str) -> Result<String, String> {
    let two = |text: &str, below: u8| {
        let digits = text.len() == 2 && text.bytes().all(|b| b.is_ascii_digit());
        digits && text.parse::<u8>().is_ok_and(|number| number < below)
    };
    match text.split_once(':') {
        Some((hours, minutes)) if two(hours, 24) && two(minutes, 60) => Ok(text.to_owned()),
        _ => Err("expected a time of the day such as 16:00".to_owned()),
    }
}

/// A repository, and what of it: `URL`, or `URL@REF`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct GitSource {
    /// The repository.
    pub url: String,
    /// Branch, tag or commit.
    pub reference: Option<String>,
}

/// The last `@` of the path parts; one that begins a part of the path (`/@scope/`) belongs to it.
pub(super) fn git_source(text: &str) -> Result<GitSource, String> {
    let wrong = || "expected URL or URL@REF, such as https://git.example.com/acme/shop.git@main";
    let (scheme, rest) = text.split_once("://").ok_or_else(wrong)?;
    if !matches!(scheme, "http" | "https") {
        return Err("repositories are fetched over https or http".to_owned());
    }
    let path = rest.find('/').ok_or_else(wrong)?;
    let (host, path) = rest.split_at_checked(path).ok_or_else(wrong)?;
    let mut marks = path.match_indices('@').map(|(at, _)| at);
    let last = marks.rfind(|at| !path.get(..*at).is_some_and(|before| before.ends_with('/')));
    let (path, reference) = match last.and_then(|at| path.split_at_checked(at)) {
        Some((path, reference)) => (path, reference.strip_prefix('@')),
        None => (path, None),
    };
    if host.is_empty() || path.len() < 2 || reference.is_some_and(str::is_empty) {
        return Err(wrong().to_owned());
    }
    Ok(GitSource {
        url: format!("{scheme}://{host}{path}"),
        reference: reference.map(str::to_owned),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_repository_may_name_what_of_it_is_meant() {
        let parse = |text: &str| {
            let source = git_source(text).ok()?;
            Some((source.url, source.reference))
        };
        for (text, url, reference) in [
            ("https://h/a/b.git", "https://h/a/b.git", None),
            ("https://h/a/b.git@v1", "https://h/a/b.git", Some("v1")),
            (
                "https://h:8443/a/b@feature/x",
                "https://h:8443/a/b",
                Some("feature/x"),
            ),
            ("http://h/@a/b", "http://h/@a/b", None),
            ("http://h/@a/b@main", "http://h/@a/b", Some("main")),
            // A name before the host is not ours to judge: the server refuses it with its reason.
            ("https://me@h/a", "https://me@h/a", None),
        ] {
            let expected = (url.to_owned(), reference.map(str::to_owned));
            assert_eq!(parse(text), Some(expected), "{text}");
        }
        for text in [
            "",
            "h/a",
            "git@h:a/b.git",
            "ssh://h/a",
            "file:///a",
            "https://h",
            "https://h/",
            "https:///a",
            "https://h/a@",
            "://",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }

    #[test]
    fn times_of_the_day_and_moments_are_read() {
        assert!(clock("16:00").is_ok() && clock("00:59").is_ok());
        for text in [
            "", "24:00", "1:00", "16:60", "16", "16:00:00", "+1:00", "aa:bb",
        ] {
            assert!(clock(text).is_err(), "{text}");
        }
        assert!(moment("2026-12-24T18:00:00+01:00").is_ok());
        for text in ["", "2026-12-24", "tomorrow", "2026-13-01T00:00:00Z"] {
            assert!(moment(text).is_err(), "{text}");
        }
    }
}
