//! Takes single values out of merged sources and gathers what is wrong with each.
//!
//! Invariant: after [`read`] every key that any source gave has been looked at: a key that nobody
//! asked for is a problem, because it is a misspelt one.

use std::collections::BTreeSet;
use std::path::PathBuf;

use figment::value::{Dict, Map, Value};
use figment::{Figment, Metadata, Profile, Provider};
use serde::de::DeserializeOwned;

use super::Problems;
use super::settings::{
    ApiSettings, BuildSettings, DatabaseSettings, EdgeSettings, EngineSettings, LogSettings,
    MailSettings, OutboundSettings, Settings,
};

const PREFIX: &str = "SEGUE_";
/// The first word of every setting. Other variables with our prefix belong to the command line.
const TOP: [&str; 10] = [
    "state", "run", "database", "api", "edge", "engine", "build", "outbound", "mail", "log",
];

/// The setting that a variable names: `SEGUE_EDGE__HTTP` is `edge.http`.
pub(super) fn key_of_variable(name: &str) -> Option<String> {
    let key = name
        .strip_prefix(PREFIX)?
        .to_ascii_lowercase()
        .replace("__", ".");
    let top = key.split('.').next()?;
    TOP.contains(&top).then_some(key)
}

/// One value from the environment or the command line.
pub(super) struct Given {
    source: String,
    key: String,
    value: Value,
}

impl Given {
    pub(super) fn new(source: &str, key: &str, value: &str) -> Self {
        Self {
            source: source.to_owned(),
            key: key.to_owned(),
            // Figment's grammar reads numbers, lists and tables; all else is text.
            value: value.parse().unwrap_or_else(|_| Value::from(value)),
        }
    }
}

impl Provider for Given {
    fn metadata(&self) -> Metadata {
        Metadata::named(self.source.clone())
    }

    fn data(&self) -> Result<Map<Profile, Dict>, figment::Error> {
        let nested = figment::util::nest(&self.key, self.value.clone());
        let dict = nested.into_dict().unwrap_or_default();
        Ok(Profile::Default.collect(dict))
    }
}

struct Reader<'a> {
    figment: &'a Figment,
    asked: BTreeSet<&'static str>,
    problems: Vec<String>,
}

impl Reader<'_> {
    /// The value, or the default where none is given or the given one is wrong.
    fn get<T: DeserializeOwned>(&mut self, key: &'static str, default: T) -> T {
        self.asked.insert(key);
        let Ok(value) = self.figment.find_value(key) else {
            return default;
        };
        let source = self.source_of(key);
        value.deserialize().unwrap_or_else(|error: figment::Error| {
            self.problems.push(format!("{key}{source}: {}", error.kind));
            default
        })
    }

    fn source_of(&self, key: &str) -> String {
        self.figment
            .find_metadata(key)
            .map(|found| match &found.source {
                Some(figment::Source::File(path)) => format!(" in {}", path.display()),
                _ => format!(" in {}", found.name),
            })
            .unwrap_or_default()
    }

    fn refuse_unknown(&mut self) {
        let given: Dict = match self.figment.extract() {
            Ok(given) => given,
            Err(error) => {
                self.problems
                    .extend(error.into_iter().map(|one| one.to_string()));
                return;
            }
        };
        let mut keys = Vec::new();
        list_keys("", &given, &self.asked, &mut keys);
        for key in keys {
            let source = self.source_of(&key);
            let section = key.rsplit_once('.').map_or("", |(section, _)| section);
            let known: Vec<&str> = self
                .asked
                .iter()
                .filter(|asked| asked.rsplit_once('.').map_or("", |(one, _)| one) == section)
                .copied()
                .collect();
            let meant = nearest(&key, &self.asked)
                .map(|near| format!("did you mean {near}? "))
                .unwrap_or_default();
            let known = if known.is_empty() {
                TOP.join(", ")
            } else {
                known.join(", ")
            };
            self.problems.push(format!(
                "{key}{source}: no such setting ({meant}there are: {known})"
            ));
        }
    }
}

