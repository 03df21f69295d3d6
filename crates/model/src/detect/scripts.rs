//! What scripts of a package.json really start: which tool, whether it is made for development, which port.

use std::collections::{BTreeMap, BTreeSet};

/// Scripts that are followed when one calls another.
const MOST_SCRIPTS: usize = 20;

/// Commands that serve while somebody develops, as they begin.
const DEVELOPMENT: &[&str] = &[
    "ng s",
    "ng serve",
    "astro dev",
    "astro preview",
    "bun --watch",
    "bun run --watch",
    "docusaurus start",
    "eleventy --serve",
    "gatsby develop",
    "nest start",
    "next dev",
    "node --watch",
    "nodemon",
    "npx vite",
    "nuxt dev",
    "nuxi dev",
    "parcel",
    "react-router dev",
    "react-scripts start",
    "remix dev",
    "rsbuild dev",
    "rsbuild preview",
    "svelte-kit dev",
    "ts-node-dev",
    "tsx watch",
    "vite",
    "vitepress dev",
    "vue-cli-service serve",
    "webpack serve",
    "webpack-dev-server",
];

/// Programs whose package has another name.
const PROGRAMS: &[(&str, &str)] = &[
    ("ng", "@angular/cli"),
    ("eleventy", "@11ty/eleventy"),
    ("babel-node", "@babel/node"),
    ("nest", "@nestjs/cli"),
    ("react-router-serve", "@react-router/serve"),
    ("remix-serve", "@remix-run/serve"),
    ("swc-node", "@swc-node/register"),
    ("tsc", "typescript"),
];

/// Whether a script serves only while somebody develops.
pub(super) fn for_development(script: &str) -> bool {
    let script = bare(script);
    // `vite` alone or with options serves; `vite build && node server` does not.
    let is = |command: &&&str| {
        script
            .strip_prefix(**command)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with(' '))
    };
    match DEVELOPMENT.iter().find(is) {
        Some(&"vite" | &"npx vite") => !script.contains(" build"),
        Some(&"parcel") => !script.contains("parcel build"),
        found => found.is_some(),
    }
}

/// The file that a watching tool starts again and again (`nodemon server.js`), if the script says no more.
pub(super) fn watched(script: &str) -> Option<&str> {
    let tools = [
        "nodemon",
        "node --watch",
        "ts-node-dev",
        "tsx watch",
        "bun --watch",
        "bun run --watch",
    ];
    let script = bare(script);
    let rest = tools
        .iter()
        .find_map(|tool| script.strip_prefix(tool)?.strip_prefix(' '))?;
    let mut words = rest
        .split_whitespace()
        .filter(|word| !word.starts_with('-'));
    let file = words.next()?;
    let code = [".js", ".cjs", ".mjs", ".ts"]
        .iter()
        .any(|end| file.ends_with(end));
    (code && words.next().is_none()).then_some(file)
}

/// A script without variables set before it (`NODE_ENV=production next start`).
fn bare(script: &str) -> &str {
    let mut rest = script.trim();
    loop {
        let (word, after) = rest.split_once(' ').unwrap_or((rest, ""));
        let assignment = word.split_once('=').is_some_and(|(name, _)| {
            !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
        });
        if !assignment && word != "cross-env" {
            return rest;
        }
        rest = after.trim_start();
    }
}

/// Whether a script, or one that it calls, uses a program that only `packages` bring.
pub(super) fn uses(
    script: &str,
    scripts: &BTreeMap<String, String>,
    packages: impl Fn(&str) -> bool,
) -> bool {
    let mut seen = BTreeSet::new();
    let mut next = vec![script];
    while let Some(script) = next.pop() {
        if seen.len() >= MOST_SCRIPTS || !seen.insert(script) {
            continue;
        }
        for word in script.split([' ', ';', '&', '|', '(', ')']) {
            let package = PROGRAMS.iter().find(|(program, _)| *program == word);
            if packages(package.map_or(word, |(_, package)| package)) {
                return true;
            }
            next.extend(scripts.get(word).map(String::as_str));
        }
    }
    false
}

/// The number in `listen(3000`, `port: 3000` or `PORT = 3000`, where a program asks for none that it is given.
pub(super) fn fixed_port(text: &str) -> Option<u16> {
    if text.contains(".PORT") || text.contains("\"PORT\"") || text.contains("'PORT'") {
        return None;
    }
    let code: Vec<&str> = text
        .lines()
        .filter(|line| !line.trim_start().starts_with("//"))
        .collect();
    let marks = [".listen(", "port:", "port =", "PORT =", "port=", "PORT="];
    code.iter().find_map(|line| {
        marks.iter().find_map(|mark| {
            let (_, rest) = line.split_once(mark)?;
            let digits: String = rest
                .trim_start()
                .chars()
                .take_while(char::is_ascii_digit)
                .collect();
            digits.parse().ok().filter(|port| *port > 0)
        })
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn scripts_for_development_are_known() {
        for script in [
            "vite",
            "vite --host",
            "PORT=3000 react-scripts start",
            "cross-env A=1 nest start --watch",
            "ng serve",
            "nodemon x.js",
        ] {
            assert!(for_development(script), "{script}");
        }
        for script in [
            "node server.js",
            "next start",
            "vite build && node server",
            "vitest",
            "NODE_ENV=production node .",
            "nesting",
        ] {
            assert!(!for_development(script), "{script}");
        }
        assert_eq!(watched("A=1 nodemon --inspect src/a.js"), Some("src/a.js"));
        assert_eq!(watched("nodemon --exec babel-node a.js"), None);
        assert_eq!(watched("node a.js"), None);
    }

    #[test]
    fn programs_of_scripts_that_scripts_call_are_found() {
        let scripts = BTreeMap::from([
            ("build:ts".to_owned(), "npm run clean && tsc".to_owned()),
            ("clean".to_owned(), "npm run build:ts".to_owned()),
        ]);
        let development = |package: &str| package == "typescript";
        assert!(uses("npm run build:ts && node x", &scripts, development));
        assert!(!uses("npm run other && node x", &scripts, development));
    }

    #[test]
    fn a_port_is_fixed_only_where_none_is_asked_for() {
        assert_eq!(
            fixed_port("// app.listen(1)\napp.listen(3000, () => {})"),
            Some(3000)
        );
        assert_eq!(
            fixed_port("const port = 4321;\napp.listen(port)"),
            Some(4321)
        );
        assert_eq!(fixed_port("Bun.serve({ port: 5000 })"), Some(5000));
        assert_eq!(fixed_port("app.listen(process.env.PORT || 3000)"), None);
        assert_eq!(fixed_port("app.listen(99999)"), None);
        assert_eq!(fixed_port("app.listen(0)"), None);
    }

    proptest! {
        #[test]
        fn any_script_has_an_answer(text in "\\PC{0,120}", names in proptest::collection::vec("[a-z:]{1,6}", 0..6)) {
            let scripts: BTreeMap<String, String> = names.iter().map(|name| (name.clone(), names.join(" "))).collect();
            for_development(&text);
            watched(&text);
            fixed_port(&text);
            uses(&names.join("&&"), &scripts, |_| false);
        }
    }
}
