# segue/rust:1.96-bookworm: the Rust that Debian keeps up for its browsers, and what build scripts usually want.
FROM segue/debian:bookworm
RUN apt-get update -q \
 && apt-get install -y -q --no-install-recommends rustc-web cargo-web gcc g++ libc6-dev make cmake pkg-config libssl-dev git \
 && rm -rf /var/lib/apt/lists/* /var/log/apt /var/log/dpkg.log \
 && cargo --version && rustc --version