/// The setting that was probably meant: few letters apart, or the same name in another section.
fn nearest(key: &str, asked: &BTreeSet<&'static str>) -> Option<&'static str> {
    let name = |key: &str| key.rsplit_once('.').map(|(_, name)| name.to_owned());
    asked
        .iter()
        .map(|known| (strsim::damerau_levenshtein(key, known), *known))
        .filter(|(distance, known)| *distance <= 1 + known.len() / 6)
        .min()
        .map(|(_, known)| known)
        .or_else(|| {
            asked
                .iter()
                .find(|known| {
                    name(known).is_some_and(|known| known == name(key).as_deref().unwrap_or(key))
                })
                .copied()
        })
}

/// Keys that nobody asked for. A table that was asked for as a whole is not entered.
fn list_keys(prefix: &str, dict: &Dict, asked: &BTreeSet<&'static str>, found: &mut Vec<String>) {
    for (name, value) in dict {
        let key = if prefix.is_empty() {
            name.clone()
        } else {
            format!("{prefix}.{name}")
        };
        if asked.contains(key.as_str()) {
            continue;
        }
        let inside = format!("{key}.");
        match value.as_dict() {
            Some(inner) if asked.iter().any(|one| one.starts_with(&inside)) => {
                list_keys(&key, inner, asked, found);
            }
            _ => found.push(key),
        }
    }
}

/// Reads every setting.
pub(super) fn read(figment: &Figment) -> Result<Settings, Problems> {
    let mut reader = Reader {
        figment,
        asked: BTreeSet::new(),
        problems: Vec::new(),
    };
    let settings = read_all(&mut reader);
    reader.refuse_unknown();
    settings.check(&mut reader.problems);
    if reader.problems.is_empty() {
        Ok(settings)
    } else {
        Err(Problems(reader.problems))
    }
}

/// Every setting that there is.
#[cfg(test)]
pub(super) fn known_keys() -> BTreeSet<&'static str> {
    let mut reader = Reader {
        figment: &Figment::new(),
        asked: BTreeSet::new(),
        problems: Vec::new(),
    };
    read_all(&mut reader);
    reader.asked
}

fn read_all(reader: &mut Reader<'_>) -> Settings {
    let default = Settings::default();
    let run: PathBuf = reader.get("run", default.run);
    Settings {
        state: reader.get("state", default.state),
        database: DatabaseSettings {
            url: reader.get("database.url", default.database.url),
            binaries: reader.get("database.binaries", default.database.binaries),
            account: reader.get("database.account", default.database.account),
        },
        api: ApiSettings {
            listen: reader.get("api.listen", default.api.listen),
            internal_listen: reader.get("api.internal_listen", default.api.internal_listen),
            insecure_http: reader.get("api.insecure_http", default.api.insecure_http),
            base_domain: reader.get("api.base_domain", default.api.base_domain),
            public_url: reader.get("api.public_url", default.api.public_url),
            git_program: reader.get("api.git_program", default.api.git_program),
            requests_at_once: reader.get("api.requests_at_once", default.api.requests_at_once),
            requests_per_second: reader
                .get("api.requests_per_second", default.api.requests_per_second),
        },
        edge: EdgeSettings {
            http: reader.get("edge.http", default.edge.http),
            https: reader.get("edge.https", default.edge.https),
            admin: reader.get("edge.admin", default.edge.admin),
            threads: reader.get("edge.threads", default.edge.threads),
            trusted_proxies: reader.get("edge.trusted_proxies", default.edge.trusted_proxies),
            control: reader.get("edge.control", default.edge.control),
            token_file: reader.get("edge.token_file", default.edge.token_file),
        },
        engine: EngineSettings {
            socket: reader.get("engine.socket", default.engine.socket),
            subnets: reader.get("engine.subnets", default.engine.subnets),
        },
        build: BuildSettings {
            engine: reader.get("build.engine", default.build.engine),
            cpus: reader.get("build.cpus", default.build.cpus),
            memory_mib: reader.get("build.memory_mib", default.build.memory_mib),
            pids: reader.get("build.pids", default.build.pids),
            cache_mib: reader.get("build.cache_mib", default.build.cache_mib),
            time_s: reader.get("build.time_s", default.build.time_s),
            subnet: reader.get("build.subnet", default.build.subnet),
            extra_ca: reader.get("build.extra_ca", default.build.extra_ca),
            runtimes: reader.get("build.runtimes", default.build.runtimes),
        },
        outbound: OutboundSettings {
            allow: reader.get("outbound.allow", default.outbound.allow),
            extra_ca: reader.get("outbound.extra_ca", default.outbound.extra_ca),
        },
        mail: MailSettings {
            server: reader.get("mail.server", default.mail.server),
            from: reader.get("mail.from", default.mail.from),
            user: reader.get("mail.user", default.mail.user),
            password_file: reader.get("mail.password_file", default.mail.password_file),
        },
        log: LogSettings {
            format: reader.get("log.format", default.log.format),
            filter: reader.get("log.filter", default.log.filter),
        },
        run,
    }
}
