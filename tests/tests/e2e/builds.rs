//! Source that does not become a release, each by a real build: its own code, its evidence, exit code 3 where a
//! deployment was made, and traffic stays where it was.

use std::path::Path;

use anyhow::{Context as _, ensure};
use segue_tests::images::probeapp;
use segue_tests::machine::{Machine, share_engine, wait_for};

use crate::switch::load;

/// A source that fails.
struct Case {
    code: &'static str,
    /// Files of the source, besides the manifest.
    files: &'static [(&'static str, &'static str)],
    /// Lines below `[build]`.
    build: &'static str,
    /// What must be said.
    evidence: &'static [&'static str],
    /// 3: a deployment failed; 1: none was made, because the source alone says that it cannot be.
    exit: i32,
}

const HEAD: &str = "FROM scratch\nCOPY probeapp /probeapp\nEXPOSE 8080\nCMD [\"/probeapp\"]\n";

const CASES: &[Case] = &[
    Case {
        code: "build_failed",
        files: &[(
            "Dockerfile",
            "FROM scratch\nCOPY probeapp /probeapp\nENV EXIT_AFTER_MS=0 EXIT_CODE=3\nRUN [\"/probeapp\"]\n",
        )],
        build: "",
        evidence: &["/probeapp"],
        exit: 3,
    },
    Case {
        code: "build_limit",
        files: &[(
            "Dockerfile",
            "FROM scratch\nCOPY probeapp /probeapp\nENV ALLOCATE_MIB=4000\nRUN [\"/probeapp\"]\n",
        )],
        build: "",
        evidence: &["memory"],
        exit: 3,
    },
    Case {
        code: "tests_failed",
        files: &[
            ("Procfile", "web: python app.py\n"),
            ("requirements.txt", ""),
            ("app.py", "print('never started')\n"),
            (
                "test_shop.py",
                "import unittest\nclass Shop(unittest.TestCase):\n    def test_price(self):\n        self.assertEqual(1, 2)\n    def test_name(self):\n        pass\n",
            ),
        ],
        build: "test = \"python -m unittest -v test_shop\"",
        evidence: &["test_price"],
        exit: 3,
    },
    Case {
        code: "nothing_detected",
        files: &[("README", "words\n")],
        build: "",
        evidence: &["Dockerfile"],
        exit: 1,
    },
    Case {
        code: "no_start_command",
        files: &[("requirements.txt", "flask\n")],
        build: "",
        evidence: &["Procfile"],
        exit: 1,
    },
    Case {
        code: "runtime_missing",
        files: &[
            ("requirements.txt", "flask\n"),
            ("Procfile", "web: python app.py\n"),
            ("runtime.txt", "python-3.99\n"),
        ],
        build: "",
        evidence: &["3.99", "3.11"],
        exit: 1,
    },
    Case {
        code: "release_command_failed",
        files: &[
            ("Dockerfile", HEAD),
            ("Procfile", "web: /probeapp\nrelease: /probeapp\n"),
        ],
        build: "",
        evidence: &["release"],
        exit: 1,
    },
    Case {
        code: "dockerfile_unsupported",
        files: &[(
            "Dockerfile",
            "# syntax=docker/dockerfile:1.9-labs\nFROM scratch\n",
        )],
        build: "",
        evidence: &["syntax="],
        exit: 3,
    },
    Case {
        code: "image_not_pullable",
        files: &[("Dockerfile", "FROM localhost:1/segue-test/nowhere:v1\n")],
        build: "",
        evidence: &["nowhere"],
        exit: 3,
    },
];

fn source(folder: &Path, app: &str, files: &[(&str, &str)], build: &str) -> anyhow::Result<()> {
    if folder.exists() {
        std::fs::remove_dir_all(folder)?;
    }
    std::fs::create_dir_all(folder)?;
    std::fs::copy(probeapp()?, folder.join("probeapp"))?;
    let manifest = format!("app = \"{app}\"\n[build]\n{build}\n");
    std::fs::write(folder.join("segue.toml"), manifest)?;
    for (name, text) in files {
        std::fs::write(folder.join(name), text)?;
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn source_that_cannot_become_a_release_says_why() -> anyhow::Result<()> {
    share_engine()?;
    let machine = Machine::start_with(vec![
        ("build.memory_mib", "1024".to_owned()),
        ("build.time_s", "40".to_owned()),
    ])?;
    let folder = machine.state().join("sources").join("shop");
    let good = format!("{HEAD}ENV VERSION=good\n");
    source(&folder, "shop", &[("Dockerfile", &good)], "")?;
    machine.cli(&folder, &["up"])?;
    let running = load(&machine, "shop.localhost", 50).start();
    wait_for("the good version to answer", || {
        Ok(running.so_far().versions.contains_key("good").then_some(()))
    })?;

    // Meanwhile another build does not end: it listens where it should have done something.
    let endless = machine.state().join("sources").join("endless");
    let file = "FROM scratch\nCOPY probeapp /probeapp\nRUN [\"/probeapp\"]\n";
    source(&endless, "endless", &[("Dockerfile", file)], "")?;
    machine.cli(&endless, &["up", "--detach"])?;

    let mut wrong = Vec::new();
    for case in CASES {
        let begun = std::time::Instant::now();
        source(&folder, "shop", case.files, case.build)?;
        let output = machine.try_cli(&folder, &["up"])?;
        let said = String::from_utf8(output.stderr).context("not text")?;
        println!("=== {} after {:?}\n{said}", case.code, begun.elapsed());
        if output.status.code() != Some(case.exit)
            || !said.contains(&format!("code: {}", case.code))
            || !case.evidence.iter().all(|word| said.contains(word))
        {
            wrong.push(format!(
                "{} ended with {}:\n{said}",
                case.code, output.status
            ));
        }
    }

    let output = machine.try_cli(&endless, &["deploys", "follow", "1"])?;
    let said = String::from_utf8(output.stderr).context("not text")?;
    println!("=== build_timed_out\n{said}");
    if output.status.code() != Some(3)
        || !said.contains("code: build_timed_out")
        || !said.contains("time limit")
    {
        wrong.push(format!(
            "build_timed_out ended with {}:\n{said}",
            output.status
        ));
    }

    let report = running.stop().await;
    println!("{}", report.summary());
    ensure!(wrong.is_empty(), "{}\n{}", wrong.join("\n"), machine.tail());
    ensure!(
        report.failed == 0,
        "{}\n{}",
        report.summary(),
        machine.tail()
    );
    ensure!(
        report.versions.keys().eq(["good"]),
        "others answered: {:?}",
        report.versions
    );
    machine.stop()
}
