//! Puts the dashboard into the program: what `web/dist` holds, or a page that says how it is built.
//!
//! The placeholder lets `cargo build` do without node. `web/dist` is part of the checkout, so that cargo can
//! watch it: a folder that is not there would be a change at every build.

use std::path::{Path, PathBuf};

/// What is served as long as nobody has built the dashboard.
const PLACEHOLDER: &str = "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><title>Segue</title></head>\
    <body><main><h1>Segue runs</h1><p>This program was built without the dashboard. To have it: <code>cd web &amp;&amp; \
    npm ci --ignore-scripts &amp;&amp; npm run build</code>, then build the program again.</p>\
    <p>The command line and the API work: <code>segue --help</code></p></main></body></html>\n";

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed=../../web/dist");
    if let Err(error) = embed() {
        println!("cargo::error=the dashboard cannot be put into the program: {error}");
    }
}

fn embed() -> std::io::Result<()> {
    let out = PathBuf::from(std::env::var_os("OUT_DIR").unwrap_or_default());
    let dist = Path::new("../../web/dist");
    let folder = if dist.join("index.html").is_file() {
        dist.canonicalize()?
    } else {
        let folder = out.join("placeholder");
        std::fs::create_dir_all(&folder)?;
        std::fs::write(folder.join("index.html"), PLACEHOLDER)?;
        folder
    };
    // The library's own function for this reports each file as a warning of the build.
    let assets = memory_serve::assets_to_code("dashboard", &folder, &out, true, |_| {});
    let code = format!("&[(\"default\", {assets}),]");
    std::fs::write(out.join("memory_serve_assets.rs"), code)
}
