//! Ruby: a Gemfile, and how Rails, Rack and Sinatra applications start.

use super::dockerfile::{copy, copy_all};
use super::runtimes::{leading, numbers, same_line};
use super::{Image, Runtime, Runtimes, Source};
use crate::failure::Failure;
use crate::manifest::ConfigEntry;
use crate::name::{ConfigKey, ImageName};
use crate::spec::Command;

/// The file that says "Ruby".
const SIGN: &str = "Gemfile";

/// Files that only a Ruby application has; a Gemfile alone may belong to a tool beside another language.
const APPLICATION: &[&str] = &["config.ru", "config/application.rb", "bin/rails", "app.rb"];

pub(super) fn strong_sign(source: Source<'_>) -> Option<String> {
    (source.has(SIGN) && source.first(APPLICATION).is_some()).then(|| SIGN.to_owned())
}

pub(super) fn sign(source: Source<'_>) -> Option<String> {
    source.first(&[SIGN, "config.ru"]).map(str::to_owned)
}

pub(super) fn image(
    source: Source<'_>,
    runtimes: &Runtimes,
    why: String,
) -> Result<Image, Failure> {
    let mut image = Image::new(version(source, runtimes)?, why);
    image.body = vec![
        "ENV RACK_ENV=production RAILS_ENV=production APP_ENV=production RAILS_LOG_TO_STDOUT=1 RAILS_SERVE_STATIC_FILES=1 \
         BUNDLE_WITHOUT=development:test BUNDLE_PATH=/opt/bundle BUNDLE_SILENCE_ROOT_WARNING=1"
            .to_owned(),
    ];
    let gems = Gems::read(source);
    if source.has(SIGN) {
        install(source, &mut image.body);
    } else {
        image.body.push(copy_all());
    }
    let rails = source
        .first(&["bin/rails", "config/application.rb"])
        .is_some();
    if rails {
        if gems.has("sprockets") || gems.has("sprockets-rails") || gems.has("propshaft") {
            // The build knows no secret; Rails wants one to start, and before 7.1 not the word for "none".
            image.body.push(
                "RUN SECRET_KEY_BASE=build SECRET_KEY_BASE_DUMMY=1 bundle exec rails assets:precompile".to_owned(),
            );
        }
        image
            .body
            .push("RUN mkdir -p tmp log && chown -R 10001:10001 tmp log".to_owned());
        // Rails starts with nothing less; made once, and kept as a secret.
        if let Ok(key) = ConfigKey::new("SECRET_KEY_BASE") {
            image.config.insert(key, ConfigEntry::Generate);
        }
    }
    image.start = start(source, &gems, rails);
    Ok(image)
}

/// Gems as their own layer; those in `vendor/cache` need no registry.
fn install(source: Source<'_>, body: &mut Vec<String>) {
    let gemfile = source.text(SIGN).unwrap_or("");
    let code: Vec<&str> = gemfile
        .lines()
        .map(|line| line.split('#').next().unwrap_or("").trim())
        .collect();
    let needs_source = code.iter().any(|line| {
        line.starts_with("gemspec")
            || line.starts_with("path ")
            || line.starts_with("eval_gemfile")
            || line.contains("path:")
            || line.contains(":path =>")
    });
    let cached = source.has_folder("vendor/cache");
    let lock = source.has("Gemfile.lock");
    let frozen = if lock { "BUNDLE_FROZEN=1 " } else { "" };
    let local = if cached { " --local" } else { "" };
    let run = format!("RUN {frozen}bundle install{local} --jobs 4 && rm -rf /app/.bundle/cache");
    if needs_source {
        body.extend([copy_all(), run]);
        return;
    }
    let mut files = vec![SIGN];
    files.extend(lock.then_some("Gemfile.lock"));
    // Gemfiles read it: `ruby file: ".ruby-version"`.
    files.extend(source.has(".ruby-version").then_some(".ruby-version"));
    body.push(copy(&files));
    if cached {
        body.push("COPY vendor/cache/ vendor/cache/".to_owned());
    }
    body.extend([run, copy_all()]);
}

