//! Commands that people type beside deploying: one-off runs, environments, settings, teams, tokens, the audit log.

use anyhow::ensure;
use segue_tests::images::image;
use segue_tests::machine::{Machine, share_engine};
use serde_json::Value;

/// One-off runs: the command, its exit code, its output.
const RUNS: &[(&[&str], i32, &str)] = &[
    (&["/probeapp", "say", "A"], 0, "A=1\n"),
    (&["/probeapp", "exit", "7"], 7, ""),
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn commands_beside_deploying_do_what_they_say() -> anyhow::Result<()> {
    share_engine()?;
    let machine = Machine::start()?;
    let folder = machine.state();
    let name = image("segue-test/command-line:v1", &[("VERSION", "v1")])?;
    let does = |line: &str| -> anyhow::Result<String> {
        let words: Vec<&str> = line.split(' ').collect();
        let output = machine.cli(&folder, &words)?;
        println!("$ segue {line}\n{output}");
        Ok(output)
    };
    does(&format!("up --image {name} -a shop"))?;

    // Settings: from a file, to a file, compared, rotated.
    std::fs::write(folder.join("shop.env"), "A=1\nB=\"two words\"\n")?;
    does("config import shop.env -a shop")?;
    let exported = does("config export -a shop")?;
    ensure!(exported == "A=1\nB=\"two words\"\n", "{exported}");
    ensure!(
        does("config history -a shop")?.contains("version "),
        "no history"
    );
    does("envs clone production staging -a shop")?;
    does("config set -a shop -e staging A=2 --detach")?;
    let differs = does("config diff production staging -a shop")?;
    ensure!(
        differs.contains("~ A: \"1\" in production, \"2\" in staging"),
        "{differs}"
    );

    // What serves one environment goes to the other.
    let url = does("promote production staging -a shop")?;
    ensure!(url.starts_with("http://"), "{url}");
    does("envs protect staging -a shop")?;

    // A plan of a file, and its exit code.
    let file = format!("application: shop\nimage: {name}\nreplicas: 2\nport: 8080\n");
    std::fs::write(folder.join("shop.yaml"), file)?;
    let plan = ["plan", "-f", "shop.yaml", "--detailed-exitcode"];
    let output = machine.try_cli(&folder, &plan)?;
    ensure!(output.status.code() == Some(2), "{output:?}");

    // Looking.
    ensure!(does("events -a shop")?.contains("deployment."), "no events");
    does("builds -a shop")?;
    ensure!(
        does("open -a shop")?.starts_with("http://shop.localhost"),
        "no address"
    );

    // People.
    ensure!(does("teams")?.contains("acme"), "no team");
    ensure!(
        does("teams members")?.contains("ada@example.com"),
        "no member"
    );
    let link = does("teams invite bob@example.com --role viewer")?;
    ensure!(link.starts_with("http"), "{link}");
    ensure!(
        does("teams invitations")?.contains("bob@example.com"),
        "no invitation"
    );
    ensure!(does("teams quota")?.contains("apps     1"), "no quota");
    for kind in ["", " --deploy"] {
        let token = does(&format!("tokens create robot --scope read{kind}"))?;
        ensure!(token.trim().len() > 20, "{token}");
        ensure!(
            does(&format!("tokens list{kind}"))?.contains("robot"),
            "no token"
        );
        does(&format!("tokens revoke robot{kind}"))?;
    }
    ensure!(!does("audit list")?.is_empty(), "no audit");
    let exported = does("audit export")?;
    for line in exported.lines() {
        let _: Value = serde_json::from_str(line)?;
    }
    ensure!(exported.lines().count() > 5, "{exported}");
    does("audit verify")?;

    // A one-off run: its output, and its exit code.
    for (words, code, stdout) in RUNS {
        let mut run = vec!["run", "-a", "shop", "-q", "--"];
        run.extend(words.iter());
        let output = machine.try_cli(&folder, &run)?;
        println!("{output:?}");
        ensure!(output.status.code() == Some(*code), "{output:?}");
        ensure!(
            String::from_utf8_lossy(&output.stdout) == *stdout,
            "{output:?}"
        );
    }
    ensure!(does("runs -a shop")?.contains("/probeapp"), "no run");
    machine.stop()
}
