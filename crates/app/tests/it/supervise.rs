//! A supervisor is killed, and what it kept is neither lost nor doubled.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tempfile::TempDir;

/// Generous: it is reached only when something is wrong.
const DEADLINE: Duration = Duration::from_secs(60);

/// A folder with a twin on it. Dropping it leaves no process behind.
struct Stage {
    folder: TempDir,
    twin: Option<Child>,
}

impl Stage {
    fn new(programs: &Value) -> Self {
        let mut stage = Self {
            folder: tempfile::tempdir().unwrap(),
            twin: None,
        };
        stage.write_programs(programs);
        stage.start();
        stage
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// `%` in arguments and file names stands for the folder.
    fn write_programs(&self, programs: &Value) {
        let folder = self.folder.path().to_str().unwrap();
        let text = programs.to_string().replace('%', folder);
        fs::write(self.path("programs.json"), text).unwrap();
    }

    fn start(&mut self) {
        self.twin = Some(spawn_twin(self.folder.path()));
    }

    fn twin_pid(&self) -> u32 {
        self.twin.as_ref().unwrap().id()
    }

    fn kill_twin(&mut self) {
        let mut twin = self.twin.take().unwrap();
        twin.kill().unwrap();
        twin.wait().unwrap();
    }

    /// Sends a signal and waits until the supervisor has returned; true if it did so in order.
    fn end_twin(&mut self, signal: &str) -> bool {
        let mut twin = self.twin.take().unwrap();
        send(signal, twin.id());
        twin.wait().unwrap().success()
    }

    /// What the running twin says of a unit.
    fn unit(&self, name: &str) -> Option<Value> {
        let board: Value = serde_json::from_slice(&fs::read(self.path("board.json")).ok()?).ok()?;
        let unit = board.get(name)?.clone();
        (unit["supervisor"] == self.twin_pid()).then_some(unit)
    }

    fn wait_for(&self, name: &str, what: impl Fn(&Value) -> bool) -> Value {
        eventually(|| self.unit(name).filter(&what))
    }

    fn wait_ready(&self, name: &str) -> u32 {
        let unit = self.wait_for(name, |unit| unit["ready"] == true);
        u32::try_from(unit["pid"].as_u64().unwrap()).unwrap()
    }

    fn lines(&self, name: &str) -> Vec<String> {
        let text = fs::read_to_string(self.path(name)).unwrap_or_default();
        text.lines().map(str::to_owned).collect()
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        if self.twin.is_none() {
            self.start();
        }
        self.end_twin("TERM");
    }
}

fn spawn_twin(folder: &Path) -> Child {
    Command::new(env!("CARGO_BIN_EXE_supervise-twin"))
        .arg(folder)
        .spawn()
        .unwrap()
}

fn send(signal: &str, pid: u32) {
    let sent = Command::new("kill")
        .args([&format!("-{signal}"), &pid.to_string()])
        .status();
    assert!(sent.unwrap().success(), "kill -{signal} {pid}");
}

fn alive(pid: u32) -> bool {
    fs::read_to_string(format!("/proc/{pid}/stat")).is_ok_and(|stat| !stat.contains(") Z "))
}

fn eventually<T>(mut look: impl FnMut() -> Option<T>) -> T {
    let end = Instant::now() + DEADLINE;
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(Instant::now() < end, "the condition never came");
        std::thread::sleep(Duration::from_millis(10));
    }
}

fn sleeper(name: &str) -> Value {
    json!({ "name": name, "program": "/bin/sleep", "args": ["1000"], "grace_ms": 20_000 })
}

fn shell(name: &str, script: &str) -> Value {
    json!({ "name": name, "program": "/bin/sh", "args": ["-c", script], "grace_ms": 20_000 })
}

fn with(mut program: Value, key: &str, value: Value) -> Value {
    program
        .as_object_mut()
        .unwrap()
        .insert(key.to_owned(), value);
    program
}

#[test]
fn a_unit_that_ends_is_started_again_and_again() {
    let stage = Stage::new(&json!([shell("brief", "echo life >> %/lives; exit 3")]));
    stage.wait_for("brief", |unit| unit["restarts"].as_u64() >= Some(4));
    assert!(stage.lines("lives").len() >= 4);
}

