//! One file per group of commands. Each resolves its target, says so before it writes, asks the API, and tells
//! what came of it.

mod api;
mod apply;
mod apps;
mod audit;
mod builds;
mod compare;
mod config;
mod credentials;
mod deploys;
mod device;
mod doctor;
mod env_file;
mod events;
mod failed;
mod follow;
mod git;
mod hints;
mod hooks;
mod hosts;
mod import;
mod init;
mod locks;
mod login;
mod logs;
mod manual;
mod open;
mod previews;
mod promote;
mod rehearse;
mod replace;
mod runs;
mod scale;
mod sight;
mod status;
mod teams;
mod tokens;
mod up;
mod webhooks;

use crate::answers::UNREACHABLE;
use std::path::Path;

use crate::args::{
    Apps, Builds, Cli, Command, Config, Credentials, Deploys, Envs, Freezes, Global, Hooks, Hosts,
    Previews, Releases, Runs, Secret, Sessions, Teams, Tokens, Webhooks,
};
use crate::error::{CliError, Exit, Result};
use crate::files;
use crate::host::Host;
use crate::output::{Out, line, unread};
use crate::session::Session;
use crate::target::Target;

/// What every command works with.
pub(crate) struct Context<'h> {
    pub out: Out<'h>,
    pub global: &'h Global,
    /// What the command turned out to be about: where something is missing, its parts are looked for.
    pub place: Option<Place>,
    /// The same for what is about a team.
    pub team: Option<String>,
}

impl Context<'_> {
    pub fn session(&mut self) -> Result<Session> {
        Session::open(self.out.host(), self.global)
    }

    /// The session and the target, said aloud: for commands that change something.
    pub async fn target(&mut self) -> Result<(Session, Place)> {
        let session = self.session()?;
        let target = Target::of(self.out.host(), self.global)?;
        let place = self.about(Place::new(&session, target).await?);
        self.out.say(format!("→ {place}"));
        Ok((session, place))
    }

    /// The same for commands that only read.
    pub async fn quiet_target(&mut self) -> Result<(Session, Place)> {
        let session = self.session()?;
        let target = Target::of(self.out.host(), self.global)?;
        let place = self.about(Place::new(&session, target).await?);
        Ok((session, place))
    }

    /// Notes what the command is about.
    pub fn about(&mut self, place: Place) -> Place {
        self.place = Some(place.clone());
        place
    }
}

/// A team's app's environment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Place {
    pub team: String,
    pub app: String,
    pub env: String,
}

impl Place {
    pub async fn new(session: &Session, target: Target) -> Result<Self> {
        Ok(Self::of(session.team().await?, target))
    }

    /// The same in a team that is known.
    pub fn of(team: String, target: Target) -> Self {
        Self {
            team,
            app: target.app.to_string(),
            env: target.env.to_string(),
        }
    }

    /// The segments of its path in the API, and more.
    pub fn path<'p>(&'p self, rest: &[&'p str]) -> Vec<&'p str> {
        let own = [
            "v1", "teams", &self.team, "apps", &self.app, "envs", &self.env,
        ];
        own.into_iter().chain(rest.iter().copied()).collect()
    }

    /// The flags that mean this place.
    pub fn flags(&self) -> String {
        format!("-a {} -e {}", self.app, self.env)
    }

    /// `acme/shop`: what is about all environments of an app.
    pub fn whole_app(&self) -> String {
        format!("{}/{}", self.team, self.app)
    }

    /// `shop/production`.
    pub fn short(&self) -> String {
        format!("{}/{}", self.app, self.env)
    }
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}, environment {}", self.team, self.app, self.env)
    }
}

/// Runs a command.
pub(crate) async fn run(host: &mut Host, cli: &Cli) -> Result<Exit> {
    let mut context = Context {
        out: Out::new(host, &cli.global),
        global: &cli.global,
        place: None,
        team: None,
    };
    match dispatch(&mut context, &cli.command).await {
        Err(error) => Err(hints::add(&mut context, &cli.command, error).await),
        done => done,
    }
}

