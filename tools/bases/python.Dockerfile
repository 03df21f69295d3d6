# segue/python:3.11-bookworm: Debian's Python with what makes virtual environments.
FROM segue/debian:bookworm
RUN apt-get update -q \
 && apt-get install -y -q --no-install-recommends python3 python3-venv python3-pip \
 && rm -rf /var/lib/apt/lists/* /var/log/apt /var/log/dpkg.log
