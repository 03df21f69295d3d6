//! A push to GitLab and one to Gitea: built, live, and told, to the forge, a chat room, people and programs.

use anyhow::{Context as _, ensure};
use hmac::{Hmac, KeyInit as _, Mac as _};
use segue_tests::forge::{Forge, Told};
use segue_tests::images::{probeapp, repository};
use segue_tests::machine::{Machine, share_engine, wait_for};
use segue_tests::tools::{Answer, answer};
use serde_json::{Value, json};
use sha2::Sha256;

use super::receivers::{Authority, Ear, mail_server, receiver};

const TOKEN: &str = "t0ken-of-the-forge";

/// A forge, its app, and the hook that it calls.
struct Place<'m> {
    machine: &'m Machine,
    forge: Forge,
    kind: &'static str,
    app: &'static str,
    hook: String,
    secret: String,
}

fn word(value: &Value, pointer: &str) -> anyhow::Result<String> {
    let found = value.pointer(pointer).and_then(Value::as_str);
    let found = found.with_context(|| format!("no {pointer} in {value}"))?;
    Ok(found.to_owned())
}

impl<'m> Place<'m> {
    fn new(machine: &'m Machine, kind: &'static str, app: &'static str) -> anyhow::Result<Self> {
        let forge = Forge::start(machine.state().join(app))?;
        std::fs::copy(probeapp()?, forge.file("probeapp"))?;
        let url = format!("http://{}/ada/{app}.git", forge.address);
        let repo = json!({"url": url, "branch": "main", "auto_deploy": true});
        let body = json!({"name": app, "repo": repo});
        machine.call("POST", "/v1/teams/acme/apps", Some(&body))?;
        let host = forge.address.to_string();
        let body = json!({"kind": "git", "host": host, "username": "ada", "password": TOKEN});
        machine.call("POST", "/v1/teams/acme/registries", Some(&body))?;
        let hooks = format!("/v1/teams/acme/apps/{app}/hooks");
        let made = machine.call("POST", &hooks, Some(&json!({"kind": kind})))?;
        Ok(Self {
            machine,
            forge,
            kind,
            app,
            hook: format!("{hooks}/{}", word(&made, "/id")?),
            secret: word(&made, "/secret")?,
        })
    }

    /// Commits a Dockerfile; answers the commit.
    fn commit(&self, rest: &str) -> anyhow::Result<String> {
        let file = format!(
            "FROM scratch\nCOPY probeapp /probeapp\n{rest}EXPOSE 8080\nCMD [\"/probeapp\"]\n"
        );
        std::fs::write(self.forge.file("Dockerfile"), file)?;
        self.forge.commit("A new window")
    }

    fn body(&self, branch: &str, commit: &str) -> anyhow::Result<String> {
        let file = format!("tests/fixtures/forges/{}-push.json", self.kind);
        let text = std::fs::read_to_string(repository().join(file))?;
        Ok(text
            .replace("URL", &format!("http://{}", self.forge.address))
            .replace("REF", &format!("refs/heads/{branch}"))
            .replace("COMMIT", commit))
    }

