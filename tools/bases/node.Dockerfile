# segue/node:18-bookworm: Debian's Node with npm.
FROM segue/debian:bookworm
RUN apt-get update -q \
 && apt-get install -y -q --no-install-recommends nodejs npm \
 && rm -rf /var/lib/apt/lists/* /var/log/apt /var/log/dpkg.log
ENV NODE_ENV=production NPM_CONFIG_UPDATE_NOTIFIER=false NPM_CONFIG_FUND=false NPM_CONFIG_AUDIT=false
WORKDIR /app
