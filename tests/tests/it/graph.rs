//! The workspace is the graph of the architecture, and the checker can fail.

use std::{process::Command, sync::LazyLock};

use segue_tests::graph::{Graph, Package};

static WORKSPACE: LazyLock<Graph> = LazyLock::new(|| {
    let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned());
    let output = Command::new(cargo)
        .args(["metadata", "--format-version", "1", "--locked", "--offline"])
        .args(["--filter-platform", "x86_64-unknown-linux-gnu"])
        .current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
        .output()
        .expect("cargo starts");
    assert!(
        output.status.success(),
        "cargo metadata: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    let metadata = serde_json::from_slice(&output.stdout).expect("metadata is JSON");
    Graph::from_metadata(&metadata).expect("metadata has the known shape")
});

fn id_of(graph: &Graph, name: &str) -> String {
    graph
        .packages
        .iter()
        .find(|(_, package)| package.name == name)
        .map(|(id, _)| id.clone())
        .unwrap_or_else(|| panic!("{name} is not in the workspace"))
}

/// The workspace with one more dependency: declared, and linked.
fn with_edge(from: &str, to: &str) -> Graph {
    let mut graph = WORKSPACE.clone();
    let (from, to_id) = (id_of(&graph, from), id_of(&graph, to));
    let package = graph.packages.get_mut(&from).expect("it was just found");
    package.declared.insert(to.to_owned());
    package.needs.insert(to_id);
    graph
}

fn assert_refused(graph: &Graph, part: &str) {
    let found = graph.violations();
    assert!(
        found.iter().any(|sentence| sentence.contains(part)),
        "no violation names {part:?}: {found:#?}"
    );
}

#[test]
fn the_workspace_is_the_architecture() {
    let found = WORKSPACE.violations();
    assert!(found.is_empty(), "{found:#?}");
    let members = WORKSPACE.packages.values().filter(|package| package.member);
    assert!(members.count() >= 11, "the metadata lists the workspace");
}

#[test]
fn an_edge_outside_the_graph_is_refused() {
    assert_refused(
        &with_edge("segue-api", "segue-driver"),
        "segue-api may not depend on segue-driver",
    );
    assert_refused(
        &with_edge("segue-plan", "segue-store"),
        "segue-plan may not depend on segue-store",
    );
}

#[test]
fn a_crate_that_nobody_drew_is_refused() {
    let mut graph = WORKSPACE.clone();
    let stranger = Package {
        name: "segue-stranger".to_owned(),
        member: true,
        ..Package::default()
    };
    graph.packages.insert("stranger".to_owned(), stranger);
    assert_refused(&graph, "segue-stranger is not in the crate graph");
}

#[test]
fn a_banned_library_is_found_however_deep() {
    assert_refused(
        &with_edge("segue-api", "pingora-core"),
        "pingora* is banned",
    );
    assert_refused(&with_edge("segue-plan", "tokio"), "tokio* is banned");
    // Through somebody else's crate: what the model links with, the planner has too.
    let below_model = with_edge("segue-model", "futures-util");
    assert_refused(&below_model, "segue-plan -> segue-model -> futures-util");
    // Through ours: the worker would bring the database under the edge.
    assert_refused(&with_edge("segue-edge", "segue-worker"), "sqlx* is banned");
}
