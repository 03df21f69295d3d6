# segue/node:22-bookworm: Node.js and npm as the npm registry has them, because Debian's are older. Libraries are Debian's.
FROM segue/debian:bookworm
COPY node/bin/node /usr/local/bin/
COPY npm/ /usr/local/lib/node_modules/npm/
RUN ln -s ../lib/node_modules/npm/bin/npm-cli.js /usr/local/bin/npm \
 && ln -s ../lib/node_modules/npm/bin/npx-cli.js /usr/local/bin/npx \
 && node --version && npm --version && npx --version && rm -rf /root/.npm
