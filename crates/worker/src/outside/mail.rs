//! Deliveries as mail, through the operator's own server.
//!
//! The server is the operator's choice, not a team's: it may stand on a private address.

use std::path::Path;
use std::time::Duration;

use http::Uri;
use lettre::message::Mailbox;
use lettre::message::header::ContentType;
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Certificate, Tls, TlsParameters};
use lettre::{AsyncSmtpTransport, AsyncTransport, Message, Tokio1Executor};
use segue_model::id::DeliveryId;
use serde::Deserialize;
use tokio::time::timeout;

use super::Failed;
use super::text::Text;
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
    /// `extra_ca`: certificates that are trusted besides those of the machine.
    ///
    /// # Errors
    /// A sentence that names the setting that cannot be used.
    pub(super) fn new(config: &MailConfig, extra_ca: Option<&Path>) -> Result<Self, String> {
        let from = config
            .from
            .parse()
            .map_err(|error| format!("mail.from: {error}"))?;
        let mut builder = AsyncSmtpTransport::<Tokio1Executor>::from_url(&config.server)
            .map_err(|error| format!("mail.server: {error}"))?
            .timeout(Some(DEADLINE));
        if let Some(extra_ca) = extra_ca
            && let Some(tls) = tls(&config.server, extra_ca)?
        {
            builder = builder.tls(tls);
        }
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

    pub(super) async fn send(
        &self,
        sealed: &[u8],
        delivery: DeliveryId,
        text: &Text,
    ) -> Result<(), Failed> {
        let sealed: Sealed = serde_json::from_slice(sealed)
            .map_err(|_| Failed::new("its address cannot be read", false))?;
        let Text {
            place,
            what,
            cause,
            link,
        } = text;
        let subject: String = format!("[segue] {place}: {what}")
            .chars()
            .filter(|c| !c.is_control())
            .take(SUBJECT_CHARS)
            .collect();
        let lines = [
            Some(format!("{place}: {what}")),
            cause.clone(),
            link.clone(),
        ];
        let lines: Vec<String> = lines.into_iter().flatten().collect();
        let body = format!(
            "{}\n\nSegue sends this because somebody asked for it; ask your team to take the address out.\n",
            lines.join("\n")
        );
        let id = delivery.to_string();
        self.post(&sealed.address, subject, body, id).await
    }

    /// Sends one mail. The same id again is the same mail.
    pub(super) async fn post(
        &self,
        address: &str,
        subject: String,
        body: String,
        id: String,
    ) -> Result<(), Failed> {
        let to: Mailbox = address
            .parse()
            .map_err(|_| Failed::new("its address is none", false))?;
        let mail = Message::builder()
            .from(self.from.clone())
            .to(to)
            .subject(subject)
            .message_id(Some(format!("<{id}@segue.invalid>")))
            .header(ContentType::TEXT_PLAIN)
            .body(body)
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

/// How the address of a server says that it is spoken to, with more certificates that are trusted; `None`: without TLS. The
/// library reads an address for itself, but then knows no certificates but the machine's.
fn tls(server: &str, extra_ca: &Path) -> Result<Option<Tls>, String> {
    let uri: Uri = server
        .parse()
        .map_err(|error| format!("mail.server: {error}"))?;
    let wish = uri.query().unwrap_or_default().split('&');
    let wish = wish.filter_map(|pair| pair.strip_prefix("tls=")).next();
    let kind = match (uri.scheme_str(), wish) {
        (Some("smtps"), _) => Tls::Wrapper,
        (Some("smtp"), Some("required")) => Tls::Required,
        (Some("smtp"), Some("opportunistic")) => Tls::Opportunistic,
        _ => return Ok(None),
    };
    let wrong = |error: &dyn std::fmt::Display| format!("outbound.extra_ca: {error}");
    let pem = std::fs::read(extra_ca).map_err(|error| wrong(&error))?;
    let certificates = Certificate::from_pem(&pem).map_err(|error| wrong(&error))?;
    let host = uri.host().unwrap_or_default().to_owned();
    let parameters = TlsParameters::builder(host)
        .add_root_certificate(certificates)
        .build()
        .map_err(|error| wrong(&error))?;
    Ok(Some(kind(parameters)))
}
