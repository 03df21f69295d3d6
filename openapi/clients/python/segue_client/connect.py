"""A client that is set up as every use needs it, and answers that are errors."""

import secrets
from collections.abc import Generator
from typing import TypeVar

import httpx

from .client import AuthenticatedClient
from .models.problem import Problem
from .types import Response

T = TypeVar("T")


class ProblemError(Exception):
    """The server refused, or could not do it."""

    def __init__(self, status: int, problem: Problem | None) -> None:
        super().__init__(problem.detail if problem else f"the server answered {status}")
        self.status = status
        self.problem = problem


class _Key(httpx.Auth):
    """Puts a key on each POST, so that one that is sent again does nothing twice. An `Auth`, because a hook of the
    blocking client is none of the other."""

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        if request.method == "POST" and "idempotency-key" not in request.headers:
            request.headers["idempotency-key"] = secrets.token_hex(16)
        yield request


def connect(base_url: str, token: str, *, timeout: float = 60.0) -> AuthenticatedClient:
    """Makes a client for an API token. `timeout` holds for each request, in seconds."""
    return AuthenticatedClient(
        base_url=base_url,
        token=token,
        timeout=httpx.Timeout(timeout),
        httpx_args={"auth": _Key()},
    )


def ok(response: Response[T | Problem]) -> T:
    """What a successful answer holds; raises `ProblemError` otherwise."""
    if response.parsed is None or isinstance(response.parsed, Problem):
        if response.parsed is None and 200 <= response.status_code < 300:
            return response.parsed  # type: ignore[return-value]
        raise ProblemError(int(response.status_code), response.parsed)
    return response.parsed