#[test]
fn a_unit_that_is_killed_gets_a_successor() {
    let stage = Stage::new(&json!([sleeper("one")]));
    let first = stage.wait_ready("one");
    send("KILL", first);
    stage.wait_for("one", |unit| unit["ready"] == true && unit["pid"] != first);
}

#[test]
fn a_killed_supervisor_finds_its_units_again() {
    let mut stage = Stage::new(&json!([sleeper("one"), sleeper("two")]));
    let before = [stage.wait_ready("one"), stage.wait_ready("two")];
    stage.kill_twin();
    assert!(
        before.into_iter().all(alive),
        "units outlive their supervisor"
    );
    stage.start();
    assert_eq!([stage.wait_ready("one"), stage.wait_ready("two")], before);
    assert_eq!(stage.unit("one").unwrap()["adopted"], true);
    // An adopted unit is watched like any other, although it is nobody's child.
    send("KILL", before[0]);
    let next = stage.wait_for("one", |unit| {
        unit["ready"] == true && unit["adopted"] == false
    });
    assert_ne!(next["pid"], before[0]);
    assert_eq!(
        stage.wait_ready("two"),
        before[1],
        "the other one is left alone"
    );
}

#[test]
fn a_unit_runs_while_it_is_wanted_and_its_end_is_no_failure() {
    let one = with(sleeper("one"), "wanted_file", json!("%/wanted"));
    let mut stage = Stage::new(&json!([one, sleeper("other")]));
    stage.wait_ready("other");
    stage.wait_for("one", |unit| unit["phase"] == "Resting");
    fs::write(stage.path("wanted"), "").unwrap();
    let first = stage.wait_ready("one");
    // Wanted or not is looked at afresh: a successor keeps what is wanted and stops what is not.
    stage.kill_twin();
    stage.start();
    assert_eq!(stage.wait_ready("one"), first);
    stage.kill_twin();
    fs::remove_file(stage.path("wanted")).unwrap();
    stage.start();
    let unit = stage.wait_for("one", |unit| unit["phase"] == "Resting");
    assert!(!alive(first));
    assert_eq!(unit["restarts"], 0);
    fs::write(stage.path("wanted"), "").unwrap();
    let second = stage.wait_ready("one");
    assert!(stage.end_twin("TERM"));
    assert!(!alive(second));
}

#[test]
fn an_adopted_unit_does_not_wait_for_those_it_comes_after() {
    let first = with(sleeper("first"), "ready_file", json!("%/ready"));
    let second = with(sleeper("second"), "after", json!(["first"]));
    let mut stage = Stage::new(&json!([first, second]));
    stage.wait_for("second", |unit| unit["phase"] == "Waiting");
    fs::write(stage.path("ready"), "").unwrap();
    let pid = stage.wait_ready("second");
    stage.kill_twin();
    fs::remove_file(stage.path("ready")).unwrap();
    stage.start();
    assert_eq!(stage.wait_ready("second"), pid);
    assert_eq!(stage.unit("first").unwrap()["ready"], false);
}

#[test]
fn a_unit_without_a_record_is_found_by_its_mark_and_not_doubled() {
    let script = "echo $$ >> %/pids; exec sleep 1000";
    let mut stage = Stage::new(&json!([shell("one", script)]));
    let first = stage.wait_ready("one");
    stage.kill_twin();
    fs::remove_file(stage.path("one.unit.json")).unwrap();
    stage.start();
    // Nobody knows what it was started from, so it is replaced, but only after it has ended.
    stage.wait_for("one", |unit| {
        unit["ready"] == true && unit["adopted"] == false
    });
    assert!(!alive(first), "two at once");
    eventually(|| (stage.lines("pids").len() == 2).then_some(()));
}

#[test]
fn another_process_on_a_recorded_pid_is_left_alone() {
    let mut stage = Stage::new(&json!([sleeper("one")]));
    stage.wait_ready("one");
    assert!(stage.end_twin("TERM"));
    let mut stranger = Command::new("/bin/sleep").arg("1000").spawn().unwrap();
    let boot_id = fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap();
    let record = json!({
        "boot_id": boot_id.trim(), "pid": stranger.id(), "start_ticks": 1, "form": "",
    });
    fs::write(stage.path("one.unit.json"), record.to_string()).unwrap();
    stage.start();
    assert_ne!(stage.wait_ready("one"), stranger.id());
    assert!(stage.end_twin("TERM"));
    assert!(alive(stranger.id()));
    stranger.kill().unwrap();
    stranger.wait().unwrap();
}

