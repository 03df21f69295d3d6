//! Edges as processes of their own, killed without warning at the moment that hurts most: the control plane has
//! just read an acknowledgement, and nothing happens in the edge after that.

use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};

use segue_edge::{ControlAddr, Edge, EdgeConfig};
use tokio::signal::unix::SignalKind;
use tokio_util::sync::CancellationToken;

use crate::app::App;
use crate::client::{self, get};
use crate::harness::{HOST, Routes, World, eventually};

/// Sent by the kernel to a process whose file would grow beyond its limit.
const SIGXFSZ: i32 = 25;

/// Names the folder of the edge to the process that [`start`] starts.
const FOLDER: &str = "SEGUE_TEST_EDGE_FOLDER";

/// Not a test: the edge of the tests below, in a process that they can kill.
#[tokio::test]
#[ignore = "the process that the tests of this file start and kill"]
async fn edge_process() {
    let Some(folder) = std::env::var_os(FOLDER) else {
        println!("started by hand: there is nothing to serve");
        return;
    };
    let folder = Path::new(&folder);
    rustls::crypto::aws_lc_rs::default_provider()
        .install_default()
        .unwrap();
    let any = "127.0.0.1:0".parse().unwrap();
    let edge = Edge::bind(EdgeConfig {
        state_dir: folder.join("edge"),
        http: vec![any],
        https: Vec::new(),
        admin: any,
        control: ControlAddr::Unix(folder.join("control.sock")),
        token_file: folder.join("token"),
        threads: 1,
        ..EdgeConfig::default()
    })
    .unwrap();
    // A file that grows beyond its limit is a failed write to this process, and not its end.
    let _ignored = tokio::signal::unix::signal(SignalKind::from_raw(SIGXFSZ)).unwrap();
    let addresses = format!("{} {}", edge.http()[0], edge.admin());
    std::fs::write(folder.join("address.new"), addresses).unwrap();
    std::fs::rename(folder.join("address.new"), folder.join("address")).unwrap();
    edge.run(CancellationToken::new()).await.unwrap();
}

/// A running edge process; killed when dropped.
struct Process {
    child: Arc<Mutex<Child>>,
    http: SocketAddr,
    admin: SocketAddr,
}

impl Process {
    /// From now on no file of it can grow, as on a full disk, or again as it likes.
    fn disk_full(&self, full: bool) {
        let pid = i32::try_from(self.child.lock().unwrap().id()).unwrap();
        let limit = full.then_some(0);
        rustix::process::prlimit(
            rustix::process::Pid::from_raw(pid),
            rustix::process::Resource::Fsize,
            rustix::process::Rlimit {
                current: limit,
                maximum: None,
            },
        )
        .unwrap();
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        kill(&self.child);
    }
}

fn kill(child: &Mutex<Child>) {
    let mut child = child.lock().unwrap();
    let _ = child.kill();
    child.wait().unwrap();
}

async fn start(world: &World) -> Process {
    let address = world.folder.path().join("address");
    let _ = std::fs::remove_file(&address);
    let child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "kill::edge_process", "--ignored", "--nocapture"])
        .env(FOLDER, world.folder.path())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    eventually("the edge listens", async || address.exists()).await;
    let text = std::fs::read_to_string(&address).unwrap();
    let (http, admin) = text.split_once(' ').unwrap();
    Process {
        child: Arc::new(Mutex::new(child)),
        http: http.parse().unwrap(),
        admin: admin.parse().unwrap(),
    }
}

/// Two changes, one right after the other; the edge dies in the moment in which the second one's acknowledgement
/// is read. `before_restart` sees the folder of the dead edge. Answers what the restarted edge says without a
/// control plane.
async fn killed_at_the_acknowledgement(before_restart: impl Fn(&Path)) -> Vec<String> {
    let world = World::new().await;
    let mut routes = Routes::new();
    // A drained application is gone; nothing is waited for.
    routes.policy(|policy| policy.hold = std::time::Duration::ZERO);
    let mut edge = start(&world).await;
    let mut answers = Vec::new();
    for round in 0..5 {
        let old = App::start(&format!("old-{round}")).await;
        let new = App::start(&format!("new-{round}")).await;
        world.control.switch(routes.next(&[&old])).await;
        let generation = routes.next(&[&new]);
        let (id, at) = (generation.environment, generation.route_gen);
        let (child, died) = (edge.child.clone(), CancellationToken::new());
        let told = died.clone();
        world.control.at_report(move |report| {
            if report.acknowledged.get(&id) >= Some(&at) {
                kill(&child);
                told.cancel();
            }
        });
        world.control.set(generation);
        died.cancelled().await;
        world.control.at_report(|_| {});
        world.control.stop();
        // The acknowledgement allowed this.
        old.kill();
        before_restart(&world.folder.path().join("edge"));
        edge = start(&world).await;
        let answer = client::once(edge.http, get(HOST, "/")).await.unwrap();
        answers.push(format!("{} {}", answer.status.as_u16(), answer.text()));
        world.control.start().await;
    }
    answers
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_acknowledged_is_in_force_after_a_kill_and_without_a_control_plane() {
    let answers = killed_at_the_acknowledgement(|_| {}).await;
    let wanted: Vec<_> = (0..5).map(|round| format!("200 new-{round}")).collect();
    assert_eq!(answers, wanted);
}

/// Proof that the test above can fail: an edge whose last change did not reach the disk before it was acknowledged
/// sends requests to an application that is gone.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_edge_that_loses_what_it_acknowledged_is_found_out() {
    let answers = killed_at_the_acknowledgement(|folder| {
        let logs = std::fs::read_dir(folder).unwrap().flatten();
        let newest = logs
            .filter(|entry| entry.metadata().unwrap().len() > 0)
            .filter_map(|entry| {
                let name = entry.file_name().into_string().unwrap();
                let number: u64 = name.strip_prefix("routes.log.")?.parse().unwrap();
                Some((number, entry.path()))
            })
            .max()
            .unwrap();
        let text = std::fs::read_to_string(&newest.1).unwrap();
        let without_last = text.trim_end().rsplit_once('\n').unwrap().0;
        std::fs::write(&newest.1, format!("{without_last}\n")).unwrap();
    })
    .await;
    assert_eq!(answers.len(), 5);
    for answer in answers {
        assert!(answer.starts_with("503 "), "{answer}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_be_written_is_in_force_and_not_acknowledged() {
    let world = World::new().await;
    let mut routes = Routes::new();
    let edge = start(&world).await;
    let (old, new) = (App::start("old").await, App::start("new").await);
    let first = routes.next(&[&old]);
    world.control.switch(first.clone()).await;
    edge.disk_full(true);
    let second = routes.next(&[&new]);
    world.control.set(second.clone());
    eventually("the edge says that it cannot write", async || {
        let ready = client::once(edge.admin, get("x", "/readyz")).await.unwrap();
        ready.text().contains("\"routes_saved\":false")
    })
    .await;
    let answer = client::once(edge.http, get(HOST, "/")).await.unwrap();
    assert_eq!(answer.text(), "new", "the newest routes are in force");
    let reports = world.control.told().reports;
    let told = world
        .control
        .wait("more reports", |told| told.reports >= reports + 2)
        .await;
    assert_eq!(
        told.acknowledged[&first.environment], first.route_gen,
        "what is not on disk is not acknowledged"
    );
    edge.disk_full(false);
    world.control.wait_acknowledged(&second).await;
    world.control.stop();
    drop(edge);
    old.kill();
    let edge = start(&world).await;
    let answer = client::once(edge.http, get(HOST, "/")).await.unwrap();
    assert_eq!(answer.text(), "new");
}
