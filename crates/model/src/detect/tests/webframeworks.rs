//! Frameworks of Node.js and Python: what is written for a source of each, and what is refused with a reason.

use super::*;

#[test]
fn vite_makes_files() {
    insta::assert_snapshot!(dockerfile(&[
        (
            "package.json",
            r#"{"scripts": {"dev": "vite", "build": "tsc -b && vite build"}, "dependencies": {"react": "19"}, "devDependencies": {"vite": "6"}}"#
        ),
        ("package-lock.json", ""),
        ("index.html", ""),
    ]));
}

#[test]
fn frameworks_of_node_that_make_files() {
    for (package, parts) in [
        (
            r#"{"scripts": {"start": "react-scripts start", "build": "react-scripts build"}, "dependencies": {"react-scripts": "5"}}"#,
            ["\"create-react-app\", \"build\"", "/index.html; }"],
        ),
        (
            r#"{"scripts": {"start": "ng serve", "build": "ng build"}, "devDependencies": {"@angular/cli": "17"}}"#,
            ["\"dist/*/browser\"", "/index.html; }"],
        ),
        (
            r#"{"scripts": {"build": "astro build"}, "dependencies": {"astro": "4"}}"#,
            ["\"Astro\", \"dist\"", "=404; }"],
        ),
        (
            r#"{"scripts": {"start": "docusaurus start", "build": "docusaurus build"}, "dependencies": {"@docusaurus/core": "3"}}"#,
            ["\"Docusaurus\", \"build\"", "=404; }"],
        ),
        (
            r#"{"devDependencies": {"@11ty/eleventy": "3"}}"#,
            ["npx --no-install eleventy", "\"_site\""],
        ),
        (
            r#"{"devDependencies": {"@sveltejs/kit": "2", "@sveltejs/adapter-static": "3", "vite": "5"}}"#,
            ["\"SvelteKit\", \"build\"", "=404; }"],
        ),
        (
            r#"{"scripts": {"build": "next build", "start": "next dev"}, "dependencies": {"next": "15"}}"#,
            ["\"Next.js\", \"out\"", "=404; }"],
        ),
    ] {
        let files = [
            ("package.json", package),
            ("next.config.mjs", "export default { output: 'export' }"),
        ];
        says(&files, &parts);
        says(
            &files,
            &[
                "FROM segue/static:bookworm",
                "FROM segue/node:22-bookworm AS build",
            ],
        );
    }
}

#[test]
fn frameworks_of_node_that_serve() {
    for (package, line) in [
        (
            r#"{"scripts": {"build": "next build", "start": "next start"}, "dependencies": {"next": "15"}}"#,
            "next start",
        ),
        (
            r#"{"scripts": {"build": "nest build", "start": "nest start", "start:prod": "node dist/main"}, "dependencies": {"@nestjs/core": "10"}}"#,
            "node dist/main",
        ),
        (
            r#"{"scripts": {"start": "nest start"}, "dependencies": {"@nestjs/core": "10"}}"#,
            "node dist/main.js",
        ),
        (
            r#"{"scripts": {"build": "nuxt build"}, "dependencies": {"nuxt": "3"}}"#,
            "node .output/server/index.mjs",
        ),
        (
            r#"{"dependencies": {"astro": "4", "@astrojs/node": "8"}}"#,
            "env 'HOST=0.0.0.0' node ./dist/server/entry.mjs",
        ),
        (
            r#"{"devDependencies": {"@sveltejs/kit": "2", "@sveltejs/adapter-node": "5"}}"#,
            "node build",
        ),
        (
            r#"{"scripts": {"start": "nodemon server.js"}, "devDependencies": {"nodemon": "3"}}"#,
            "node server.js",
        ),
        (
            r#"{"scripts": {"start": "vite build && node server.js"}, "devDependencies": {"vite": "3"}}"#,
            "vite build && node server.js",
        ),
        (
            r#"{"scripts": {"build": "vite build"}, "main": "server.js", "devDependencies": {"vite": "3"}}"#,
            "node server.js",
        ),
        (
            r#"{"scripts": {"start": "NODE_ENV=production node server.js"}}"#,
            "env 'NODE_ENV=production' node server.js",
        ),
    ] {
        assert_eq!(
            start(&[("package.json", package), ("server.js", "")]),
            line,
            "{package}"
        );
    }
    let unclear = [(
        "package.json",
        r#"{"devDependencies": {"@sveltejs/kit": "2", "@sveltejs/adapter-auto": "3"}}"#,
    )];
    assert!(
        refused(&unclear)
            .evidence
            .contains("@sveltejs/adapter-node")
    );
    // A program that only packages for development bring keeps them.
    let kept = [(
        "package.json",
        r#"{"scripts": {"start": "ts-node src/a.ts", "build": "tsc"}, "devDependencies": {"ts-node": "10", "typescript": "5"}}"#,
    )];
    says(&kept, &["npm install --include=dev", "RUN npm run build\n"]);
    let next = [
        (
            "package.json",
            r#"{"scripts": {"build": "next build", "start": "next start"}, "dependencies": {"next": "15"}, "devDependencies": {"typescript": "5"}}"#,
        ),
        ("next.config.ts", "export default {}"),
    ];
    says(
        &next,
        &["RUN npm run build && chown -R 10001:10001 .next\n"],
    );
    // A port of its own is told to the engine, and by it to Segue.
    let fixed = [("package.json", "{}"), ("index.js", "app.listen(3000)")];
    says(&fixed, &["EXPOSE 3000"]);
}