#[test]
fn a_unit_with_other_arguments_is_replaced_when_its_successor_can_start() {
    let mut stage = Stage::new(&json!([sleeper("one"), sleeper("two")]));
    let (first, second) = (stage.wait_ready("one"), stage.wait_ready("two"));
    stage.kill_twin();
    let changed = with(sleeper("two"), "args", json!(["2000"]));
    stage.write_programs(&json!([sleeper("one"), changed]));
    stage.start();
    let unit = stage.wait_for("two", |unit| unit["ready"] == true && unit["pid"] != second);
    assert_eq!(unit["adopted"], false);
    assert!(!alive(second));
    assert_eq!(stage.wait_ready("one"), first);
}

#[test]
fn units_start_in_order_and_stop_in_the_reverse_order() {
    let noisy = |name: &str| {
        let script = format!(
            "trap 'echo {name} >> %/stops; exit 0' TERM; echo {name} >> %/starts; \
             while :; do sleep 0.05; done"
        );
        with(
            shell(name, &script),
            "ready_file",
            json!(format!("%/{name}.ready")),
        )
    };
    let second = with(noisy("second"), "after", json!(["first"]));
    let third = with(noisy("third"), "after", json!(["second"]));
    let mut stage = Stage::new(&json!([noisy("first"), second, third]));
    for name in ["first", "second", "third"] {
        eventually(|| {
            stage
                .lines("starts")
                .iter()
                .any(|line| line == name)
                .then_some(())
        });
        fs::write(stage.path(&format!("{name}.ready")), "").unwrap();
        stage.wait_ready(name);
    }
    assert_eq!(stage.lines("starts"), ["first", "second", "third"]);
    assert!(stage.end_twin("TERM"));
    assert_eq!(stage.lines("stops"), ["third", "second", "first"]);
}

#[test]
fn a_unit_that_ignores_the_signal_is_killed_with_all_it_started() {
    let script = "trap '' TERM; sleep 1000 & echo $! > %/inner; touch %/up; wait; sleep 1000";
    let stubborn = with(shell("stubborn", script), "grace_ms", json!(50));
    let mut stage = Stage::new(&json!([with(stubborn, "ready_file", json!("%/up"))]));
    let pid = stage.wait_ready("stubborn");
    let inner: u32 = stage.lines("inner")[0].parse().unwrap();
    assert!(stage.end_twin("TERM"));
    assert!(!alive(pid));
    eventually(|| (!alive(inner)).then_some(()));
}

#[test]
fn an_order_to_let_go_leaves_the_units_for_a_successor() {
    let mut stage = Stage::new(&json!([sleeper("one")]));
    let pid = stage.wait_ready("one");
    assert!(stage.end_twin("HUP"));
    assert!(alive(pid));
    stage.start();
    assert_eq!(stage.wait_ready("one"), pid);
}

#[test]
fn a_folder_has_one_supervisor() {
    let stage = Stage::new(&json!([sleeper("one")]));
    let pid = stage.wait_ready("one");
    let mut second = spawn_twin(stage.folder.path());
    assert!(!second.wait().unwrap().success());
    assert_eq!(stage.wait_ready("one"), pid);
}

#[test]
fn a_start_waits_for_what_comes_before_it() {
    let one = with(sleeper("one"), "needs_file", json!("%/needed"));
    let stage = Stage::new(&json!([one]));
    stage.wait_for("one", |unit| unit["restarts"].as_u64() >= Some(2));
    assert!(stage.unit("one").unwrap()["pid"].is_null());
    fs::write(stage.path("needed"), "").unwrap();
    stage.wait_ready("one");
}

#[test]
fn a_unit_sees_the_environment_it_was_given_and_no_other() {
    let mut stage = Stage::new(&json!([shell(
        "one",
        "env > %/env; touch %/up; sleep 1000"
    )]));
    eventually(|| stage.path("up").exists().then_some(()));
    let mut names: Vec<String> = stage
        .lines("env")
        .iter()
        .filter_map(|line| line.split_once('=').map(|(name, _)| name.to_owned()))
        // The shell itself adds these.
        .filter(|name| !["PWD", "OLDPWD", "SHLVL", "_"].contains(&name.as_str()))
        .collect();
    names.sort();
    assert_eq!(names, ["PATH", "SEGUE_UNIT"]);
    assert!(stage.end_twin("TERM"));
}
