# segue/ruby:3.1-bookworm: Debian's Ruby with Bundler, and what gems with parts in C usually want.
FROM segue/debian:bookworm
RUN apt-get update -q \
 && apt-get install -y -q --no-install-recommends ruby ruby-dev ruby-bundler gcc g++ libc6-dev make pkg-config git libpq-dev libsqlite3-dev libssl-dev libyaml-dev libffi-dev zlib1g-dev tzdata \
 && rm -rf /var/lib/apt/lists/* /var/log/apt /var/log/dpkg.log
