//! The one TLS provider of the process, installed before anything else, and random bytes from it.

use anyhow::Context as _;
use rustls::crypto::{CryptoProvider, aws_lc_rs};

/// Makes aws-lc-rs the provider of every TLS configuration of this process. A second call
/// changes nothing.
///
/// # Errors
/// Another provider was installed before us.
pub fn install() -> anyhow::Result<()> {
    // The answer is an error as soon as any provider is there; which one it is decides.
    let _ = aws_lc_rs::default_provider().install_default();
    let installed = CryptoProvider::get_default().context("no TLS provider is installed")?;
    anyhow::ensure!(
        is_ours(installed),
        "another TLS provider was installed first"
    );
    Ok(())
}

fn is_ours(provider: &CryptoProvider) -> bool {
    let ours = aws_lc_rs::default_provider();
    let describe = |provider: &CryptoProvider| {
        format!("{:?} {:?}", provider.secure_random, provider.key_provider)
    };
    describe(provider) == describe(&ours)
}

/// Fills the buffer with random bytes fit for secrets.
///
/// # Errors
/// The operating system has none to give.
pub fn random(buffer: &mut [u8]) -> anyhow::Result<()> {
    aws_lc_rs::default_provider()
        .secure_random
        .fill(buffer)
        .map_err(|_| anyhow::anyhow!("the system gives no random bytes"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_process_has_one_provider_and_it_is_aws_lc() {
        install().unwrap();
        install().unwrap();
        let provider = CryptoProvider::get_default().unwrap();
        assert!(is_ours(provider));
        let name = format!("{:?}", provider.secure_random).to_ascii_lowercase();
        assert!(name.contains("awslc"), "{name}");
    }

    #[test]
    fn random_bytes_differ() {
        let (mut one, mut two) = ([0; 32], [0; 32]);
        random(&mut one).unwrap();
        random(&mut two).unwrap();
        assert_ne!(one, two);
    }
}
