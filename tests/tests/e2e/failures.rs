//! Bad releases, each by a real container: its own code, its sentence, exit code 3, and traffic stays where
//! it was, without a failed request.

use anyhow::{Context as _, ensure};
use segue_tests::images::image;
use segue_tests::machine::{Machine, share_engine, wait_for};

use crate::switch::load;

/// A way to fail.
struct Case {
    /// The code that must be shown.
    code: &'static str,
    /// Image to run; the probe application otherwise.
    image: Option<&'static str>,
    /// Lines below `[services.web]`.
    service: &'static str,
    /// Lines below `[config]`.
    config: &'static str,
    /// Lines below `[deploy.rollout]`.
    rollout: &'static str,
    /// What health.start_timeout is.
    start: &'static str,
    /// What the evidence must name.
    evidence: &'static str,
    /// 3: a deployment failed; 1: none was made.
    exit: i32,
}

const GOOD: Case = Case {
    code: "",
    image: None,
    service: "",
    config: "VERSION = \"good\"",
    rollout: "",
    start: "12s",
    evidence: "",
    exit: 3,
};

const CASES: [Case; 13] = [
    Case {
        code: "health_port_mismatch",
        start: "6s",
        service: "port = 9000",
        config: "FIXED_PORT = \"8088\"",
        evidence: "8088",
        ..GOOD
    },
    Case {
        code: "health_loopback",
        start: "6s",
        config: "LISTEN = \"127.0.0.1\"",
        evidence: "127.0.0.1",
        ..GOOD
    },
    Case {
        code: "health_timeout",
        start: "6s",
        config: "LISTEN_DELAY_MS = \"3600000\"",
        evidence: "nothing listens",
        ..GOOD
    },
    Case {
        code: "health_status",
        start: "6s",
        config: "STATUS = \"500\"",
        evidence: "500",
        ..GOOD
    },
    Case {
        code: "exited_at_once",
        config: "EXIT_AFTER_MS = \"0\"\nEXIT_CODE = \"7\"",
        evidence: "web.",
        ..GOOD
    },
    Case {
        code: "out_of_memory",
        config: "ALLOCATE_MIB = \"900\"",
        evidence: "killed for memory",
        ..GOOD
    },
    Case {
        code: "command_not_found",
        service: "command = \"/no/such/program\"",
        evidence: "/no/such/program",
        ..GOOD
    },
    Case {
        code: "exec_format",
        image: Some("segue-test/foreign:v1"),
        evidence: "arm64",
        ..GOOD
    },
    Case {
        code: "image_not_pullable",
        image: Some("segue-test/missing:v1"),
        evidence: "segue-test/missing:v1",
        ..GOOD
    },
    Case {
        // A folder is no program.
        code: "container_refused",
        service: "command = \"/\"",
        evidence: "web.",
        ..GOOD
    },
    Case {
        code: "no_capacity",
        service: "resources = { memory = \"1000GiB\" }",
        rollout: "progress_deadline = \"10s\"",
        evidence: "memory",
        ..GOOD
    },
    Case {
        code: "progress_deadline",
        start: "60s",
        config: "LISTEN_DELAY_MS = \"3600000\"",
        rollout: "progress_deadline = \"10s\"",
        evidence: "no progress",
        ..GOOD
    },
    Case {
        code: "variable_missing",
        config: "NEEDED = { secret = true, required = true }",
        evidence: "NEEDED",
        exit: 1,
        ..GOOD
    },
];

/// Whether the output names the code.
fn named(code: &str, said: &str) -> bool {
    said.contains(&format!("code: {code}"))
}

fn manifest(case: &Case, image: &str) -> String {
    let image = case.image.unwrap_or(image);
    format!(
        "app = \"shop\"\n[build]\nimage = \"{image}\"\n[deploy.rollout]\nbake = \"1s\"\n{}\n[services.web]\nreplicas = 2\n\
         {}\nhealth = {{ start_timeout = \"{}\" }}\n[config]\n{}\n",
        case.rollout, case.service, case.start, case.config
    )
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_bad_release_says_why_and_leaves_traffic_where_it_was() -> anyhow::Result<()> {
    share_engine()?;
    let machine = Machine::start()?;
    let name = image("segue-test/failures:v1", &[])?;
    segue_tests::images::foreign("segue-test/foreign:v1")?;
    let folder = machine.state();
    let file = folder.join("segue.toml");

    std::fs::write(&file, manifest(&GOOD, &name))?;
    machine.cli(&folder, &["apply", "-f", "segue.toml"])?;
    let running = load(&machine, "shop.localhost", 100).start();
    wait_for("the good version to answer", || {
        Ok(running.so_far().versions.contains_key("good").then_some(()))
    })?;

    let mut wrong = Vec::new();
    for case in &CASES {
        std::fs::write(&file, manifest(case, &name))?;
        let begun = std::time::Instant::now();
        let output = machine.try_cli(&folder, &["apply", "-f", "segue.toml"])?;
        let said = String::from_utf8(output.stderr).context("not text")?;
        println!("=== {} after {:?}\n{said}", case.code, begun.elapsed());
        if output.status.code() != Some(case.exit)
            || !named(case.code, &said)
            || !said.contains(case.evidence)
        {
            wrong.push(format!(
                "{} ended with {}:\n{said}",
                case.code, output.status
            ));
        }
    }
    cancelled(&machine, &name)?;
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

/// A person stops a deployment whose containers start.
fn cancelled(machine: &Machine, image: &str) -> anyhow::Result<()> {
    let case = Case {
        config: "LISTEN_DELAY_MS = \"3600000\"",
        ..GOOD
    };
    let folder = machine.state();
    std::fs::write(folder.join("segue.toml"), manifest(&case, image))?;
    machine.cli(&folder, &["apply", "--detach"])?;
    wait_for("the new instances to be created", || {
        Ok((machine.containers("web")?.len() >= 4).then_some(()))
    })?;
    let list = "/v1/teams/acme/apps/shop/envs/production/deployments?limit=1";
    let list = machine.call("GET", list, None)?;
    let number = list
        .pointer("/items/0/number")
        .context("no deployment")?
        .to_string();
    machine.cli(&folder, &["deploys", "cancel", &number])?;
    let output = machine.try_cli(&folder, &["deploys", "follow", &number])?;
    let said = String::from_utf8(output.stderr).context("not text")?;
    println!("=== cancelled\n{said}");
    ensure!(output.status.code() == Some(3), "{said}");
    ensure!(said.contains("code: cancelled"), "{said}");
    Ok(())
}