fn version(source: Source<'_>, runtimes: &Runtimes) -> Result<(String, ImageName), Failure> {
    let choose = |wanted: &str, from: &str, asked: Option<Vec<u64>>, later: bool| {
        runtimes.choose(Runtime::Ruby, Some((wanted, from)), |offered| {
            asked.as_ref().is_some_and(|asked| {
                let both = asked.len().min(offered.len());
                same_line(asked, offered) || (later && offered.get(..both) >= asked.get(..both))
            })
        })
    };
    if let Some(line) = source.line(".ruby-version") {
        return choose(
            line,
            ".ruby-version",
            numbers(line.strip_prefix("ruby-").unwrap_or(line)),
            false,
        );
    }
    let gemfile = source.text(SIGN).unwrap_or("");
    let wanted = gemfile.lines().find_map(|line| {
        let rest = line.trim().strip_prefix("ruby")?;
        let rest = rest.strip_prefix(' ').or_else(|| rest.strip_prefix('('))?;
        let (_, quoted) = rest.split_once(['"', '\''])?;
        let (text, _) = quoted.split_once(['"', '\''])?;
        // `ruby file: ".ruby-version"`: there is no such file.
        text.contains(|c: char| c.is_ascii_digit())
            .then(|| text.trim().to_owned())
    });
    match wanted {
        Some(text) => {
            let digits = text.trim_start_matches(|c: char| !c.is_ascii_digit());
            let mut asked = leading(digits);
            let later = text.starts_with('>');
            // `~> 3.1` is any later 3; `~> 3.1.2` any later 3.1.
            if text.starts_with("~>") {
                let fits = asked.clone();
                return runtimes.choose(Runtime::Ruby, Some((&text, SIGN)), |offered| {
                    fits.as_ref().is_some_and(|asked| {
                        let both = asked.len().min(offered.len());
                        let fixed = asked.len().saturating_sub(1).min(both);
                        offered.get(..fixed) == asked.get(..fixed)
                            && offered.get(..both) >= asked.get(..both)
                    })
                });
            }
            if let Some(asked) = &mut asked {
                asked.truncate(3);
            }
            choose(&text, SIGN, asked, later)
        }
        None => runtimes.choose(Runtime::Ruby, None, |_| true),
    }
}

/// Names of gems: of the lock file if there is one, else of the Gemfile.
struct Gems(Vec<String>);

impl Gems {
    fn read(source: Source<'_>) -> Self {
        if let Some(lock) = source.text("Gemfile.lock") {
            let named = lock.lines().filter_map(|line| {
                let rest = line.strip_prefix("    ")?;
                (!rest.starts_with(' ')).then(|| rest.split(' ').next().unwrap_or(rest).to_owned())
            });
            return Self(named.collect());
        }
        let gemfile = source.text(SIGN).unwrap_or("");
        let named = gemfile.lines().filter_map(|line| {
            let rest = line.trim().strip_prefix("gem")?;
            let (_, quoted) = rest.split_once(['"', '\''])?;
            quoted.split(['"', '\'']).next().map(str::to_owned)
        });
        Self(named.collect())
    }

    fn has(&self, name: &str) -> bool {
        self.0.iter().any(|gem| gem == name)
    }
}

fn start(source: Source<'_>, gems: &Gems, rails: bool) -> Option<(Command, String)> {
    let line = |text: &str, why: &str| Some((Command::parse(text).ok()?, why.to_owned()));
    if gems.has("puma") && source.has("config.ru") {
        let why = if rails { "Gemfile: puma" } else { "config.ru" };
        return line("bundle exec puma --bind tcp://0.0.0.0:$PORT", why);
    }
    if rails {
        return line(
            "bundle exec rails server --binding 0.0.0.0 --port $PORT",
            "bin/rails",
        );
    }
    if source.has("config.ru") {
        return line(
            "bundle exec rackup --host 0.0.0.0 --port $PORT",
            "config.ru",
        );
    }
    ["app.rb", "main.rb", "server.rb"]
        .into_iter()
        .find_map(|file| {
            let text = source.text(file)?;
            if text.contains("sinatra") && !text.contains("sinatra/base") {
                return line(
                    &format!("bundle exec ruby {file} -o 0.0.0.0 -p $PORT"),
                    file,
                );
            }
            line(&format!("bundle exec ruby {file}"), file)
        })
}
