# segue/static:bookworm: nginx that serves /srv/www on $PORT (8080 without one), as any user.
FROM segue/debian:bookworm
RUN apt-get update -q \
 && apt-get install -y -q --no-install-recommends nginx-light \
 && rm -rf /var/lib/apt/lists/* /var/log/apt /var/log/dpkg.log /var/www/html
COPY static/serve /usr/local/bin/serve-static
ENV PORT=8080
WORKDIR /srv/www
STOPSIGNAL SIGQUIT
CMD ["serve-static"]
