"""The smallest application worth deploying: one page, one health check, no framework."""

import html
import os
import socket
import time

STARTED = time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime())
GREETING = os.environ.get("GREETING", "Hello from Segue")

PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{greeting}</title>
<style>
  body {{ font: 1.1rem/1.6 system-ui, sans-serif; max-width: 34rem; margin: 15vh auto; padding: 0 1rem }}
  code {{ background: #8882; padding: .1em .3em; border-radius: .2em }}
</style>
<h1>{greeting}</h1>
<p>Instance <code>{instance}</code>, running since {started}.</p>
<p>Change <code>app.py</code>, deploy again, and watch no request get lost.</p>
</html>
"""


def application(environ, start_response):
    """Answers every path: the health check with a word, all others with the page."""
    if environ["PATH_INFO"] == "/healthz":
        body, kind = b"ok\n", "text/plain; charset=utf-8"
    else:
        page = PAGE.format(
            greeting=html.escape(GREETING),
            instance=html.escape(socket.gethostname()),
            started=STARTED,
        )
        body, kind = page.encode(), "text/html; charset=utf-8"
    start_response("200 OK", [("Content-Type", kind), ("Content-Length", str(len(body)))])
    return [body]
