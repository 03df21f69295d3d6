"""Streams of events that outlive their connection.

`follow` asks for the stream of an operation that also answers pages, begins behind the last message it has seen
after a loss (`Last-Event-ID`), and gives up when the server refuses.
"""

import json
import random
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Literal

import httpx

from .client import AuthenticatedClient, Client
from .connect import ProblemError
from .models.problem import Problem

FIRST_WAIT = 0.25
LONGEST_WAIT = 30.0
#: The server sends a comment every 15 s, so three silent beats mean that nobody is there.
SILENCE = 50.0
#: A message is one line of JSON; what is longer than this is not one of Segue's.
LONGEST_MESSAGE = 16 * 1024 * 1024


@dataclass(frozen=True)
class Message:
    """One message: its name, its place (empty where the stream has none), and what it says."""

    event: str
    id: str
    data: Any


def _messages(response: httpx.Response) -> Iterator[Message]:
    """Reads messages until the connection ends. A message that was cut off is not one."""
    name, place, data, size = "message", "", [], 0
    for line in response.iter_lines():
        if not line:
            if data:
                yield Message(name, place, json.loads("\n".join(data)))
            name, data, size = "message", [], 0
            continue
        field, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if field == "data":
            size += len(value)
            if size > LONGEST_MESSAGE:
                raise ValueError("a message of the stream is too long")
            data.append(value)
        elif field == "event":
            name = value
        elif field == "id":
            place = value


def follow(
    operation: Any,
    *,
    client: AuthenticatedClient | Client,
    at_end: Literal["return", "reconnect"],
    last_event_id: str = "",
    stop: Callable[[], bool] = lambda: False,
    **parameters: Any,
) -> Iterator[Message]:
    """Follows an operation's stream, `follow(log_list, client=client, at_end="reconnect", team="acme", …)`.

    `operation` is a module of `segue_client.api`; `parameters` are those of its `sync`. `at_end` says what the
    server's end of the stream means: `"return"` for a deployment or a build, which end, `"reconnect"` for others.
    `stop` is asked between connections. Raises `ProblemError` when asking again would not help.
    """
    wait, last = FIRST_WAIT, last_event_id
    http = client.get_httpx_client()
    while not stop():
        arguments = operation._get_kwargs(**parameters)
        headers = {**arguments.pop("headers", {}), "accept": "text/event-stream"}
        if last:
            headers["last-event-id"] = last
        try:
            timeout = httpx.Timeout(SILENCE, connect=10.0)
            with http.stream(**arguments, headers=headers, timeout=timeout) as response:
                status = response.status_code
                if status == 200:
                    wait = FIRST_WAIT
                    for message in _messages(response):
                        last = message.id or last
                        yield message
                    if at_end == "return":
                        return
                elif 400 <= status < 500 and status not in (408, 429):
                    raise ProblemError(status, _problem(response))
        except httpx.TransportError:
            pass
        # Everybody loses the server at the same moment, so nobody comes back at the same one.
        time.sleep(wait * random.uniform(0.5, 1.5))
        wait = min(wait * 2, LONGEST_WAIT)


def _problem(response: httpx.Response) -> Problem | None:
    response.read()
    try:
        return Problem.from_dict(response.json())
    except (ValueError, KeyError, TypeError):
        return None
