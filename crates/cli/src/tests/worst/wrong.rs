//! Lines that cannot be meant: missing, empty, too long, of a wrong kind, out of bounds. Nothing is written for any of
//! them, and most never reach the server.

use super::*;

/// `LONG` is a text that is too long for anything.
pub(super) const LINES: &[(&str, &[&str])] = &[
    (
        "init",
        &[
            "init nowhere",
            "init app.py",
            "init --force --app ''",
            "init --force --app LONG",
        ],
    ),
    (
        "up",
        &[
            "up nowhere",
            "up app.py",
            "up --image ''",
            "up -a Shop",
            "up -e 'my env'",
            "up -t ..",
            "up --ci --detach",
            "up --timeout 0s",
            "up --git https://me:hunter2@git.example.com/a/b",
        ],
    ),
    (
        "plan",
        &[
            "plan -f nowhere.toml",
            "plan -f .",
            "plan -f /dev/zero",
            "plan -e LONG",
        ],
    ),
    (
        "apply",
        &[
            "apply -f nowhere.toml",
            "apply -f requirements.txt",
            "apply more",
        ],
    ),
    (
        "status",
        &[
            "status more",
            "status -a ''",
            "status --server ''",
            "status --server http://",
            "status --server https://me:hunter2@segue.example.com",
        ],
    ),
    ("ps", &["ps ''", "ps ..", "ps web.1 web.2"]),
    ("services", &["services -e ''"]),
    (
        "metrics",
        &[
            "metrics --since tomorrow",
            "metrics --since 0s",
            "metrics --step 100ms",
            "metrics --since 99999999h",
        ],
    ),
    ("open", &["open -a LONG"]),
    (
        "logs",
        &[
            "logs -n -1",
            "logs -n 5001",
            "logs -n many",
            "logs --since 5",
            "logs --deploy x",
            "logs -s ''",
        ],
    ),
    ("events", &["events -n 101", "events -n x"]),
    (
        "rollback",
        &[
            "rollback 0",
            "rollback v-1",
            "rollback v99999999999999999999",
        ],
    ),
    ("redeploy", &["redeploy -m", "redeploy v3"]),
    ("restart", &["restart ''", "restart a/b", "restart LONG"]),
    (
        "promote",
        &[
            "promote",
            "promote staging",
            "promote staging staging",
            "promote 'a b' production",
        ],
    ),
    (
        "run",
        &["run", "run --", "run true", "run --time-limit 0s -- true"],
    ),
    ("runs list", &["runs list 3"]),
    ("runs show", &["runs show", "runs show x"]),
    ("runs follow", &["runs follow 0"]),
    ("runs cancel", &["runs cancel", "runs cancel 1.5"]),
    (
        "scale",
        &[
            "scale",
            "scale web",
            "scale web=",
            "scale web=-1",
            "scale web=1001",
            "scale =2",
            "scale Web=2",
        ],
    ),
    ("config list", &["config list A"]),
    (
        "config set",
        &[
            "config set",
            "config set A",
            "config set =1",
            "config set 1A=1",
            "config set ''",
        ],
    ),
    (
        "config unset",
        &[
            "config unset",
            "config unset ''",
            "config unset a.b",
            "config unset LONG",
        ],
    ),
    (
        "config import",
        &[
            "config import",
            "config import nowhere.env",
            "config import .",
            "config import /dev/zero",
            "config import requirements.txt",
        ],
    ),
    ("config export", &["config export more"]),
    (
        "config diff",
        &[
            "config diff",
            "config diff a",
            "config diff a a",
            "config diff 'a b' c",
        ],
    ),
    ("config history", &["config history 3"]),
    ("secret list", &["secret list KEY"]),
    (
        "secret set",
        &[
            "secret set",
            "secret set KEY=hunter2",
            "secret set a-b",
            "secret set ''",
        ],
    ),
    (
        "secret reveal",
        &["secret reveal", "secret reveal ..", "secret reveal ''"],
    ),
    ("secret rotate", &["secret rotate", "secret rotate a-b"]),
    (
        "secret unset",
        &["secret unset", "secret unset ''", "secret unset .."],
    ),
    ("apps list", &["apps list more"]),
    (
        "apps create",
        &[
            "apps create",
            "apps create ''",
            "apps create Shop",
            "apps create LONG",
            "apps create ..",
        ],
    ),
    ("apps show", &["apps show", "apps show ''", "apps show .."]),
    (
        "apps rename",
        &[
            "apps rename shop",
            "apps rename shop ''",
            "apps rename shop Store",
        ],
    ),
    (
        "apps repo",
        &[
            "apps repo shop",
            "apps repo shop URL --none",
            "apps repo '' https://git.example.com/a/b.git",
        ],
    ),
    (
        "apps destroy",
        &["apps destroy", "apps destroy ..", "apps destroy ''"],
    ),
    ("envs list", &["envs list more"]),
    ("envs show", &["envs show", "envs show ''"]),
    (
        "envs create",
        &[
            "envs create",
            "envs create A",
            "envs create LONG",
            "envs create qa --kind test",
            "envs create qa --ttl -1h",
        ],
    ),
    (
        "envs clone",
        &["envs clone production", "envs clone production ''"],
    ),
    ("envs protect", &["envs protect", "envs protect .."]),
    ("envs unprotect", &["envs unprotect", "envs unprotect ''"]),
    (
        "envs ttl",
        &[
            "envs ttl qa",
            "envs ttl qa soon",
            "envs ttl qa 0s",
            "envs ttl qa -1h",
        ],
    ),
    ("envs stop", &["envs stop", "envs stop ''"]),
    ("envs start", &["envs start", "envs start ''"]),
    ("envs destroy", &["envs destroy", "envs destroy ''"]),
    ("deploys list", &["deploys list 3"]),
    ("deploys show", &["deploys show", "deploys show v3"]),
    ("deploys follow", &["deploys follow", "deploys follow last"]),
    ("deploys cancel", &["deploys cancel", "deploys cancel -1"]),
    ("releases list", &["releases list v3"]),
    ("releases show", &["releases show", "releases show three"]),
    ("releases diff", &["releases diff v3", "releases diff v3 x"]),
    ("builds list", &["builds list more"]),
    ("builds logs", &["builds logs ''", "builds logs .."]),
    ("builds cancel", &["builds cancel", "builds cancel ''"]),
    ("previews list", &["previews list more"]),
    ("previews show", &["previews show more"]),
    (
        "previews on",
        &[
            "previews on --limit 0",
            "previews on --limit 51",
            "previews on --ttl 0s",
            "previews on --ttl soon",
        ],
    ),
    ("previews off", &["previews off more"]),
    (
        "lock",
        &[
            "lock",
            "lock ''",
            "lock moving --for ever",
            "lock moving --for 2h --until 2026-12-24T18:00:00Z",
            "lock moving --until tomorrow",
            "lock moving --for 99999999999h",
        ],
    ),
    ("unlock", &["unlock shop"]),
    ("locks", &["locks more"]),
    ("freezes list", &["freezes list more"]),
    (
        "freezes create",
        &[
            "freezes create weekend",
            "freezes create '' --weekly fri --at 16:00 --for 64h",
            "freezes create weekend --weekly friday --at 16:00 --for 64h",
            "freezes create weekend --weekly fri --at 24:00 --for 64h",
            "freezes create weekend --weekly fri --at 16:00 --for 90s",
            "freezes create xmas --starts 2026-12-24T00:00:00Z",
        ],
    ),
    (
        "freezes remove",
        &["freezes remove", "freezes remove ''", "freezes remove .."],
    ),
    ("hooks list", &["hooks list more"]),
    ("hooks create", &["hooks create", "hooks create svn"]),
    ("hooks calls", &["hooks calls ''"]),
    (
        "hooks remove",
        &["hooks remove", "hooks remove ..", "hooks remove a/b"],
    ),
    ("webhooks list", &["webhooks list more"]),
    (
        "webhooks create",
        &[
            "webhooks create",
            "webhooks create ''",
            "webhooks create ops --kind sms",
            "webhooks create ops --kind mail",
            "webhooks create ops --address a@example.com",
        ],
    ),
    (
        "webhooks set",
        &["webhooks set ops", "webhooks set ops --enable --disable"],
    ),
    (
        "webhooks deliveries",
        &["webhooks deliveries", "webhooks deliveries ''"],
    ),
    (
        "webhooks retry",
        &[
            "webhooks retry",
            "webhooks retry ops",
            "webhooks retry ops ''",
        ],
    ),
    ("webhooks test", &["webhooks test", "webhooks test ''"]),
    (
        "webhooks remove",
        &["webhooks remove", "webhooks remove ''"],
    ),
    ("credentials list", &["credentials list more"]),
    (
        "credentials set",
        &[
            "credentials set ghcr.io",
            "credentials set '' --user bot",
            "credentials set ghcr.io --user ''",
            "credentials set https://ghcr.io --user bot",
        ],
    ),
    (
        "credentials remove",
        &["credentials remove", "credentials remove ''"],
    ),
    ("hosts list", &["hosts list more"]),
    (
        "hosts show",
        &["hosts show", "hosts show ''", "hosts show .."],
    ),
    ("hosts cordon", &["hosts cordon", "hosts cordon a/b"]),
    ("hosts uncordon", &["hosts uncordon", "hosts uncordon ''"]),
    ("teams list", &["teams list more", "teams list -t 'a b'"]),
    (
        "teams create",
        &[
            "teams create",
            "teams create ''",
            "teams create Crew",
            "teams create LONG",
        ],
    ),
    ("teams rename", &["teams rename", "teams rename ''"]),
    (
        "teams destroy",
        &[
            "teams destroy",
            "teams destroy other --yes",
            "teams destroy acme",
        ],
    ),
    ("teams join", &["teams join seg_invitation"]),
    ("teams switch", &["teams switch", "teams switch .."]),
    ("teams members list", &["teams members list more"]),
    (
        "teams members role",
        &[
            "teams members role ada@example.com",
            "teams members role '' admin",
        ],
    ),
    (
        "teams members remove",
        &["teams members remove", "teams members remove ''"],
    ),
    (
        "teams invite",
        &[
            "teams invite",
            "teams invite ''",
            "teams invite eve@example.com --expires 0",
            "teams invite eve@example.com --expires soon",
        ],
    ),
    ("teams invitations list", &["teams invitations list more"]),
    (
        "teams invitations revoke",
        &["teams invitations revoke", "teams invitations revoke .."],
    ),
    ("teams quota show", &["teams quota show more"]),
    (
        "teams quota set",
        &[
            "teams quota set --apps many",
            "teams quota set --cpu -1",
            "teams quota set --cpu 99999999999999999",
            "teams quota set --memory 5",
            "teams quota set --memory 99999999999TiB",
        ],
    ),
    (
        "audit list",
        &[
            "audit list -n 0",
            "audit list -n 101",
            "audit list --since 1",
        ],
    ),
    ("audit export", &["audit export --form xml"]),
    (
        "audit verify",
        &[
            "audit verify --record 3",
            "audit verify --record 0 --hash aa",
            "audit verify --hash aa",
        ],
    ),
    ("tokens list", &["tokens list more"]),
    (
        "tokens create",
        &[
            "tokens create",
            "tokens create ''",
            "tokens create ci --expires 367",
            "tokens create ci --expires 1h",
        ],
    ),
    ("tokens revoke", &["tokens revoke", "tokens revoke ''"]),
    ("sessions list", &["sessions list more"]),
    (
        "sessions end",
        &["sessions end", "sessions end ''", "sessions end .."],
    ),
    (
        "import",
        &[
            "import",
            "import helm Chart.yaml",
            "import compose nowhere.yml",
            "import compose .",
            "import compose /dev/zero",
            "import compose vars.env -o there.toml",
        ],
    ),
    (
        "api",
        &[
            "api",
            "api FETCH /v1/me",
            "api GET",
            "api GET https://example.com/",
            "api GET //example.com/",
            "api GET /v1/me -H nonsense",
            "api GET /v1/me -H 'a b: c'",
            "api POST /v1/me -d @nowhere.json",
            "api POST /v1/me -d @.",
        ],
    ),
    ("doctor", &["doctor more"]),
    (
        "login",
        &[
            "login --token ''",
            "login --token 'a b'",
            "login --token LONG",
            "login --device --token x",
            "login --server 'a b'",
        ],
    ),
    ("logout", &["logout more"]),
    ("whoami", &["whoami more"]),
    (
        "git-credential get",
        &["git-credential", "git-credential get more"],
    ),
    ("git-credential store", &["git-credential store more"]),
    ("git-credential erase", &["git-credential erase more"]),
    ("completion", &["completion", "completion tcsh"]),
    ("man", &["man", "man app.py", "man app.py/pages"]),
];

