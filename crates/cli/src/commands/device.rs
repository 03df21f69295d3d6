//! Signing in by a short code that a person confirms in the browser (RFC 8628).
//!
//! Must not: print the device's own code, or ask more often than the server allows.

use std::time::Duration;

use segue_client::{
    ApiResponse, DeviceAsk, DeviceStart, DeviceStartRequest, DeviceToken, DeviceTokenRequest,
};

use super::{Context, open};
use crate::error::{CliError, Result};
use crate::session::Session;

/// What a server adds to the pause of somebody who asks too often (RFC 8628, 3.5).
const SLOWER: Duration = Duration::from_secs(5);
/// Nobody waits longer than this for a person, whatever the server says.
const PATIENCE: Duration = Duration::from_secs(3600);

/// Signs in; `None` if the server has no sign-in of devices.
pub(super) async fn sign_in(
    context: &mut Context<'_>,
    session: &Session,
) -> Result<Option<DeviceToken>> {
    let body = DeviceStart {
        client_name: client_name(),
    };
    let answer = session
        .client
        .device_start(DeviceStartRequest { body })
        .await;
    let Some(started) = session.maybe("beginning the sign-in", answer).await? else {
        return Ok(None);
    };
    context.out.say(format!(
        "Open {} and enter {}",
        started.verification_uri, started.user_code
    ));
    if context.out.host().stderr_terminal {
        open::show(context, &started.verification_uri_complete);
    }
    let seconds = |count: i64| Duration::from_secs(u64::try_from(count).unwrap_or(0));
    let mut pause = seconds(i64::from(started.interval)).max(Duration::from_secs(1));
    let end = tokio::time::Instant::now() + seconds(i64::from(started.expires_in)).min(PATIENCE);
    let again = format!("segue login --server {}", session.server());
    while tokio::time::Instant::now() < end {
        tokio::time::sleep(pause).await;
        let body = DeviceAsk {
            device_code: started.device_code.clone(),
        };
        let answer = session
            .client
            .device_token(DeviceTokenRequest { body })
            .await;
        if let Ok(ApiResponse::ClientError(_, problem)) = &answer {
            match problem.code.to_string().as_str() {
                "authorization_pending" => continue,
                "slow_down" => {
                    pause += SLOWER;
                    continue;
                }
                "access_denied" => {
                    return Err(
                        CliError::signed_out("the sign-in was refused in the browser")
                            .code("access_denied")
                            .next(again),
                    );
                }
                "expired_token" => break,
                _ => {}
            }
        }
        return session.value("signing in", answer).await.map(Some);
    }
    Err(
        CliError::signed_out(format!("nobody confirmed {} in time", started.user_code))
            .code("expired_token")
            .next(again),
    )
}

/// What the person sees in the browser, and what the token will be called.
fn client_name() -> String {
    let machine = rustix::system::uname();
    let machine = machine.nodename().to_string_lossy().into_owned();
    let plain: String = machine
        .chars()
        .filter(|c| c.is_ascii_alphanumeric() || "-._".contains(*c))
        .take(60)
        .collect();
    if plain.is_empty() {
        "segue".to_owned()
    } else {
        format!("segue on {plain}")
    }
}
