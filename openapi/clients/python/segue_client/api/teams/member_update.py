from http import HTTPStatus
from typing import Any
from urllib.parse import quote

import httpx

from ... import errors
from ...client import AuthenticatedClient, Client
from ...models.member import Member
from ...models.member_update import MemberUpdate
from ...models.problem import Problem
from ...types import Response


def _get_kwargs(
    team: str,
    user: str,
    *,
    body: MemberUpdate,
) -> dict[str, Any]:
    headers: dict[str, Any] = {}

    _kwargs: dict[str, Any] = {
        "method": "patch",
        "url": "/v1/teams/{team}/members/{user}".format(
            team=quote(str(team), safe=""),
            user=quote(str(user), safe=""),
        ),
    }

    _kwargs["json"] = body.to_dict()

    headers["Content-Type"] = "application/merge-patch+json"

    _kwargs["headers"] = headers
    return _kwargs


def _parse_response(*, client: AuthenticatedClient | Client, response: httpx.Response) -> Member | Problem | None:
    if response.status_code == 200:
        response_200 = Member.from_dict(response.json())

        return response_200

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


def _build_response(*, client: AuthenticatedClient | Client, response: httpx.Response) -> Response[Member | Problem]:
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
    body: MemberUpdate,
) -> Response[Member | Problem]:
    """Changes a person's role at a place, or takes it away. It counts at once. The answer has no roles if
    that was the
    last one.

    Args:
        team (str):
        user (str):
        body (MemberUpdate): Another role for a person at a place.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[Member | Problem]
    """

    kwargs = _get_kwargs(
        team=team,
        user=user,
        body=body,
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
    body: MemberUpdate,
) -> Member | Problem | None:
    """Changes a person's role at a place, or takes it away. It counts at once. The answer has no roles if
    that was the
    last one.

    Args:
        team (str):
        user (str):
        body (MemberUpdate): Another role for a person at a place.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Member | Problem
    """

    return sync_detailed(
        team=team,
        user=user,
        client=client,
        body=body,
    ).parsed


async def asyncio_detailed(
    team: str,
    user: str,
    *,
    client: AuthenticatedClient | Client,
    body: MemberUpdate,
) -> Response[Member | Problem]:
    """Changes a person's role at a place, or takes it away. It counts at once. The answer has no roles if
    that was the
    last one.

    Args:
        team (str):
        user (str):
        body (MemberUpdate): Another role for a person at a place.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[Member | Problem]
    """

    kwargs = _get_kwargs(
        team=team,
        user=user,
        body=body,
    )

    response = await client.get_async_httpx_client().request(**kwargs)

    return _build_response(client=client, response=response)


async def asyncio(
    team: str,
    user: str,
    *,
    client: AuthenticatedClient | Client,
    body: MemberUpdate,
) -> Member | Problem | None:
    """Changes a person's role at a place, or takes it away. It counts at once. The answer has no roles if
    that was the
    last one.

    Args:
        team (str):
        user (str):
        body (MemberUpdate): Another role for a person at a place.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Member | Problem
    """

    return (
        await asyncio_detailed(
            team=team,
            user=user,
            client=client,
            body=body,
        )
    ).parsed
