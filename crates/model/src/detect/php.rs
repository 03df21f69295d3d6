//! PHP: composer.json or an index.php, served by Apache with mod_php.
//!
//! Apache and not nginx with php-fpm, because applications bring their rewriting rules as `.htaccess`; and not
//! `php -S`, which is made for development and answers one request at a time.

use nodejs_semver::{Range, Version};
use serde::Deserialize;

use super::dockerfile::{copy, copy_all, run};
use super::runtimes::stands_for;
use super::{Image, Runtime, Runtimes, Source, failure};
use crate::failure::{Failure, FailureCode};
use crate::name::ImageName;
use crate::spec::Command;

/// Folders that frameworks serve, with the file that says so; the top comes last.
const ROOTS: &[(&str, &str)] = &[
    ("public/index.php", "/app/public"),
    ("web/index.php", "/app/web"),
    ("webroot/index.php", "/app/webroot"),
    ("index.php", "/app"),
];

/// Why the start line is what it is.
const SERVER: &str = "apache";

const START: [&str; 4] = ["apache2", "-f", "/etc/segue-apache.conf", "-DFOREGROUND"];

/// Works on Debian's Apache and on the official images, which are built from it. Whatever is written lies in /tmp.
/// Folders of tools and hidden files are not served; what else is not for visitors, applications say in `.htaccess`.
const CONFIG: &[&str] = &[
    "ServerRoot /etc/apache2",
    "ServerName localhost",
    "DefaultRuntimeDir /tmp",
    "PidFile /tmp/apache2.pid",
    "Mutex file:/tmp default",
    "ErrorLog /proc/self/fd/2",
    "LogLevel warn",
    "ServerTokens Prod",
    "ServerSignature Off",
    "TraceEnable Off",
    "Timeout 300",
    "KeepAliveTimeout 75",
    "MaxKeepAliveRequests 0",
    "IncludeOptional mods-enabled/*.load",
    "IncludeOptional mods-enabled/*.conf",
    "<IfModule !rewrite_module>",
    "LoadModule rewrite_module /usr/lib/apache2/modules/mod_rewrite.so",
    "</IfModule>",
    "<IfModule mpm_prefork_module>",
    "StartServers 2",
    "MinSpareServers 1",
    "MaxSpareServers 4",
    "MaxRequestWorkers ${WEB_CONCURRENCY}",
    "MaxConnectionsPerChild 1000",
    "</IfModule>",
    "Listen ${PORT}",
    "DocumentRoot @ROOT@",
    "DirectoryIndex index.php index.html",
    "SetEnvIf X-Forwarded-Proto ^https$ HTTPS=on",
    "<Directory />",
    "Require all denied",
    "AllowOverride None",
    "</Directory>",
    "<Directory @ROOT@>",
    "Options FollowSymLinks",
    "AllowOverride All",
    "Require all granted",
    "</Directory>",
    "<FilesMatch \"\\.php$\">",
    "SetHandler application/x-httpd-php",
    "</FilesMatch>",
    "<DirectoryMatch \"/\\.(?!well-known)\">",
    "Require all denied",
    "</DirectoryMatch>",
    "<FilesMatch \"^(\\..*|composer\\.(json|lock)|segue\\.toml|Procfile|app\\.json)$\">",
    "Require all denied",
    "</FilesMatch>",
];

/// Packages by which a framework is known that keeps files of its own.
const WRITABLE: &[(&str, &str)] = &[
    ("storage/framework", "storage bootstrap/cache"),
    ("var", "var"),
];

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
struct Composer {
    require: serde_json::Map<String, serde_json::Value>,
    repositories: Option<serde_json::Value>,
}

pub(super) fn sign(source: Source<'_>) -> Option<String> {
    let root = ROOTS
        .iter()
        .map(|(file, _)| *file)
        .find(|file| source.has(file));
    if source.has("composer.json") {
        return Some("composer.json".to_owned());
    }
    root.map(str::to_owned)
}

/// Whether the start line is Segue's own and says nothing to people.
pub(super) fn is_plumbing(reason: &str) -> bool {
    reason == SERVER
}

