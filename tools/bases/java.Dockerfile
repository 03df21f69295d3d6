# segue/java:17-bookworm: Debian's OpenJDK with Maven.
FROM segue/debian:bookworm
RUN apt-get update -q \
 && apt-get install -y -q --no-install-recommends openjdk-17-jdk-headless maven unzip \
 && rm -rf /var/lib/apt/lists/* /var/log/apt /var/log/dpkg.log
