# segue/node:18-bookworm: Debian's Node with npm, for sources that want it.
FROM segue/debian:bookworm
RUN apt-get update -q \
 && apt-get install -y -q --no-install-recommends nodejs npm \
 && rm -rf /var/lib/apt/lists/* /var/log/apt /var/log/dpkg.log