#[tokio::test]
async fn lines_that_cannot_be_meant_are_refused() {
    let server = fake::Server::start().await;
    let world = world(&server.url).input("");
    // Names that the server would have to judge are judged here, so that it need not be asked.
    let mut texts = String::new();
    for (_, lines) in LINES {
        for line in *lines {
            let typed = line.replace("LONG", &"l".repeat(5000));
            let before = server.lines().len();
            let ran = world.run(&typed).await;
            let text = ran.stderr.replace(&server.url, "SERVER");
            let text = text.replace(&"l".repeat(5000), "LONG");
            let context = format!("segue {line}\n{text}");
            // Files that are not there are told as usage, files that say something wrong as failures.
            assert!(matches!(ran.exit, Exit::Usage | Exit::Failed), "{context}");
            assert!(text.len() < 2000, "{context}");
            assert!(!text.contains("hunter2"), "{context}");
            if ran.stderr.starts_with("error: ") {
                assert!(text.contains("try '--help'"), "{context}");
            } else if !text.starts_with("Usage") && !text.contains("\nUsage: ") {
                told(line, &server.url, &ran, ran.exit);
            }
            let written: Vec<String> = server.lines().split_off(before);
            let written = written.iter().any(|line| !line.starts_with("GET "));
            assert!(!written, "{context}");
            let with = typed.split_once(' ').map_or_else(
                || format!("{typed} --json"),
                |(command, rest)| format!("{command} --json {rest}"),
            );
            object(line, &world.run(&with).await, ran.exit);
            let _ = writeln!(texts, "$ segue {line}\n? {}\n{text}", ran.exit.code());
        }
    }
    insta::assert_snapshot!(texts);
}

/// Whatever is missing, and whatever nobody knows, is a matter of usage for every command.
#[tokio::test]
async fn flags_that_nobody_knows_are_refused_by_every_command() {
    let world = world("http://127.0.0.1:9");
    for (_, line, _) in COMMANDS {
        let line = line.replacen(' ', " --nonsense ", 1);
        let line = if line.contains("--nonsense") {
            line
        } else {
            format!("{line} --nonsense")
        };
        let ran = world.run(&line).await;
        assert_eq!(ran.exit, Exit::Usage, "{line}: {}", ran.stderr);
        assert!(ran.stderr.contains("--nonsense"), "{line}: {}", ran.stderr);
    }
}
