//! Other tools' words for names, times, sizes and cores as Segue's.

use std::ops::RangeInclusive;
use std::time::Duration;

/// A name in the one grammar that apps, services and volumes have; `None` if nothing of it is left.
pub(super) fn name(text: &str) -> Option<String> {
    let mut name = String::new();
    for c in text.chars() {
        match c.to_ascii_lowercase() {
            c @ ('a'..='z' | '0'..='9') => name.push(c),
            _ if name.is_empty() || name.ends_with('-') => {}
            _ => name.push('-'),
        }
    }
    let name = name.trim_start_matches(|c: char| c.is_ascii_digit() || c == '-');
    let short: String = name.chars().take(40).collect();
    let short = short.trim_end_matches('-');
    (!short.is_empty()).then(|| short.to_owned())
}

/// A time with units (`1m30s`), or a number of `unit`.
pub(super) fn duration(text: &str, unit: Duration) -> Option<Duration> {
    let text = text.trim();
    if let Ok(number) = text.parse::<u32>() {
        return Some(unit * number);
    }
    text.parse::<jiff::SignedDuration>()
        .ok()
        .and_then(|time| Duration::try_from(time).ok())
}

/// The same within bounds.
pub(super) fn time_within(
    text: &str,
    unit: Duration,
    range: &RangeInclusive<Duration>,
) -> Result<Duration, String> {
    let time = duration(text, unit).ok_or("this is not a time that Segue can read")?;
    if range.contains(&time) {
        return Ok(time);
    }
    Err(format!(
        "Segue takes {:?} to {:?} here",
        range.start(),
        range.end()
    ))
}

/// A number of bytes as engines count them: `m` is 2^20.
pub(super) fn size(text: &str) -> Option<u64> {
    let text = text.trim().to_ascii_lowercase();
    let digits = text
        .find(|c: char| !(c.is_ascii_digit() || c == '.'))
        .unwrap_or(text.len());
    let (number, unit) = text.split_at_checked(digits)?;
    let number: f64 = number.parse().ok()?;
    let power: u32 = match unit.trim() {
        "" | "b" => 0,
        "k" | "kb" | "kib" | "ki" => 1,
        "m" | "mb" | "mib" | "mi" => 2,
        "g" | "gb" | "gib" | "gi" => 3,
        "t" | "tb" | "tib" | "ti" => 4,
        _ => return None,
    };
    let bytes = number * 1024f64.powi(i32::try_from(power).ok()?);
    if !(bytes.is_finite() && (0.0..=1e18).contains(&bytes)) {
        return None;
    }
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "between 0 and 10^18"
    )]
    Some(bytes as u64)
}

/// Cores as thousandths.
pub(super) fn cores(text: &str) -> Option<u32> {
    let text = text.trim();
    let millis = match text.strip_suffix('m') {
        Some(millis) => millis.parse::<f64>().ok()?,
        None => text.parse::<f64>().ok()? * 1000.0,
    };
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "between 0 and 10^9"
    )]
    (0.0..=1e9).contains(&millis).then(|| millis.round() as u32)
}

/// A truth value.
pub(super) fn truth(text: &str) -> Option<bool> {
    match text.trim().to_ascii_lowercase().as_str() {
        "true" | "yes" | "on" => Some(true),
        "false" | "no" | "off" => Some(false),
        _ => None,
    }
}

/// Whether an image is a store of data that many know: it keeps a volume, and gets no requests of users.
pub(super) fn is_store(image: &str) -> bool {
    const STORES: &[&str] = &[
        "postgres",
        "postgis",
        "timescaledb",
        "mysql",
        "mariadb",
        "percona",
        "redis",
        "valkey",
        "keydb",
        "mongo",
        "rabbitmq",
        "memcached",
        "elasticsearch",
        "opensearch",
        "clickhouse",
        "cassandra",
        "influxdb",
        "nats",
        "kafka",
        "zookeeper",
        "etcd",
        "couchdb",
        "neo4j",
        "cockroach",
        "meilisearch",
        "typesense",
        "pgvector",
    ];
    let path = image.split('@').next().unwrap_or(image);
    let last = path.rsplit('/').next().unwrap_or(path);
    let name = last.split(':').next().unwrap_or(last).to_ascii_lowercase();
    STORES.iter().any(|store| name.starts_with(store))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_become_numbers() {
        assert_eq!(size("512m"), Some(512 << 20));
        assert_eq!(size("1.5G"), Some(3 << 29));
        assert_eq!(size("1073741824"), Some(1 << 30));
        for bad in ["", "m", "1x", "-1", "1e400", "nan", "ä"] {
            assert_eq!(size(bad), None, "{bad}");
        }
        assert_eq!(cores("0.5"), Some(500));
        assert_eq!(cores("250m"), Some(250));
        for bad in ["", "x", "-1", "inf", "NaN"] {
            assert_eq!(cores(bad), None, "{bad}");
        }
        let second = Duration::from_secs(1);
        assert_eq!(duration("1m30s", second), Some(Duration::from_secs(90)));
        assert_eq!(duration("5", second), Some(Duration::from_secs(5)));
        assert_eq!(duration("soon", second), None);
        assert_eq!(name("My_App 2"), Some("my-app-2".to_owned()));
        assert_eq!(name("42"), None);
        assert!(is_store("docker.io/library/postgres:16") && !is_store("acme/postgrest-ui/web"));
    }
}
