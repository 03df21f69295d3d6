//! Texts of the command line as values: every argument that is not free text is parsed here, before anything is asked.

pub(super) fn time(text: &str) -> Result<std::time::Duration, String> {
    let parsed = text.parse::<jiff::SignedDuration>().ok();
    let time = parsed.and_then(|time| std::time::Duration::try_from(time).ok());
    time.ok_or_else(|| "expected a time such as 30s, 5m or 1h".to_owned())
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
