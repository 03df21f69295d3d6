# segue/deno:2-bookworm: Deno as the npm registry has it.
FROM segue/debian:bookworm
COPY deno/deno /usr/local/bin/
RUN deno --version
