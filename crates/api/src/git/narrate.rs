//! A deployment told in lines, for people who wait at a terminal.
//!
//! Invariant: at least one line every [`QUIET`], so that nothing between us and the reader gives up.

use std::collections::{BTreeSet, VecDeque};
use std::time::Duration;

use segue_model::id::BuildId;
use segue_model::state::{BuildState, DeploymentState};
use segue_store::{Deployment, LogChunk, LogCursor, LogFilter, StoreError, TeamScope};
use tokio::time::Instant;

use crate::dto::deployment::{is_live, is_settled};
use crate::news::Ticket;

/// The longest time without a line.
pub(crate) const QUIET: Duration = Duration::from_secs(5);

/// Lines of a build's log that are passed on at most; the rest is in `segue logs --build`.
const MAX_LOG_LINES: usize = 2_000;

/// One step of the story.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Told {
    /// A line to show.
    Line(String),
    /// The end: whether it is live.
    End(bool),
}

/// Tells a deployment until it is live or has ended.
pub(crate) struct Narrator {
    scope: TeamScope,
    deployment: Deployment,
    ticket: Ticket,
    ready: VecDeque<Told>,
    shown: Option<DeploymentState>,
    builds: Vec<(BuildId, Option<LogCursor>, BTreeSet<&'static str>)>,
    log_lines: usize,
    started: Instant,
    spoken: Instant,
    ended: bool,
}

impl Narrator {
    pub(crate) fn new(scope: TeamScope, deployment: Deployment, ticket: Ticket) -> Self {
        let now = Instant::now();
        let builds = deployment
            .builds
            .iter()
            .map(|id| (*id, None, BTreeSet::new()))
            .collect();
        Self {
            scope,
            deployment,
            ticket,
            ready: VecDeque::new(),
            shown: None,
            builds,
            log_lines: 0,
            started: now,
            spoken: now,
            ended: false,
        }
    }

    /// The next step; `None` after the end.
    pub(crate) async fn next(&mut self) -> Option<Told> {
        loop {
            if let Some(told) = self.ready.pop_front() {
                self.spoken = Instant::now();
                return Some(told);
            }
            if self.ended {
                return None;
            }
            if let Err(error) = self.look().await {
                // The database is away for a moment: the deployment goes on, and so does the story.
                tracing::info!(%error, "a push waits for the database");
            }
            if self.ready.is_empty() {
                if self.spoken.elapsed() >= QUIET {
                    let seconds = self.started.elapsed().as_secs();
                    let state = self.deployment.state;
                    self.ready
                        .push_back(Told::Line(format!("  … {state}, {seconds} s")));
                    continue;
                }
                self.ticket.next().await;
            }
        }
    }

    fn say(&mut self, line: impl Into<String>) {
        self.ready.push_back(Told::Line(line.into()));
    }

    async fn look(&mut self) -> Result<(), StoreError> {
        // The state first: whatever it says, the log up to it is read after it.
        self.deployment = self.scope.deployment_get(self.deployment.id).await?;
        for index in 0..self.builds.len() {
            self.build(index).await?;
        }
        let (state, number, version) = (
            self.deployment.state,
            self.deployment.number,
            self.deployment.version,
        );
        if self.shown != Some(state) {
            self.shown = Some(state);
            let line = match state {
                DeploymentState::Queued => Some(format!("deployment #{number} waits for its turn")),
                DeploymentState::Building => Some(format!("deployment #{number}: building")),
                DeploymentState::ReleaseTask => Some("running the release command".to_owned()),
                DeploymentState::Starting => Some(format!("starting v{version}")),
                DeploymentState::Switching => Some(format!("healthy; switching to v{version}")),
                DeploymentState::Failing => Some("it fails; going back".to_owned()),
                DeploymentState::RollingBack => Some("rolling back".to_owned()),
                _ => None,
            };
            if let Some(line) = line {
                self.say(line);
            }
        }
        if is_settled(state) {
            self.finish(state);
        }
        Ok(())
    }

    fn finish(&mut self, state: DeploymentState) {
        let (number, version) = (self.deployment.number, self.deployment.version);
        let live = is_live(state);
        if live {
            self.say(format!(
                "✓ v{version} live after {} s",
                self.started.elapsed().as_secs()
            ));
        } else {
            self.say(format!(
                "✗ deployment #{number} {state}; what served before serves on"
            ));
            if let Some(failure) = self.deployment.failure.clone() {
                self.say(format!(
                    "  {}: {}",
                    failure.code.sentence(),
                    failure.evidence
                ));
                self.say(format!(
                    "  → {}   code: {}",
                    failure.code.hint(),
                    failure.code
                ));
            }
        }
        self.ready.push_back(Told::End(live));
        self.ended = true;
    }

    async fn build(&mut self, index: usize) -> Result<(), StoreError> {
        let Some((id, cursor, _)) = self.builds.get(index).cloned() else {
            return Ok(());
        };
        let build = self.scope.build_get(id).await?;
        let filter = LogFilter {
            build: Some(id),
            ..LogFilter::default()
        };
        let pieces = self
            .scope
            .log_read(self.deployment.environment, &filter, cursor, 20)
            .await?;
        for piece in &pieces {
            self.log(piece);
        }
        let word = match build.state {
            BuildState::Testing => Some("testing the built image"),
            BuildState::Succeeded => Some("✓ built"),
            BuildState::Failed | BuildState::TimedOut => Some("✗ the build failed"),
            BuildState::Cancelled => Some("✗ the build was stopped"),
            _ => None,
        };
        let mut fresh = None;
        if let Some(entry) = self.builds.get_mut(index) {
            if let Some(last) = pieces.last() {
                entry.1 = Some(last.cursor);
            }
            fresh = word.filter(|word| entry.2.insert(word));
        }
        if let Some(word) = fresh {
            self.say(word);
        }
        Ok(())
    }

    fn log(&mut self, piece: &LogChunk) {
        for raw in piece
            .data
            .split(|byte| *byte == b'\n')
            .filter(|raw| !raw.is_empty())
        {
            self.log_lines += 1;
            if self.log_lines == MAX_LOG_LINES {
                self.say("  … the log goes on: segue logs --build");
            }
            if self.log_lines >= MAX_LOG_LINES {
                return;
            }
            let line = crate::resources::kept_text(raw, piece.first_at);
            // A terminal obeys control characters; a build's output does not get to use them.
            let clean: String = line
                .chars()
                .filter(|c| !c.is_control() || *c == '\t')
                .take(500)
                .collect();
            self.say(format!("  {clean}"));
        }
    }
}
