//! Static files: an `index.html`, served by nginx on the port that the container is given.

use super::dockerfile::{copy_all, run};
use super::{Image, Runtime, Runtimes, Source};
use crate::failure::Failure;
use crate::spec::Command;

/// Files that say "static files"; the folder of the first that is there is the site.
pub(super) const SIGNS: &[&str] = &["index.html", "public/index.html", "dist/index.html"];

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
    "    location / { try_files $uri $uri/ $uri.html =404; }",
    "    error_page 404 /404.html;",
    "  }",
    "}",
];

const START: &str = "sed \"s/@PORT@/${PORT:-8080}/\" /etc/segue-static.conf > /tmp/nginx.conf && exec nginx -e stderr -c /tmp/nginx.conf -g 'daemon off;'";

pub(super) fn image(source: Source<'_>, runtimes: &Runtimes) -> Result<Image, Failure> {
    let (version, base) = runtimes.choose(Runtime::Static, None, |_| true)?;
    let sign = source.first(SIGNS);
    let folder = sign.and_then(|sign| sign.strip_suffix("/index.html"));
    let root = folder.map_or("/app".to_owned(), |folder| format!("/app/{folder}"));
    let config = CONFIG.join("\n").replace("@ROOT@", &root);
    let write = "printf '%s\\n' \"$0\" > /etc/segue-static.conf";
    Ok(Image {
        version: Some(version),
        base,
        body: vec![run(&["/bin/sh", "-c", write, &config]), copy_all()],
        start: Some((Command::Shell(START.to_owned()), "nginx".to_owned())),
        why: sign.unwrap_or("the manifest"),
    })
}