async fn dispatch(context: &mut Context<'_>, command: &Command) -> Result<Exit> {
    match command {
        Command::Init(args) => init::run(context, args),
        Command::Import(args) => import::run(context, args),
        Command::Up(args) => up::run(context, args).await,
        Command::Plan(args) => apply::plan(context, args).await,
        Command::Apply(args) => apply::run(context, args).await,
        Command::Status(args) => status::status(context, args).await,
        Command::Open(args) => open::run(context, args).await,
        Command::Events(args) => events::run(context, args).await,
        Command::Ps(args) => status::ps(context, args).await,
        Command::Services => sight::services(context).await,
        Command::Metrics(args) => sight::metrics(context, args).await,
        Command::Logs(args) => logs::run(context, args).await,
        Command::Rollback(args) => deploys::rollback(context, args).await,
        Command::Redeploy(args) => deploys::redeploy(context, args).await,
        Command::Restart(args) => deploys::restart(context, args).await,
        Command::Scale(args) => scale::run(context, args).await,
        Command::Config { verb } => {
            config::config(context, verb.as_ref().unwrap_or(&Config::List)).await
        }
        Command::Secret { verb } => {
            config::secret(context, verb.as_ref().unwrap_or(&Secret::List)).await
        }
        Command::Apps { verb } => apps::apps(context, verb.as_ref().unwrap_or(&Apps::List)).await,
        Command::Envs { verb } => apps::envs(context, verb.as_ref().unwrap_or(&Envs::List)).await,
        Command::Deploys { verb } => {
            deploys::deploys(context, verb.as_ref().unwrap_or(&Deploys::List)).await
        }
        Command::Releases { verb } => {
            deploys::releases(context, verb.as_ref().unwrap_or(&Releases::List)).await
        }
        Command::Builds { verb } => {
            builds::run(context, verb.as_ref().unwrap_or(&Builds::List)).await
        }
        Command::Tokens { verb } => {
            tokens::run(
                context,
                verb.as_ref().unwrap_or(&Tokens::List { deploy: false }),
            )
            .await
        }
        Command::Promote(args) => promote::run(context, args).await,
        Command::Run(args) => runs::run(context, args).await,
        Command::Runs { verb } => runs::runs(context, verb.as_ref().unwrap_or(&Runs::List)).await,
        Command::Teams { verb } => teams::run(context, verb.as_ref().unwrap_or(&Teams::List)).await,
        Command::Previews { verb } => {
            previews::run(context, verb.as_ref().unwrap_or(&Previews::List)).await
        }
        Command::Lock(args) => locks::lock(context, args).await,
        Command::Unlock(args) => locks::unlock(context, args).await,
        Command::Locks => locks::list(context).await,
        Command::Freezes { verb } => {
            locks::freezes(context, verb.as_ref().unwrap_or(&Freezes::List)).await
        }
        Command::Hooks { verb } => hooks::run(context, verb.as_ref().unwrap_or(&Hooks::List)).await,
        Command::Webhooks { verb } => {
            webhooks::run(context, verb.as_ref().unwrap_or(&Webhooks::List)).await
        }
        Command::Credentials { verb } => {
            credentials::run(context, verb.as_ref().unwrap_or(&Credentials::List)).await
        }
        Command::Sessions { verb } => {
            sight::sessions(context, verb.as_ref().unwrap_or(&Sessions::List)).await
        }
        Command::Audit { verb } => audit::run(context, verb).await,
        Command::Hosts { verb } => hosts::run(context, verb.as_ref().unwrap_or(&Hosts::List)).await,
        Command::Api(args) => api::run(context, args).await,
        Command::Doctor => doctor::run(context).await,
        Command::Login(args) => login::login(context, args).await,
        Command::Logout => login::logout(context).await,
        Command::Whoami => login::whoami(context).await,
        Command::GitCredential { verb } => git::credential(context, verb),
        Command::Completion { shell } => manual::completion(context, *shell),
        Command::Man { dir } => manual::man(context, dir),
    }
}

