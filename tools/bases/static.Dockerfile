# segue/static:bookworm: Debian's nginx, for generated images that bring their own configuration.
FROM segue/debian:bookworm
RUN apt-get update -q \
 && apt-get install -y -q --no-install-recommends nginx-light \
 && rm -rf /var/lib/apt/lists/* /var/log/apt /var/log/dpkg.log /var/www/html
STOPSIGNAL SIGQUIT
