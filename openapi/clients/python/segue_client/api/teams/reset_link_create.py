from http import HTTPStatus
from typing import Any
from urllib.parse import quote

import httpx

from ... import errors
from ...client import AuthenticatedClient, Client
from ...models.problem import Problem
from ...models.reset_link import ResetLink
from ...types import Response


def _get_kwargs(
    team: str,
    user: str,
) -> dict[str, Any]:

    _kwargs: dict[str, Any] = {
        "method": "post",
        "url": "/v1/teams/{team}/members/{user}/reset-link".format(
            team=quote(str(team), safe=""),
            user=quote(str(user), safe=""),
        ),
    }

    return _kwargs


def _parse_response(*, client: AuthenticatedClient | Client, response: httpx.Response) -> Problem | ResetLink | None:
    if response.status_code == 201:
        response_201 = ResetLink.from_dict(response.json())

        return response_201

    if 400 <= response.status_code <= 499:
        response_4xx = Problem.from_dict(response.json())

        return response_4xx

    if 500 <= response.status_code <= 599:
        response_5xx = Problem.from_dict(response.json())

        return response_5xx

    if client.raise_on_unexpected_status:
        raise errors.UnexpectedStatus(response.status_code, response.content)
    else:
        return None


def _build_response(*, client: AuthenticatedClient | Client, response: httpx.Response) -> Response[Problem | ResetLink]:
    return Response(
        status_code=HTTPStatus(response.status_code),
        content=response.content,
        headers=response.headers,
        parsed=_parse_response(client=client, response=response),
    )


def sync_detailed(
    team: str,
    user: str,
    *,
    client: AuthenticatedClient | Client,
) -> Response[Problem | ResetLink]:
    """Makes a one-time link by which a person of the team sets a new password. It is shown once, is good
    for an hour, and
    replaces an older one; the team is told.

     For admins of every team that the person is in, with at least the person's role there; for everybody
    else the people
    who run the installation do it. A session must have been confirmed (`POST /v1/auth/confirm`).

    Args:
        team (str):
        user (str):

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[Problem | ResetLink]
    """

    kwargs = _get_kwargs(
        team=team,
        user=user,
    )

    response = client.get_httpx_client().request(
        **kwargs,
    )

    return _build_response(client=client, response=response)


def sync(
    team: str,
    user: str,
    *,
    client: AuthenticatedClient | Client,
) -> Problem | ResetLink | None:
    """Makes a one-time link by which a person of the team sets a new password. It is shown once, is good
    for an hour, and
    replaces an older one; the team is told.

     For admins of every team that the person is in, with at least the person's role there; for everybody
    else the people
    who run the installation do it. A session must have been confirmed (`POST /v1/auth/confirm`).

    Args:
        team (str):
        user (str):

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Problem | ResetLink
    """

    return sync_detailed(
        team=team,
        user=user,
        client=client,
    ).parsed


async def asyncio_detailed(
    team: str,
    user: str,
    *,
    client: AuthenticatedClient | Client,
) -> Response[Problem | ResetLink]:
    """Makes a one-time link by which a person of the team sets a new password. It is shown once, is good
    for an hour, and
    replaces an older one; the team is told.

     For admins of every team that the person is in, with at least the person's role there; for everybody
    else the people
    who run the installation do it. A session must have been confirmed (`POST /v1/auth/confirm`).

    Args:
        team (str):
        user (str):

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[Problem | ResetLink]
    """

    kwargs = _get_kwargs(
        team=team,
        user=user,
    )

    response = await client.get_async_httpx_client().request(**kwargs)

    return _build_response(client=client, response=response)


async def asyncio(
    team: str,
    user: str,
    *,
    client: AuthenticatedClient | Client,
) -> Problem | ResetLink | None:
    """Makes a one-time link by which a person of the team sets a new password. It is shown once, is good
    for an hour, and
    replaces an older one; the team is told.

     For admins of every team that the person is in, with at least the person's role there; for everybody
    else the people
    who run the installation do it. A session must have been confirmed (`POST /v1/auth/confirm`).

    Args:
        team (str):
        user (str):

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Problem | ResetLink
    """

    return (
        await asyncio_detailed(
            team=team,
            user=user,
            client=client,
        )
    ).parsed