/// Waits for work, or for a person who stops watching; the work itself goes on.
pub(crate) async fn watching<T>(
    context: &mut Context<'_>,
    come_back: &str,
    work: impl AsyncFnOnce(&mut Context<'_>) -> Result<T>,
) -> Result<std::result::Result<T, Exit>> {
    let stopped = tokio::signal::ctrl_c();
    let done = {
        let work = work(context);
        tokio::select! {
            done = work => Some(done.map_err(|error| lost(error, come_back))?),
            _ = stopped => None,
        }
    };
    match done {
        Some(done) => Ok(Ok(done)),
        None => {
            context
                .out
                .say(format!("\ndetached; it goes on. To come back: {come_back}"));
            Ok(Err(Exit::Interrupted))
        }
    }
}

/// A connection that could not be made again: the way back is the same as for a person who left.
pub(crate) fn lost(error: CliError, come_back: &str) -> CliError {
    match error.code.as_deref() {
        Some(UNREACHABLE) => error.next(format!("segue doctor, then {come_back}")),
        _ => error,
    }
}

/// A key for one intent of a person, so that a repeated request does nothing twice.
pub(crate) fn idempotency_key() -> Option<String> {
    Some(uuid::Uuid::now_v7().to_string())
}

/// What must not stand on the command line, where others see it: a line that a person types, or all of stdin without
/// its last line break. `how` is the command line that gives it.
pub(crate) fn from_stdin(context: &mut Context<'_>, what: &str, how: &str) -> Result<String> {
    let refused = |text: String| CliError::usage(text).now("nothing was sent").next(how);
    let host = context.out.host();
    let text = if host.stdin_terminal {
        context
            .out
            .say(format!("{} (end with Enter):", capital(what)));
        line(context.out.host())?
    } else {
        let mut bytes = Vec::new();
        let most = STDIN_BYTES as u64 + 1;
        std::io::Read::read_to_end(&mut std::io::Read::take(&mut host.stdin, most), &mut bytes)
            .map_err(|e| unread(&e))?;
        if bytes.len() > STDIN_BYTES {
            return Err(refused(format!(
                "the {what} on stdin is longer than {STDIN_BYTES} bytes"
            )));
        }
        let text = String::from_utf8(bytes)
            .map_err(|_| refused(format!("the {what} on stdin is not text (UTF-8)")))?;
        text.strip_suffix('\n').map(str::to_owned).unwrap_or(text)
    };
    if text.is_empty() {
        return Err(refused(format!("no {what} on stdin")));
    }
    Ok(text)
}

/// Bytes of a single value on stdin: more than any bound of the API, so that the API's own error is the one that is read.
const STDIN_BYTES: usize = 128 << 10;

fn capital(text: &str) -> String {
    let mut chars = text.chars();
    match chars.next() {
        Some(first) => first.to_uppercase().chain(chars).collect(),
        None => String::new(),
    }
}

/// The present time, in seconds.
pub(crate) fn now() -> i64 {
    jiff::Timestamp::now().as_second()
}

/// A file as it is called in sentences.
pub(crate) fn said(file: &Path) -> String {
    match file.to_str() {
        Some("-") => "stdin".to_owned(),
        _ => file.display().to_string(),
    }
}

/// Reads what a request's body is: text, `@FILE`, or `@-` for stdin.
pub(crate) fn body(context: &mut Context<'_>, text: &str, most: u64) -> Result<Vec<u8>> {
    match text.strip_prefix('@') {
        None => Ok(text.as_bytes().to_vec()),
        Some("-") => {
            let stdin = &mut context.out.host().stdin;
            let bytes = files::bounded(stdin, most).map_err(|e| unread(&e))?;
            bytes.ok_or_else(|| files::too_large("what is on stdin", most))
        }
        Some(path) => files::read(&context.out.host().path(path.as_ref()), most),
    }
}