#[test]
fn python_packages_and_lock_files() {
    let flask = [
        (
            "pyproject.toml",
            "[project]\nname = \"js-example\"\ndependencies = [\"flask\"]\n[build-system]\nrequires = [\"flit_core<4\"]\n",
        ),
        (
            "js_example/__init__.py",
            "from flask import Flask\n\napp = Flask(__name__)\n",
        ),
        ("tests/app.py", "app = Flask(__name__)\n"),
    ];
    says(
        &flask,
        &[
            "\"install\", \"gunicorn>=23,<24\"",
            "CMD [\"gunicorn\", \"js_example:app\"]",
        ],
    );
    let factory = [
        (
            "pyproject.toml",
            "[project]\nname = \"flaskr\"\ndependencies = [\"flask\", \"gunicorn\"]\n",
        ),
        (
            "flaskr/__init__.py",
            "from flask import Flask\ndef create_app(test_config=None):\n    app = Flask(__name__)\n",
        ),
    ];
    assert_eq!(start(&factory), "gunicorn 'flaskr:create_app()'");
    let uv = [
        (
            "pyproject.toml",
            "[project]\nname = \"api\"\ndependencies = [\"fastapi[standard]\"]\n",
        ),
        ("uv.lock", ""),
        ("app/__init__.py", ""),
        ("app/main.py", "app = FastAPI()\n"),
    ];
    says(
        &uv,
        &[
            "COPY pyproject.toml uv.lock ./",
            "uv sync --inexact --no-dev --no-install-project",
            "exec uvicorn app.main:app --host 0.0.0.0",
        ],
    );
    assert!(!dockerfile(&uv).contains("uvicorn>="));
    let poetry = [
        (
            "pyproject.toml",
            "[tool.poetry]\nname = \"api\"\n[tool.poetry.dependencies]\npython = \"^3.11\"\nfastapi = \"*\"\nuvicorn = \"*\"\n",
        ),
        ("poetry.lock", ""),
        ("src/main.py", "from db import x\napp = FastAPI()\n"),
    ];
    says(
        &poetry,
        &[
            "poetry install --only main --no-root",
            "uvicorn --app-dir src main:app",
        ],
    );
    let pipenv = [
        ("Pipfile", "[packages]\nflask = \"*\"\n"),
        ("Pipfile.lock", "{}"),
        (
            "hello.py",
            "from flask import Flask\napp = Flask(__name__)\n",
        ),
    ];
    says(
        &pipenv,
        &["pipenv requirements", "CMD [\"gunicorn\", \"hello:app\"]"],
    );
    assert!(refused(&[("Pipfile", "")]).evidence.contains("pipenv lock"));
    let two = [
        ("requirements.txt", "flask"),
        ("one/app.py", "app = Flask(__name__)"),
        ("two/app.py", "app = Flask(__name__)"),
    ];
    assert!(
        refused(&two)
            .evidence
            .contains("one/app.py and in two/app.py")
    );
}

#[test]
fn django_that_lists_nothing() {
    insta::assert_snapshot!(dockerfile(&[
        ("manage.py", ""),
        (
            "shop/settings.py",
            "\"\"\"\nGenerated by 'django-admin startproject' using Django 5.2.8.\n"
        ),
        ("shop/wsgi.py", ""),
    ]));
    let whitenoise = [
        ("requirements.txt", "django\nwhitenoise\n"),
        ("manage.py", ""),
        ("shop/settings.py", "STATIC_ROOT = 'x'\n"),
        ("shop/wsgi.py", ""),
    ];
    says(&whitenoise, &["collectstatic --noinput"]);
}

proptest! {
    /// Names with a star stand for what a person would say that they do.
    #[test]
    fn stars_stand_for_a_part_of_one_name(before in "[a-z]{0,3}", inside in "[a-z.]{0,4}", after in "[a-z]{0,3}") {
        let (pattern, path) = (format!("x/{before}*{after}"), format!("x/{before}{inside}{after}"));
        let hidden = before.is_empty() && format!("{inside}{after}").starts_with('.');
        prop_assert_eq!(names(&pattern, &path), !hidden);
        let below = format!("{path}/y");
        prop_assert!(!names(&pattern, &below));
        prop_assert!(!names(&pattern, &path.replace('/', "")));
    }
}
