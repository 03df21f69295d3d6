from http import HTTPStatus
from typing import Any
from urllib.parse import quote

import httpx

from ... import errors
from ...client import AuthenticatedClient, Client
from ...models.problem import Problem
from ...models.source_plan import SourcePlan
from ...types import UNSET, Response, Unset


def _get_kwargs(
    team: str,
    app: str,
    sha256: str,
    *,
    environment: str | Unset = UNSET,
) -> dict[str, Any]:

    params: dict[str, Any] = {}

    params["environment"] = environment

    params = {k: v for k, v in params.items() if v is not UNSET and v is not None}

    _kwargs: dict[str, Any] = {
        "method": "get",
        "url": "/v1/teams/{team}/apps/{app}/sources/{sha256}/plan".format(
            team=quote(str(team), safe=""),
            app=quote(str(app), safe=""),
            sha256=quote(str(sha256), safe=""),
        ),
        "params": params,
    }

    return _kwargs


def _parse_response(*, client: AuthenticatedClient | Client, response: httpx.Response) -> Problem | SourcePlan | None:
    if response.status_code == 200:
        response_200 = SourcePlan.from_dict(response.json())

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


def _build_response(
    *, client: AuthenticatedClient | Client, response: httpx.Response
) -> Response[Problem | SourcePlan]:
    return Response(
        status_code=HTTPStatus(response.status_code),
        content=response.content,
        headers=response.headers,
        parsed=_parse_response(client=client, response=response),
    )


def sync_detailed(
    team: str,
    app: str,
    sha256: str,
    *,
    client: AuthenticatedClient | Client,
    environment: str | Unset = UNSET,
) -> Response[Problem | SourcePlan]:
    """Shows what would be built and run of a kept source.

    Args:
        team (str):
        app (str):
        sha256 (str):
        environment (str | Unset):

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[Problem | SourcePlan]
    """

    kwargs = _get_kwargs(
        team=team,
        app=app,
        sha256=sha256,
        environment=environment,
    )

    response = client.get_httpx_client().request(
        **kwargs,
    )

    return _build_response(client=client, response=response)


def sync(
    team: str,
    app: str,
    sha256: str,
    *,
    client: AuthenticatedClient | Client,
    environment: str | Unset = UNSET,
) -> Problem | SourcePlan | None:
    """Shows what would be built and run of a kept source.

    Args:
        team (str):
        app (str):
        sha256 (str):
        environment (str | Unset):

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Problem | SourcePlan
    """

    return sync_detailed(
        team=team,
        app=app,
        sha256=sha256,
        client=client,
        environment=environment,
    ).parsed


async def asyncio_detailed(
    team: str,
    app: str,
    sha256: str,
    *,
    client: AuthenticatedClient | Client,
    environment: str | Unset = UNSET,
) -> Response[Problem | SourcePlan]:
    """Shows what would be built and run of a kept source.

    Args:
        team (str):
        app (str):
        sha256 (str):
        environment (str | Unset):

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[Problem | SourcePlan]
    """

    kwargs = _get_kwargs(
        team=team,
        app=app,
        sha256=sha256,
        environment=environment,
    )

    response = await client.get_async_httpx_client().request(**kwargs)

    return _build_response(client=client, response=response)


async def asyncio(
    team: str,
    app: str,
    sha256: str,
    *,
    client: AuthenticatedClient | Client,
    environment: str | Unset = UNSET,
) -> Problem | SourcePlan | None:
    """Shows what would be built and run of a kept source.

    Args:
        team (str):
        app (str):
        sha256 (str):
        environment (str | Unset):

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Problem | SourcePlan
    """

    return (
        await asyncio_detailed(
            team=team,
            app=app,
            sha256=sha256,
            client=client,
            environment=environment,
        )
    ).parsed