    /// Calls the hook as the forge does, with this secret.
    fn call(&self, delivery: &str, secret: &str, body: &str) -> anyhow::Result<Answer> {
        let mut headers = vec![
            "content-type: application/json".to_owned(),
            "x-gitlab-event: Push Hook".to_owned(),
            "x-gitea-event: push".to_owned(),
            format!("x-gitlab-event-uuid: {delivery}"),
            format!("x-gitea-delivery: {delivery}"),
        ];
        headers.push(if self.kind == "gitlab" {
            format!("x-gitlab-token: {secret}")
        } else {
            let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes())?;
            mac.update(body.as_bytes());
            format!(
                "x-gitea-signature: {}",
                hex::encode(mac.finalize().into_bytes())
            )
        });
        let mut arguments = vec!["-X", "POST", "--data-binary", body];
        for header in &headers {
            arguments.extend(["-H", header]);
        }
        let id = self.hook.rsplit('/').next().unwrap_or_default();
        let url = format!("http://{}/v1/hooks/{id}", self.machine.api());
        answer(&url, &arguments)
    }

    fn pushed(&self, delivery: &str, commit: &str) -> anyhow::Result<()> {
        let answer = self.call(delivery, &self.secret, &self.body("main", commit)?)?;
        ensure!(answer.status == 202, "{answer:?}");
        Ok(())
    }

    fn path(&self, rest: &str) -> String {
        format!("/v1/teams/acme/apps/{}/envs/production{rest}", self.app)
    }

    /// The deployment with this number, when it is live or will not be. Nobody waits until it has been watched.
    fn settled(&self, number: i64) -> anyhow::Result<Value> {
        let path = self.path(&format!("/deployments/{number}"));
        wait_for("the deployment to be there", || {
            let answer = self.machine.ask("GET", &path, &[])?;
            Ok((answer.status == 200).then_some(()))
        })?;
        wait_for("the deployment to be settled", || {
            let now = self
                .machine
                .call("GET", &format!("{path}?wait=60s"), None)?;
            let settled = now["finished"] == true || now["live"] == true;
            Ok(settled.then_some(now))
        })
        .with_context(|| self.machine.tail())
    }

    /// What the forge was told of a commit, in order, when it was told this last.
    fn told(&self, commit: &str, last: &str) -> anyhow::Result<Vec<String>> {
        let of = |told: &Told| -> anyhow::Result<Value> { Ok(serde_json::from_str(&told.body)?) };
        wait_for(&format!("{} to hear {last}", self.kind), || {
            let mut words = Vec::new();
            for told in self.forge.told() {
                if !told.line.ends_with(&format!("/statuses/{commit}")) {
                    continue;
                }
                let header = |name: &str| told.headers.get(name).map(String::as_str);
                let proof = match self.kind {
                    "gitlab" => header("private-token") == Some(TOKEN),
                    _ => header("authorization") == Some(&format!("token {TOKEN}")),
                };
                ensure!(proof, "{told:?}");
                words.push(word(&of(&told)?, "/state")?);
            }
            Ok((words.last().map(String::as_str) == Some(last)).then_some(words))
        })
    }
}

/// Who is told, and what its deliveries are listed under.
struct Listener {
    ear: Ear,
    path: String,
}

fn listen(machine: &Machine, kind: &str, ear: &Ear, to: &Value) -> anyhow::Result<Listener> {
    let mut body = json!({"name": kind, "kind": kind});
    let (Some(body_map), Some(more)) = (body.as_object_mut(), to.as_object()) else {
        anyhow::bail!("no object");
    };
    body_map.extend(more.clone());
    let webhooks = "/v1/teams/acme/webhooks";
    let made = machine.call("POST", webhooks, Some(&body))?;
    Ok(Listener {
        ear: ear.clone(),
        path: format!("{webhooks}/{}", word(&made, "/id")?),
    })
}

impl Listener {
    /// The oldest delivery, when this is so.
    fn first(
        &self,
        machine: &Machine,
        what: &str,
        is: impl Fn(&Value) -> bool,
    ) -> anyhow::Result<Value> {
        wait_for(what, || {
            let path = format!("{}/deliveries?limit=100", self.path);
            let page = machine.call("GET", &path, None)?;
            let items = page["items"].as_array().context("no list")?;
            Ok(items.last().filter(|one| is(one)).cloned())
        })
        .with_context(|| machine.tail())
    }

    /// What was heard that holds these words, when there is something.
    fn hears(&self, words: &str) -> anyhow::Result<Vec<String>> {
        wait_for(words, || {
            let heard: Vec<String> = (self.ear.heard().into_iter())
                .map(|heard| heard.body)
                .filter(|body| body.contains(words))
                .collect();
            Ok((!heard.is_empty()).then_some(heard))
        })
    }
}

