//! Static files: an `index.html`, served by nginx on the port that the container is given.

use super::dockerfile::{copy_all, copy_built, run, run_script};
use super::{Image, Runtime, Runtimes, Source};
use crate::failure::Failure;
use crate::spec::Command;

/// Files that say "static files"; the folder of the first that is there is the site.
const SIGNS: &[&str] = &["index.html", "public/index.html", "dist/index.html"];

/// Why the start line is what it is.
const SERVER: &str = "nginx";

/// Takes the first of the folders that has an index.html.
const COLLECT: &str = "tool=$1; shift; for folder in \"$@\"; do for found in $folder; do \
    if [ -f \"$found/index.html\" ]; then mkdir -p /site && cp -a \"$found/.\" /site/ && exit 0; fi; done; done; \
    echo \"The build with $tool made no index.html in: $*. If it writes elsewhere, add a Dockerfile.\" >&2; exit 1";

/// Writable paths lie in /tmp, so that the root file system may be read-only and the user is nobody special.
const CONFIG: &[&str] = &[
    "worker_processes 1;",
    "pid /tmp/nginx.pid;",
    "error_log stderr warn;",
    "events { worker_connections 1024; }",
    "http {",
    "  include /etc/nginx/mime.types;",
    "  default_type application/octet-stream;",
    "  access_log off;",
    "  sendfile on;",
    "  gzip on;",
    "  gzip_types text/css application/javascript application/json image/svg+xml;",
    "  server_tokens off;",
    "  client_body_temp_path /tmp/body;",
    "  proxy_temp_path /tmp/proxy;",
    "  fastcgi_temp_path /tmp/fastcgi;",
    "  uwsgi_temp_path /tmp/uwsgi;",
    "  scgi_temp_path /tmp/scgi;",
    "  server {",
    "    listen @PORT@;",
    "    root @ROOT@;",
    "    index index.html;",
    "    absolute_redirect off;",
    "    location ~ /\\.(?!well-known/) { return 404; }",
    "    location ~ ^/(segue\\.toml|Procfile|app\\.json)$ { return 404; }",
    "    location / { try_files $uri $uri/ $uri.html @OTHERWISE@; }",
    "    error_page 404 /404.html;",
    "  }",
    "}",
];

const START: &str = "sed \"s/@PORT@/${PORT:-8080}/\" /etc/segue-static.conf > /tmp/nginx.conf && exec nginx -e stderr -c /tmp/nginx.conf -g 'daemon off;'";

pub(super) fn sign(source: Source<'_>) -> Option<String> {
    source.first(SIGNS).map(str::to_owned)
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
    let sign = source.first(SIGNS);
    let folder = sign.and_then(|sign| sign.strip_suffix("/index.html"));
    let root = folder.map_or("/app".to_owned(), |folder| format!("/app/{folder}"));
    let mut image = server(runtimes, &root, false, why)?;
    image.body.push(copy_all());
    Ok(image)
}

/// Serves what the build stage has put into `/site`. The page of a single-page application answers for every path
/// that is no file.
pub(super) fn of_build(
    runtimes: &Runtimes,
    single_page: bool,
    why: String,
) -> Result<Image, Failure> {
    let mut image = server(runtimes, "/app", single_page, why)?;
    image.body.push(copy_built("/site/", "/app/"));
    Ok(image)
}

/// The step of the build stage that finds the site.
pub(super) fn collect(tool: &str, folders: &[&str]) -> String {
    run_script(COLLECT, &[&[tool][..], folders].concat())
}

fn server(
    runtimes: &Runtimes,
    root: &str,
    single_page: bool,
    why: String,
) -> Result<Image, Failure> {
    let otherwise = if single_page { "/index.html" } else { "=404" };
    let config = CONFIG
        .join("\n")
        .replace("@ROOT@", root)
        .replace("@OTHERWISE@", otherwise);
    let write = "printf '%s\\n' \"$0\" > /etc/segue-static.conf";
    let mut image = Image::new(runtimes.choose(Runtime::Static, None, |_| true)?, why);
    image.body = vec![run(&["/bin/sh", "-c", write, &config])];
    image.start = Some((Command::Shell(START.to_owned()), SERVER.to_owned()));
    Ok(image)
}