pub(super) fn image(
    source: Source<'_>,
    runtimes: &Runtimes,
    why: String,
) -> Result<Image, Failure> {
    let composer: Composer = match source.text("composer.json") {
        Some(text) => serde_json::from_str(text)
            .map_err(|e| failure(FailureCode::BuildFailed, format!("composer.json: {e}")))?,
        None => Composer::default(),
    };
    let mut image = Image::new(version(&composer, runtimes)?, why);
    let root = ROOTS.iter().find(|(file, _)| source.has(file));
    let folder = root.map_or("/app", |(_, folder)| folder);
    let config = CONFIG.join("\n").replace("@ROOT@", folder);
    image.body = vec![
        // How many requests at a time: each may take PHP's memory limit.
        "ENV PORT=8080 WEB_CONCURRENCY=8 COMPOSER_ALLOW_SUPERUSER=1 COMPOSER_NO_INTERACTION=1 COMPOSER_CACHE_DIR=/tmp/composer"
            .to_owned(),
        run(&["/bin/sh", "-c", "printf '%s\\n' \"$0\" > /etc/segue-apache.conf", &config]),
    ];
    if source.has("composer.json") {
        install(source, &composer, &mut image.body);
    } else {
        image.body.push(copy_all());
    }
    for (sign, folders) in WRITABLE {
        if source.has_folder(sign) {
            image.body.push(format!(
                "RUN mkdir -p {folders} && chown -R 10001:10001 {folders}"
            ));
        }
    }
    if root.is_some() {
        image.start = Some((
            Command::Argv(START.map(str::to_owned).to_vec()),
            SERVER.to_owned(),
        ));
    } else {
        image.unclear =
            Some("there is no index.php at the top, in public, in web or in webroot".to_owned());
    }
    Ok(image)
}

fn install(source: Source<'_>, composer: &Composer, body: &mut Vec<String>) {
    let flags = "--no-dev --prefer-dist --no-progress";
    let clean = "rm -rf /tmp/composer";
    let wants_packages = composer
        .require
        .keys()
        .any(|name| name != "php" && !name.starts_with("ext-") && !name.starts_with("lib-"));
    let local = composer
        .repositories
        .as_ref()
        .is_some_and(|repositories| repositories.to_string().contains("\"path\""));
    // What was sent with its packages needs no others.
    if source.has("vendor/autoload.php") {
        body.push(copy_all());
        return;
    }
    if wants_packages && !local {
        let files: Vec<&str> = ["composer.json", "composer.lock"]
            .into_iter()
            .filter(|file| source.has(file))
            .collect();
        body.extend([
            copy(&files),
            format!("RUN composer install {flags} --no-scripts --no-autoloader && {clean}"),
        ]);
    }
    body.push(copy_all());
    body.push(format!(
        "RUN composer install {flags} --optimize-autoloader && {clean}"
    ));
}

fn version(composer: &Composer, runtimes: &Runtimes) -> Result<(String, ImageName), Failure> {
    let wanted = composer
        .require
        .get("php")
        .and_then(serde_json::Value::as_str);
    let Some(wanted) = wanted else {
        return runtimes.choose(Runtime::Php, None, |_| true);
    };
    let range = constraint(wanted).ok_or_else(|| {
        let evidence = format!("composer.json: php {wanted:?} is not a version range");
        failure(FailureCode::RuntimeMissing, evidence)
    })?;
    runtimes.choose(Runtime::Php, Some((wanted, "composer.json")), |offered| {
        stands_for(offered)
            .into_iter()
            .any(|[major, minor, patch]| range.satisfies(&Version::from((major, minor, patch))))
    })
}

/// Composer's constraint as one of npm's: alternatives may have one bar, parts may have a comma, `~8.1` reaches to 9,
/// and a stability may stand behind.
fn constraint(text: &str) -> Option<Range> {
    let alternatives = text.split('|').map(str::trim).filter(|one| !one.is_empty());
    let alternatives: Vec<String> = alternatives
        .map(|alternative| {
            let parts = alternative
                .split([',', ' '])
                .filter(|part| !part.is_empty());
            let parts: Vec<String> = parts
                .map(|part| {
                    let part = part.split('@').next().unwrap_or(part);
                    match part.strip_prefix('~') {
                        Some(rest) if rest.split('.').count() == 2 => format!("^{rest}"),
                        _ => part.to_owned(),
                    }
                })
                .collect();
            parts.join(" ")
        })
        .collect();
    Range::parse(alternatives.join(" || ")).ok()
}
