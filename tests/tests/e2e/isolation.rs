//! A container reaches neither the database nor the interfaces of the control plane, by any address of the host.

use std::collections::BTreeSet;
use std::net::TcpListener;
use std::process::Command;

use anyhow::{Context as _, ensure};
use segue_tests::images::image;
use segue_tests::machine::{Machine, docker, share_engine};

use crate::switch::apply;

/// Addresses of this host, loopback included, and the gateway of the container's network.
fn addresses(container: &str) -> anyhow::Result<BTreeSet<String>> {
    let output = Command::new("ip").args(["-o", "addr", "show"]).output()?;
    ensure!(output.status.success(), "{output:?}");
    let mut found: BTreeSet<String> = String::from_utf8_lossy(&output.stdout)
        .lines()
        .filter_map(|line| line.split_whitespace().nth(3))
        .filter_map(|net| net.split('/').next())
        // An address of one link is no address without the link's name.
        .filter(|address| !address.starts_with("fe80"))
        .map(str::to_owned)
        .collect();
    let format = "{{range .NetworkSettings.Networks}}{{.Gateway}} {{end}}";
    let output = docker()
        .args(["inspect", "-f", format, container])
        .output()?;
    let gateways = String::from_utf8_lossy(&output.stdout).into_owned();
    let gateway = gateways.split_whitespace().next().context("no gateway")?;
    found.insert(gateway.to_owned());
    Ok(found)
}

/// Ports on which a process and its children listen for TCP.
fn ports(root: u32) -> anyhow::Result<BTreeSet<u16>> {
    let output = Command::new("ps")
        .args(["-e", "-o", "pid=,ppid="])
        .output()?;
    let table = String::from_utf8_lossy(&output.stdout).into_owned();
    let pairs: Vec<(u32, u32)> = table
        .lines()
        .filter_map(|line| {
            let mut words = line.split_whitespace();
            Some((words.next()?.parse().ok()?, words.next()?.parse().ok()?))
        })
        .collect();
    let mut family = BTreeSet::from([root]);
    loop {
        let before = family.len();
        let children = pairs.iter().filter(|(_, parent)| family.contains(parent));
        let children: Vec<u32> = children.map(|(pid, _)| *pid).collect();
        family.extend(children);
        if family.len() == before {
            break;
        }
    }
    let mut inodes = BTreeSet::new();
    for pid in family {
        let Ok(entries) = std::fs::read_dir(format!("/proc/{pid}/fd")) else {
            continue;
        };
        for entry in entries.flatten() {
            let target = std::fs::read_link(entry.path()).unwrap_or_default();
            let target = target.to_string_lossy().into_owned();
            if let Some(inode) = target.strip_prefix("socket:[") {
                inodes.insert(inode.trim_end_matches(']').to_owned());
            }
        }
    }
    let mut found = BTreeSet::new();
    for table in ["/proc/net/tcp", "/proc/net/tcp6"] {
        for line in std::fs::read_to_string(table).unwrap_or_default().lines() {
            let words: Vec<&str> = line.split_whitespace().collect();
            let (Some(local), Some(state), Some(inode)) =
                (words.get(1), words.get(3), words.get(9))
            else {
                continue;
            };
            // 0A: it listens.
            if *state == "0A"
                && inodes.contains(*inode)
                && let Some((_, port)) = local.rsplit_once(':')
            {
                found.insert(u16::from_str_radix(port, 16)?);
            }
        }
    }
    Ok(found)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_container_reaches_neither_the_database_nor_the_control_plane() -> anyhow::Result<()> {
    share_engine()?;
    let machine = Machine::start()?;
    let name = image("segue-test/isolation:v1", &[("VERSION", "v1")])?;
    apply(&machine, &name, 1)?;
    let container = machine
        .containers("web")?
        .first()
        .cloned()
        .context("no container")?;

    // The database listens on a socket that no container has: no TCP at all, and no folder of the host inside.
    let postgres = ports(machine.postgres()?)?;
    ensure!(postgres.is_empty(), "Postgres listens on TCP: {postgres:?}");
    let mounts = [
        "inspect",
        "-f",
        "{{json .Mounts}} {{json .HostConfig.Binds}}",
        &container,
    ];
    let output = docker().args(mounts).output()?;
    let mounts = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    ensure!(mounts == "[] null" || mounts == "[] []", "mounts: {mounts}");

    // Every port of the control plane and of the edge's own interface. (The edge's ports for people are open by nature;
    // here they are on loopback, too.)
    let mut closed = ports(machine.unit("control")?)?;
    ensure!(
        closed.contains(&machine.api().port()),
        "{closed:?} lacks the API"
    );
    closed.extend(ports(machine.unit("edge")?)?);
    ensure!(
        closed.contains(&machine.admin().port()),
        "{closed:?} lacks the edge's"
    );
    closed.insert(5432);

    let dial = |address: &str, port: u16| -> anyhow::Result<String> {
        let target = if address.contains(':') {
            format!("[{address}]:{port}")
        } else {
            format!("{address}:{port}")
        };
        Ok(machine
            .visit("shop.localhost", &format!("/dial/{target}"))?
            .body)
    };
    // The check itself can see an open port: this one is on every address, and the container reaches it.
    let control = TcpListener::bind("0.0.0.0:0")?;
    let open = control.local_addr()?.port();
    let mut reached = 0;
    let addresses = addresses(&container)?;
    for address in &addresses {
        let seen = dial(address, open)?;
        reached += usize::from(seen.trim() == "open");
        ensure!(
            seen.starts_with("open") || seen.starts_with("closed"),
            "{seen}"
        );
        for port in &closed {
            let seen = dial(address, *port)?;
            // The bridge of an installation beside this one may go meanwhile: then its address is no longer this
            // machine's, and whoever answers is somebody else, outside.
            if !seen.starts_with("closed") && !self::addresses(&container)?.contains(address) {
                break;
            }
            ensure!(
                seen.starts_with("closed"),
                "a container reaches port {port} of {address}: {seen}"
            );
        }
    }
    ensure!(
        reached > 0,
        "a port that is open on every address of {addresses:?} was not reached: this check sees nothing"
    );
    println!(
        "{} addresses, {} ports closed, control port reached on {reached}",
        addresses.len(),
        closed.len()
    );
    machine.stop()
}
