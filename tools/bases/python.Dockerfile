# segue/python:3.11-bookworm: Debian's Python with a virtual environment that pip may write to.
FROM segue/debian:bookworm
RUN apt-get update -q \
 && apt-get install -y -q --no-install-recommends python3 python3-venv python3-pip \
 && rm -rf /var/lib/apt/lists/* /var/log/apt /var/log/dpkg.log \
 && python3 -m venv /opt/venv
ENV PATH=/opt/venv/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
    PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 PIP_DISABLE_PIP_VERSION_CHECK=1
WORKDIR /app
