//! Deliveries as mail, through the operator's own server.
//!
//! The server is the operator's choice, not a team's: it may stand on a private address.

use std::time::Duration;

use lettre::message::Mailbox;
use lettre::message::header::ContentType;
use lettre::transport::smtp::authentication::Credentials;
use lettre::{AsyncSmtpTransport, AsyncTransport, Message, Tokio1Executor};
use segue_store::ClaimedDelivery;
use serde::Deserialize;
use tokio::time::timeout;

use super::{Failed, line};
use crate::config::MailConfig;

/// A mail server that takes longer does not answer.
const DEADLINE: Duration = Duration::from_secs(30);
/// A subject is one line of this length at most.
const SUBJECT_CHARS: usize = 150;

/// The way to the mail server.
pub(super) struct Mailer {
    transport: AsyncSmtpTransport<Tokio1Executor>,
    from: Mailbox,
}

/// What is sealed of a mail address.
#[derive(Deserialize)]
struct Sealed {
    address: String,
}

impl Mailer {
    /// # Errors
    /// A sentence that names the setting that cannot be used.
    pub(super) fn new(config: &MailConfig) -> Result<Self, String> {
        let from = config
            .from
            .parse()
            .map_err(|error| format!("mail.from: {error}"))?;
        let mut builder = AsyncSmtpTransport::<Tokio1Executor>::from_url(&config.server)
            .map_err(|error| format!("mail.server: {error}"))?
            .timeout(Some(DEADLINE));
        if let Some((user, password)) = &config.login {
            use secrecy::ExposeSecret as _;
            let password = password.expose_secret().to_owned();
            builder = builder.credentials(Credentials::new(user.clone(), password));
        }
        Ok(Self {
            transport: builder.build(),
            from,
        })
    }

    pub(super) async fn send(&self, delivery: &ClaimedDelivery) -> Result<(), Failed> {
        let sealed: Sealed = serde_json::from_slice(delivery.sealed.expose())
            .map_err(|_| Failed::new("its address cannot be read", false))?;
        let to: Mailbox = sealed
            .address
            .parse()
            .map_err(|_| Failed::new("its address is none", false))?;
        let (place, message) = line(&delivery.payload);
        let subject: String = format!("[segue] {place}: {message}")
            .chars()
            .filter(|c| !c.is_control())
            .take(SUBJECT_CHARS)
            .collect();
        let text = format!(
            "{place}: {message}\n\nSegue sends this because somebody asked for it; ask your team to take the address out.\n"
        );
        let id = format!("<{}@segue.invalid>", delivery.id);
        let mail = Message::builder()
            .from(self.from.clone())
            .to(to)
            .subject(subject)
            // The same delivery again is the same mail.
            .message_id(Some(id))
            .header(ContentType::TEXT_PLAIN)
            .body(text)
            .map_err(|_| Failed::new("no mail can be made of it", false))?;
        match timeout(DEADLINE, self.transport.send(mail)).await {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(error)) => Err(Failed::new(
                format!("the mail server refused it: {error}"),
                !error.is_permanent(),
            )),
            Err(_) => Err(Failed::new("the mail server did not answer in time", true)),
        }
    }
}
