# segue/go:1.23-bookworm: Go of Debian's backports, and a C compiler for packages that want one.
FROM segue/debian:bookworm
RUN mirror=$(sed -n 's/^deb \([^ ]*\) bookworm .*/\1/p' /etc/apt/sources.list | head -n 1) \
 && echo "deb ${mirror:-http://deb.debian.org/debian} bookworm-backports main" > /etc/apt/sources.list.d/backports.list \
 && apt-get update -q \
 && apt-get install -y -q --no-install-recommends golang-1.23-go gcc libc6-dev git \
 && ln -s /usr/lib/go-1.23/bin/go /usr/lib/go-1.23/bin/gofmt /usr/local/bin/ \
 && rm -rf /var/lib/apt/lists/* /var/log/apt /var/log/dpkg.log
