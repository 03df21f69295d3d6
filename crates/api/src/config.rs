//! What the API needs to be told. Parsed and validated by the composition root; nothing here reads the
//! environment.

use std::net::SocketAddr;
use std::path::PathBuf;

use segue_model::detect::Runtimes;
use segue_model::name::Domain;

use segue_outbound::OutboundConfig;

pub use crate::serve::accept::Limits;

/// The largest limit of requests.
const MAX_REQUESTS: u32 = 1_000_000;

/// Configuration of the API.
#[derive(Debug, Clone)]
pub struct ApiConfig {
    /// Where people's requests arrive. Loopback until the firewall exists.
    pub listen: SocketAddr,
    /// Unix socket of the internal interface for edges and the git hook. Its folder must be private.
    pub internal_socket: PathBuf,
    /// TCP address of the internal interface, for edges on other machines; none by default.
    pub internal_listen: Option<SocketAddr>,
    /// File with the token that edges present; at least 32 characters, not readable by others.
    pub edge_token_file: PathBuf,
    /// People reach this API over plain HTTP and know it: the refresh cookie goes without `__Host-` and Secure, which
    /// browsers refuse there.
    pub insecure_http: bool,
    /// Folder of git repositories: a cache that may be lost.
    pub git_root: PathBuf,
    /// Folder with the one link `pre-receive` to this program; must not be writable by others.
    pub git_hooks: PathBuf,
    /// The git program, absolute.
    pub git_program: PathBuf,
    /// Generated host names lie under this name.
    pub base_domain: String,
    /// URL by which people reach this API, without a slash at the end.
    pub public_url: String,
    /// Port of people's plain HTTP at the edge, for the URLs of applications; 80 is left out of them.
    pub edge_http_port: u16,
    /// Base images by runtime and version; the builder must know the same.
    pub runtimes: Runtimes,
    /// Where requests to addresses that people name may go.
    pub outbound: OutboundConfig,
    /// Whether the worker sends mail: links for new passwords go to their people too.
    pub mail: bool,
    /// Bounds of the public listener.
    pub limits: Limits,
}

/// A configuration that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct InvalidConfig(pub String);

impl ApiConfig {
    /// The defaults, with every file under one folder.
    #[must_use]
    pub fn in_folder(folder: &std::path::Path) -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 3000)),
            internal_socket: folder.join("run/internal.sock"),
            internal_listen: None,
            edge_token_file: folder.join("keys/edge.token"),
            insecure_http: false,
            git_root: folder.join("git"),
            git_hooks: folder.join("hooks"),
            git_program: PathBuf::from("/usr/bin/git"),
            base_domain: "localhost".to_owned(),
            public_url: "http://localhost:3000".to_owned(),
            edge_http_port: 8080,
            runtimes: Runtimes::default(),
            outbound: OutboundConfig::default(),
            mail: false,
            limits: Limits::default(),
        }
    }

    /// Everything that is wrong with it, at once.
    ///
    /// # Errors
    /// One sentence that names every problem.
    pub fn validate(&self) -> Result<(), InvalidConfig> {
        let mut wrong = Vec::new();
        if Domain::new(format!("x.{}", self.base_domain)).is_err() {
            wrong.push(format!(
                "base domain {:?} is not a DNS name",
                self.base_domain
            ));
        }
        if !self.git_program.is_absolute() {
            wrong.push("the path of git must be absolute".to_owned());
        }
        let http =
            self.public_url.starts_with("http://") || self.public_url.starts_with("https://");
        if !http || self.public_url.ends_with('/') {
            wrong.push(
                "the public URL begins with http:// or https:// and does not end with a slash"
                    .to_owned(),
            );
        }
        if self.limits.per_address == 0 || self.limits.connections == 0 {
            wrong.push("connection limits must be at least 1".to_owned());
        }
        let requests = [
            self.limits.requests_at_once,
            self.limits.requests_per_second,
        ];
        if !requests
            .iter()
            .all(|limit| (1..=MAX_REQUESTS).contains(limit))
        {
            wrong.push(format!("limits of requests must be 1 to {MAX_REQUESTS}"));
        }
        if wrong.is_empty() {
            Ok(())
        } else {
            Err(InvalidConfig(wrong.join("; ")))
        }
    }

    /// URL of an application at a host name.
    pub(crate) fn app_url(&self, host: &Domain) -> String {
        match self.edge_http_port {
            80 => format!("http://{host}"),
            port => format!("http://{host}:{port}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_problems_are_told_at_once() {
        let folder = std::path::Path::new("/var/lib/segue");
        assert_eq!(ApiConfig::in_folder(folder).validate(), Ok(()));
        let wrong = ApiConfig {
            base_domain: "a b".into(),
            git_program: "git".into(),
            public_url: "localhost/".into(),
            ..ApiConfig::in_folder(folder)
        };
        let text = wrong.validate().unwrap_err().to_string();
        for part in ["base domain", "git", "public URL"] {
            assert!(text.contains(part), "{text}");
        }
    }
}
