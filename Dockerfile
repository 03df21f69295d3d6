# Images of Segue for docker-compose.yml. Targets:
#   source    the program compiled here, from this checkout (needs a base with Rust, and crates)
#   package   the program compiled outside, found in the build context as PROGRAM (./dev package puts it there)
#   postgres  the database
#   builder   the engine of builds
# BASE and RUST may be any Debian bookworm and any Rust on it: where no registry is at hand, ./dev makes
# segue/debian:bookworm. No BuildKit is needed; without it `source` also passes through `package`, which is why
# a program that is not there is no error until it is started.
ARG BASE=debian:bookworm
ARG RUST=rust:1.95-bookworm

FROM ${BASE} AS runtime
RUN apt-get update -q \
 && apt-get install -y -q --no-install-recommends ca-certificates git \
 && rm -rf /var/lib/apt/lists/* /var/log/apt /var/log/dpkg.log
# Only the worker needs rights. Volumes take the owner of what they are laid over.
RUN useradd --system --uid 10001 --user-group --home-dir /var/lib/segue --shell /usr/sbin/nologin segue \
 && install -d -o segue -g segue -m 0700 /var/lib/segue /run/segue /var/lib/segue-edge /var/lib/segue-token \
      /var/lib/segue-database /var/lib/segue-postgres
ENTRYPOINT ["/usr/local/bin/segue"]
CMD ["--help"]

FROM runtime AS postgres
RUN apt-get update -q \
 && apt-get install -y -q --no-install-recommends postgresql-common \
 && sed -i 's/^#\{0,1\}create_main_cluster.*/create_main_cluster = false/' /etc/postgresql-common/createcluster.conf \
 && apt-get install -y -q --no-install-recommends postgresql \
 && rm -rf /var/lib/apt/lists/* /var/log/apt /var/log/dpkg.log
COPY tools/compose/postgres.sh /usr/local/bin/segue-postgres
USER segue
STOPSIGNAL SIGINT
ENTRYPOINT ["/bin/bash", "/usr/local/bin/segue-postgres"]

FROM runtime AS builder
RUN apt-get update -q \
 && apt-get install -y -q --no-install-recommends docker.io iptables \
 && rm -rf /var/lib/apt/lists/* /var/log/apt /var/log/dpkg.log
COPY tools/compose/builder.sh /usr/local/bin/segue-builder
ENTRYPOINT ["/bin/bash", "/usr/local/bin/segue-builder"]

FROM runtime AS package
ARG PROGRAM=build/segue
# The second name may match nothing; the first one is always there.
COPY LICENSE ${PROGRAM}* /usr/local/bin/

FROM ${RUST} AS compile
RUN apt-get update -q \
 && apt-get install -y -q --no-install-recommends clang mold cmake \
 && rm -rf /var/lib/apt/lists/*
WORKDIR /src
ARG PROFILE=dist
COPY . .
ENV SQLX_OFFLINE=true CARGO_TERM_COLOR=never
RUN cargo build --locked --profile ${PROFILE} -p segue-app --bin segue \
 && folder=${PROFILE} && { [ "${PROFILE}" != dev ] || folder=debug; } \
 && install -D -m 0755 target/${folder}/segue /out/segue

FROM runtime AS source
COPY --from=compile /out/segue /usr/local/bin/segue
