# segue/bun:1-bookworm: Bun as the npm registry has it, also under the name of Node.js, which programs of packages name.
FROM segue/debian:bookworm
COPY bun/bin/bun /usr/local/bin/
RUN ln -s bun /usr/local/bin/bunx && ln -s bun /usr/local/bin/node && bun --version
