from http import HTTPStatus
from typing import Any
from urllib.parse import quote

import httpx

from ... import errors
from ...client import AuthenticatedClient, Client
from ...models.problem import Problem
from ...models.team_token_create import TeamTokenCreate
from ...models.token import Token
from ...types import UNSET, Response, Unset


def _get_kwargs(
    team: str,
    *,
    body: TeamTokenCreate,
    idempotency_key: None | str | Unset = UNSET,
) -> dict[str, Any]:
    headers: dict[str, Any] = {}
    if not isinstance(idempotency_key, Unset):
        headers["Idempotency-Key"] = idempotency_key

    _kwargs: dict[str, Any] = {
        "method": "post",
        "url": "/v1/teams/{team}/tokens".format(
            team=quote(str(team), safe=""),
        ),
    }

    _kwargs["json"] = body.to_dict()

    headers["Content-Type"] = "application/json"

    _kwargs["headers"] = headers
    return _kwargs


def _parse_response(*, client: AuthenticatedClient | Client, response: httpx.Response) -> Problem | Token | None:
    if response.status_code == 201:
        response_201 = Token.from_dict(response.json())

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


def _build_response(*, client: AuthenticatedClient | Client, response: httpx.Response) -> Response[Problem | Token]:
    return Response(
        status_code=HTTPStatus(response.status_code),
        content=response.content,
        headers=response.headers,
        parsed=_parse_response(client=client, response=response),
    )


def sync_detailed(
    team: str,
    *,
    client: AuthenticatedClient | Client,
    body: TeamTokenCreate,
    idempotency_key: None | str | Unset = UNSET,
) -> Response[Problem | Token]:
    """Makes a token for a machine. It is shown once.

    Args:
        team (str):
        idempotency_key (None | str | Unset):
        body (TeamTokenCreate): A new token for a machine.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[Problem | Token]
    """

    kwargs = _get_kwargs(
        team=team,
        body=body,
        idempotency_key=idempotency_key,
    )

    response = client.get_httpx_client().request(
        **kwargs,
    )

    return _build_response(client=client, response=response)


def sync(
    team: str,
    *,
    client: AuthenticatedClient | Client,
    body: TeamTokenCreate,
    idempotency_key: None | str | Unset = UNSET,
) -> Problem | Token | None:
    """Makes a token for a machine. It is shown once.

    Args:
        team (str):
        idempotency_key (None | str | Unset):
        body (TeamTokenCreate): A new token for a machine.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Problem | Token
    """

    return sync_detailed(
        team=team,
        client=client,
        body=body,
        idempotency_key=idempotency_key,
    ).parsed


async def asyncio_detailed(
    team: str,
    *,
    client: AuthenticatedClient | Client,
    body: TeamTokenCreate,
    idempotency_key: None | str | Unset = UNSET,
) -> Response[Problem | Token]:
    """Makes a token for a machine. It is shown once.

    Args:
        team (str):
        idempotency_key (None | str | Unset):
        body (TeamTokenCreate): A new token for a machine.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[Problem | Token]
    """

    kwargs = _get_kwargs(
        team=team,
        body=body,
        idempotency_key=idempotency_key,
    )

    response = await client.get_async_httpx_client().request(**kwargs)

    return _build_response(client=client, response=response)


async def asyncio(
    team: str,
    *,
    client: AuthenticatedClient | Client,
    body: TeamTokenCreate,
    idempotency_key: None | str | Unset = UNSET,
) -> Problem | Token | None:
    """Makes a token for a machine. It is shown once.

    Args:
        team (str):
        idempotency_key (None | str | Unset):
        body (TeamTokenCreate): A new token for a machine.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Problem | Token
    """

    return (
        await asyncio_detailed(
            team=team,
            client=client,
            body=body,
            idempotency_key=idempotency_key,
        )
    ).parsed
