use super::*;

fn engine(mount: &Path) -> BuildEngine {
    BuildEngine {
        name: "segue-build".into(),
        dockerd: "/usr/bin/dockerd".into(),
        ip: "/sbin/ip".into(),
        iptables: "/sbin/iptables".into(),
        data_root: "/var/lib/segue/build".into(),
        run_root: "/run/segue-build".into(),
        bridge: "segue-build".into(),
        subnet: "10.212.0.0/24".parse().unwrap(),
        denied: vec!["169.254.0.0/16".parse().unwrap()],
        cgroup_mount: mount.to_owned(),
        limits: BuildLimits {
            cpu_millis: 1500,
            memory_bytes: 1 << 30,
            pids: 512,
            cache_bytes: 5 << 30,
        },
    }
}

#[test]
fn the_command_line_names_everything_that_is_its_own() {
    let argv = engine(Path::new("/x")).argv();
    let has = |text: &str| argv.iter().any(|arg| arg == text);
    for own in [
        "--data-root=/var/lib/segue/build",
        "--exec-root=/run/segue-build/exec",
        "--host=unix:///run/segue-build/docker.sock",
        "--bridge=segue-build",
        "--cgroup-parent=/segue-build",
        "--iptables=false",
    ] {
        assert!(has(own), "{own}");
    }
    assert!(
        !argv
            .iter()
            .any(|arg| arg.to_string_lossy().contains("tcp://"))
    );
    assert!(
        engine(Path::new("/x"))
            .config()
            .contains("\"defaultKeepStorage\":\"5368709120\"")
    );
}

#[test]
fn limits_are_written_for_both_versions_of_control_groups() {
    let read = |file: PathBuf| std::fs::read_to_string(file).unwrap();
    let v2 = tempfile::tempdir().unwrap();
    std::fs::write(v2.path().join("cgroup.controllers"), "cpu memory pids").unwrap();
    engine(v2.path()).cgroup_make().unwrap();
    let group = v2.path().join("segue-build");
    assert_eq!(read(group.join("memory.max")), "1073741824");
    assert_eq!(read(group.join("pids.max")), "512");
    assert_eq!(read(group.join("cpu.max")), "150000 100000");
    let v1 = tempfile::tempdir().unwrap();
    engine(v1.path()).cgroup_make().unwrap();
    let of = |controller: &str, file: &str| {
        read(v1.path().join(controller).join("segue-build").join(file))
    };
    assert_eq!(of("memory", "memory.limit_in_bytes"), "1073741824");
    assert_eq!(of("pids", "pids.max"), "512");
    assert_eq!(of("cpu", "cpu.cfs_quota_us"), "150000");
}

#[test]
fn names_that_are_no_names_are_refused() {
    for (name, bridge) in [
        ("a/../b", "b"),
        ("", "b"),
        ("a", "sixteen-bytes-xx"),
        ("a", "-x"),
        ("a b", "b"),
    ] {
        let engine = BuildEngine {
            name: name.into(),
            bridge: bridge.into(),
            ..engine(Path::new("/x"))
        };
        assert!(engine.check().is_err(), "{name} {bridge}");
    }
    assert!(engine(Path::new("/x")).check().is_ok());
}
