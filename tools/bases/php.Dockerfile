# segue/php:8.2-bookworm: Debian's PHP in its Apache, the extensions that applications usually want, and Composer.
FROM segue/debian:bookworm
RUN apt-get update -q \
 && apt-get install -y -q --no-install-recommends apache2 libapache2-mod-php php-cli php-mysql php-pgsql php-sqlite3 php-xml php-mbstring php-curl php-gd php-zip php-intl php-bcmath composer unzip \
 && a2enmod -q rewrite headers expires \
 && rm -rf /var/lib/apt/lists/* /var/log/apt /var/log/dpkg.log /var/www/html
# Requests in flight are answered before the end.
STOPSIGNAL SIGWINCH
