//! With what registries are asked for images.

use segue_driver::{DriverError, RegistryAuth};
use segue_model::id::EnvironmentId;

use crate::shared::Shared;

/// The registry of names that name none.
const DEFAULT: &str = "docker.io";

/// The registry of an image's name, as engines read it: the part before the first slash, if it looks like a host.
pub(crate) fn host_of(name: &str) -> &str {
    match name.split_once('/') {
        Some((first, _)) if first.contains(['.', ':']) || first == "localhost" => first,
        _ => DEFAULT,
    }
}

/// How a registry is asked.
pub(crate) struct Access {
    /// The team's credential.
    pub auth: Option<RegistryAuth>,
    /// Not for everybody: an image that is here already is used only after the registry gave it.
    pub guarded: bool,
    /// Which registry.
    host: String,
}

impl Access {
    /// What the registry said, and how it was asked: whoever reads it knows whether a credential is missing or wrong.
    pub(crate) fn explain(&self, error: DriverError) -> DriverError {
        let DriverError::ImageRefused(why) = error else {
            return error;
        };
        let host = &self.host;
        DriverError::ImageRefused(match &self.auth {
            None => format!("{why}; if it is private: the team keeps no credential for {host}"),
            Some(auth) => {
                let user = &auth.username;
                format!("{why}; {host} was asked with the team's credential, account {user}")
            }
        })
    }
}

/// How the registry of an image is asked for an environment.
///
/// # Errors
/// [`DriverError::Unavailable`] while the store is away; a credential that does not open is a refusal.
pub(crate) async fn access(
    shared: &Shared,
    environment: EnvironmentId,
    image: &str,
) -> Result<Access, DriverError> {
    let host = host_of(image);
    let known = shared.store.registry_login(environment, host).await;
    let known = known.map_err(|error| {
        if error.is_retryable() {
            DriverError::Unavailable("the store cannot be asked for a credential".to_owned())
        } else {
            DriverError::ImageNotPullable(format!("the credential for {host} cannot be opened"))
        }
    })?;
    let auth = known
        .login
        .map(|(username, password)| {
            let text = String::from_utf8(password.expose().to_vec()).map_err(|_| {
                DriverError::ImageNotPullable(format!("the credential for {host} is not text"))
            })?;
            Ok::<_, DriverError>(RegistryAuth {
                username,
                password: text.into(),
            })
        })
        .transpose()?;
    Ok(Access {
        auth,
        guarded: known.guarded,
        host: host.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_registry_is_read_as_engines_do() {
        for (name, host) in [
            ("nginx", "docker.io"),
            ("library/nginx:1", "docker.io"),
            ("ghcr.io/a/b", "ghcr.io"),
            ("127.0.0.1:5000/a:1", "127.0.0.1:5000"),
            ("localhost/a", "localhost"),
            ("a/b@sha256:00", "docker.io"),
        ] {
            assert_eq!(host_of(name), host, "{name}");
        }
    }

    #[test]
    fn a_refusal_names_the_credential_and_never_its_password() {
        let access = |user: Option<&str>| Access {
            auth: user.map(|user| RegistryAuth {
                username: user.to_owned(),
                password: "hunter2".to_owned().into(),
            }),
            guarded: true,
            host: "r.example".to_owned(),
        };
        let said = |user, error: DriverError| access(user).explain(error).to_string();
        let refused = || DriverError::ImageRefused("r.example/a:1: unauthorized".to_owned());
        assert!(said(None, refused()).ends_with("no credential for r.example"));
        let wrong = said(Some("ada"), refused());
        assert!(
            wrong.ends_with("account ada") && !wrong.contains("hunter2"),
            "{wrong}"
        );
        let missing = DriverError::ImageNotPullable("manifest unknown".to_owned());
        assert_eq!(access(None).explain(missing.clone()), missing);
    }
}