/// A head that answers with this status.
fn head(text: &str) -> Vec<String> {
    vec![text.to_owned()]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_push_to_a_forge_is_live_and_everybody_is_told() -> anyhow::Result<()> {
    share_engine()?;
    let (ours, another) = (Authority::new()?, Authority::new()?);
    let mails = mail_server().await?;
    let machine = Machine::start_with(vec![
        ("outbound.allow", "[\"127.0.0.1/32\"]".to_owned()),
        (
            "outbound.extra_ca",
            format!("\"{}\"", ours.file().display()),
        ),
        ("mail.server", format!("\"smtp://{}\"", mails.at)),
        ("mail.from", "\"Segue <segue@example.com>\"".to_owned()),
    ])?;
    let room = receiver(None, head("200 OK")).await?;
    let program = receiver(Some(&ours), head("204 No Content")).await?;
    let stranger = receiver(Some(&another), head("204 No Content")).await?;
    let inside = receiver(None, head("200 OK")).await?;
    let away = format!("302 Found\r\nLocation: http://{}/inside", inside.at);
    let mover = receiver(None, head(&away)).await?;
    let broken = receiver(None, head("500 Not Today")).await?;
    let url = |scheme: &str, ear: &Ear| json!({"url": format!("{scheme}://{}/hooks/x", ear.at)});
    let room = listen(&machine, "chat", &room, &url("http", &room))?;
    let mails = listen(
        &machine,
        "mail",
        &mails,
        &json!({"address": "ada@example.com"}),
    )?;
    let program = listen(&machine, "standard", &program, &url("https", &program))?;
    let stranger = listen(&machine, "standard", &stranger, &url("https", &stranger))?;
    let mover = listen(&machine, "standard", &mover, &url("http", &mover))?;
    let broken = listen(&machine, "chat", &broken, &url("http", &broken))?;

    for (kind, app, words) in [
        ("gitlab", "shop", ["running", "success", "failed"]),
        ("gitea", "lamp", ["pending", "success", "failure"]),
    ] {
        let place = Place::new(&machine, kind, app)?;
        forge(&place, words)?;
        people(&machine, &room, &mails, app)?;
    }
    programs(&machine, &program)?;
    refused(&machine, &stranger, "its certificate")?;
    refused(&machine, &mover, "redirects are not followed")?;
    ensure!(inside.heard().is_empty(), "a redirect was followed");
    ensure!(
        stranger.ear.heard().is_empty(),
        "an unknown server was told"
    );
    again(&machine, &broken)?;
    forgotten(&machine, &mails)?;
    machine.stop()
}

/// Who forgot a password has a link sent, and it is good; for an address that nobody has, the answer is no other.
fn forgotten(machine: &Machine, mails: &Listener) -> anyhow::Result<()> {
    for address in ["nobody@example.com", "ada@example.com"] {
        let body = json!({ "email": address });
        machine.call("POST", "/v1/auth/reset-request", Some(&body))?;
    }
    let letters = mails.hears("/reset#")?;
    let [letter] = letters.as_slice() else {
        anyhow::bail!("more than one letter: {letters:?}");
    };
    ensure!(letter.contains("To: ada@example.com"), "{letter}");
    let (_, token) = letter.split_once("/reset#").context("no link")?;
    let token = token.split_whitespace().next().context("no token")?;
    let body = json!({ "token": token, "password": "what was it again" });
    machine.call("POST", "/v1/auth/reset", Some(&body))?;
    Ok(())
}

/// Two pushes, one that is good and one that is not; and calls that lead to nothing.
fn forge(place: &Place<'_>, words: [&str; 3]) -> anyhow::Result<()> {
    let commit = place.commit("ENV VERSION=pushed\n")?;
    let body = place.body("main", &commit)?;
    let guessed = place.call("a", "guess", &body)?;
    ensure!(guessed.status == 404, "{guessed:?}");
    place.pushed("b", &commit)?;
    for delivery in ["b", "c"] {
        let again = place.call(delivery, &place.secret, &body)?;
        ensure!(
            again.status == 200 && again.body.contains("seen"),
            "{again:?}"
        );
    }
    let deployment = place.settled(1)?;
    ensure!(
        deployment["live"] == true,
        "{deployment}\n{}",
        place.machine.tail()
    );
    let host = format!("{}.localhost", place.app);
    let shown = place.machine.visit(&host, "/")?;
    ensure!(shown.body.contains("version pushed"), "{shown:?}");
    let told = place.told(&commit, words[1])?;
    ensure!(told == words[..2], "{told:?}");

    let other = place.call("d", &place.secret, &place.body("login", &commit)?)?;
    ensure!(other.status == 202, "{other:?}");
    wait_for("another branch to be ignored", || {
        let path = format!("{}/deliveries", place.hook);
        let page = place.machine.call("GET", &path, None)?;
        Ok((page["items"][0]["state"] == "ignored").then_some(()))
    })?;

    let commit = place.commit("COPY nosuch /nosuch\n")?;
    place.pushed("e", &commit)?;
    let deployment = place.settled(2)?;
    ensure!(deployment["state"] == "failed", "{deployment}");
    let told = place.told(&commit, words[2])?;
    ensure!(
        told.last().map(String::as_str) == Some(words[2]),
        "{told:?}"
    );
    Ok(())
}

/// People are told that it is live, and that the next one has failed: where, which, why, and the page; nothing else.
fn people(machine: &Machine, room: &Listener, mails: &Listener, app: &str) -> anyhow::Result<()> {
    let page = |number: i64| {
        let port = machine.api().port();
        format!("http://localhost:{port}/apps/{app}/production/deployments/{number}?team=acme")
    };
    for (number, what) in [(1, "is live"), (2, "has failed: a build step failed (")] {
        let words = format!("{app}/production* deployment #{number} ");
        let said = room.hears(&words)?;
        let [message] = said.as_slice() else {
            anyhow::bail!("said more than once: {said:?}");
        };
        let message = word(&serde_json::from_str(message)?, "/text")?;
        println!("{message}");
        for part in [what, "push of ", " to main (", page(number).as_str()] {
            ensure!(message.contains(part), "{part}: {message}");
        }
        let subject = format!("Subject: [segue] {app}/production: deployment #{number} ");
        let mail = mails.hears(&subject)?;
        let [mail] = mail.as_slice() else {
            anyhow::bail!("written more than once: {mail:?}");
        };
        for part in ["To: ada@example.com", what, page(number).as_str()] {
            ensure!(mail.contains(part), "{part}: {mail}");
        }
    }
    Ok(())
}

/// Programs are told each step, over TLS, by name and signed.
fn programs(machine: &Machine, program: &Listener) -> anyhow::Result<()> {
    let mut states = Vec::new();
    wait_for("the program to hear of the last failure", || {
        states.clear();
        for heard in program.ear.heard() {
            ensure!(
                heard.header("webhook-signature").starts_with("v1,"),
                "{heard:?}"
            );
            let event: Value = serde_json::from_str(&heard.body)?;
            let told = &event["data"]["deployment"];
            if event["data"]["app"] == "lamp" {
                states.push((told["number"].clone(), word(told, "/state")?));
            }
        }
        let last = (json!(2), "failed".to_owned());
        Ok(states.contains(&last).then_some(()))
    })
    .with_context(|| machine.tail())?;
    for state in ["starting", "live"] {
        let told = (json!(1), state.to_owned());
        ensure!(states.contains(&told), "{state}: {states:?}");
    }
    let first = program.first(machine, "the first to be delivered", |one| {
        one["state"] == "delivered"
    })?;
    ensure!(first["status"] == 204 && first["attempts"] == 1, "{first}");
    Ok(())
}

/// It was not told, waits for another try, and the list says why.
fn refused(machine: &Machine, listener: &Listener, why: &str) -> anyhow::Result<()> {
    let tried = listener.first(machine, why, |one| {
        one["detail"].as_str().unwrap_or_default().contains(why)
    })?;
    ensure!(tried["state"] == "pending", "{tried}");
    Ok(())
}

/// A receiver that fails is asked again, with a wait that grows.
fn again(machine: &Machine, broken: &Listener) -> anyhow::Result<()> {
    let second = broken.first(machine, "a second try", |one| {
        one["attempts"].as_i64() >= Some(2)
    })?;
    println!("{second}");
    ensure!(second["status"] == 500, "{second}");
    ensure!(word(&second, "/detail")?.contains("the answer was 500"));
    let at = |pointer: &str| -> anyhow::Result<chrono::DateTime<chrono::FixedOffset>> {
        Ok(word(&second, pointer)?.parse()?)
    };
    let wait = at("/next_at")? - at("/attempted_at")?;
    // The waits after the first two tries are 5 s and 30 s, a tenth more or less.
    ensure!(wait.num_seconds() >= 20, "{second}");
    let shown = machine.call("GET", &broken.path, None)?;
    ensure!(
        shown["enabled"] == true && shown["failing_since"].is_string(),
        "{shown}"
    );
    Ok(())
}
