//! Keys of a compose service that mean nothing on many machines, or that Segue decides itself, each with its reason.

/// Key and reason.
pub(super) const LEFT: &[(&str, &str)] = &[
    ("annotations", "a manifest has no labels of containers"),
    ("attach", "segue logs shows what you ask for"),
    ("blkio_config", "disks are not shared out"),
    (
        "cap_add",
        "containers get no capabilities but those of their profile",
    ),
    (
        "cap_drop",
        "containers get no capabilities but those of their profile",
    ),
    ("cgroup", "containers have cgroups of their own"),
    ("cgroup_parent", "containers have cgroups of their own"),
    (
        "configs",
        "put the file into the image, or its values into config",
    ),
    (
        "container_name",
        "instances are called SERVICE.1, SERVICE.2; services are found by their name",
    ),
    (
        "cpu_shares",
        "write resources = { cpu = 0.5 }: it is a weight",
    ),
    (
        "cpu_quota",
        "CPU is a weight, not a limit: resources = { cpu = 0.5 }",
    ),
    (
        "cpu_period",
        "CPU is a weight, not a limit: resources = { cpu = 0.5 }",
    ),
    ("cpuset", "instances are not bound to cores"),
    ("credential_spec", "there are no Windows hosts"),
    (
        "depends_on",
        "services start side by side; each is to try again until what it needs answers",
    ),
    ("device_cgroup_rules", "devices are not given to containers"),
    ("devices", "devices are not given to containers"),
    ("dns", "names are resolved by the environment's network"),
    ("dns_opt", "names are resolved by the environment's network"),
    (
        "dns_search",
        "names are resolved by the environment's network",
    ),
    ("domainname", "services are found by their name"),
    (
        "entrypoint",
        "the image's own entry point stays: put this one into the Dockerfile, or write it into command",
    ),
    (
        "env_file",
        "its variables are not in this file: segue config import FILE",
    ),
    (
        "extends",
        "the other service is not read: write its keys here",
    ),
    ("external_links", "an environment is a network of its own"),
    (
        "extra_hosts",
        "names are resolved by the environment's network",
    ),
    ("gpus", "devices are not given to containers"),
    ("group_add", "the image's own user is used"),
    ("hostname", "services are found by their name"),
    ("init", "every container has an init process"),
    ("ipc", "containers share no memory"),
    ("isolation", "there are no Windows hosts"),
    (
        "labels",
        "a manifest has no labels of containers; host names of users stand in domains = [\"…\"]",
    ),
    (
        "links",
        "all services of an environment find each other by name",
    ),
    ("logging", "logs are kept by Segue: segue logs"),
    ("mac_address", "addresses are given by Segue"),
    (
        "mem_reservation",
        "memory is reserved as it is limited: resources = { memory = \"…\" }",
    ),
    ("mem_swappiness", "swap is off"),
    ("memswap_limit", "swap is off"),
    (
        "network_mode",
        "every environment has one network of its own",
    ),
    (
        "networks",
        "every environment has one network of its own, in which services find each other by name",
    ),
    (
        "oom_kill_disable",
        "an instance that takes more memory than it may is replaced",
    ),
    (
        "oom_score_adj",
        "an instance that takes more memory than it may is replaced",
    ),
    ("pid", "containers share no processes"),
    ("platform", "images are chosen for the host that runs them"),
    ("post_start", "put it into the command"),
    ("pre_stop", "handle SIGTERM in the application"),
    ("privileged", "containers are never privileged"),
    (
        "profiles",
        "every service of a manifest runs: remove it, or write replicas = 0",
    ),
    ("pull_policy", "an image is pinned at each deployment"),
    ("runtime", "the host's engine decides"),
    (
        "secrets",
        "set them: segue secret set KEY; they are variables, not files",
    ),
    (
        "security_opt",
        "containers have the profile that Segue gives them",
    ),
    ("shm_size", "/dev/shm has its usual size"),
    (
        "stdin_open",
        "nobody types there: segue run starts a command by hand",
    ),
    (
        "stop_signal",
        "it is SIGTERM; put STOPSIGNAL into the Dockerfile",
    ),
    ("storage_opt", "the host's engine decides"),
    ("sysctls", "the host's own settings hold"),
    ("tmpfs", "write read_only = true: /tmp is in memory then"),
    (
        "tty",
        "nobody types there: segue run starts a command by hand",
    ),
    (
        "ulimits",
        "the host's own limits hold; processes are limited by resources = { pids = 512 }",
    ),
    ("user", "put USER into the Dockerfile"),
    ("userns_mode", "the host's engine decides"),
    ("uts", "containers share no names"),
    ("volumes_from", "a volume belongs to one service"),
    ("working_dir", "put WORKDIR into the Dockerfile"),
    ("develop", "segue up sends what changed"),
];

/// Keys below `deploy`.
pub(super) const DEPLOY_LEFT: &[(&str, &str)] = &[
    ("endpoint_mode", "services are found by their name"),
    ("labels", "a manifest has no labels of containers"),
    ("mode", "the number of instances is replicas"),
    (
        "placement",
        "write place = { require = { LABEL = \"VALUE\" } }",
    ),
    (
        "restart_policy",
        "what ends is started again, with growing pauses",
    ),
    (
        "rollback_config",
        "a deployment that fails goes back by itself: [deploy] rollout",
    ),
    ("update_config", "write [deploy] strategy and rollout"),
];
