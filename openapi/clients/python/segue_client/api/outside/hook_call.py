from http import HTTPStatus
from typing import Any
from urllib.parse import quote

import httpx

from ... import errors
from ...client import AuthenticatedClient, Client
from ...models.hook_taken import HookTaken
from ...models.problem import Problem
from ...types import File, Response


def _get_kwargs(
    hook: str,
    *,
    body: File,
) -> dict[str, Any]:
    headers: dict[str, Any] = {}

    _kwargs: dict[str, Any] = {
        "method": "post",
        "url": "/v1/hooks/{hook}".format(
            hook=quote(str(hook), safe=""),
        ),
    }

    _kwargs["json"] = body.to_tuple()

    headers["Content-Type"] = "application/json"

    _kwargs["headers"] = headers
    return _kwargs


def _parse_response(*, client: AuthenticatedClient | Client, response: httpx.Response) -> HookTaken | Problem | None:
    if response.status_code == 200:
        response_200 = HookTaken.from_dict(response.json())

        return response_200

    if response.status_code == 202:
        response_202 = HookTaken.from_dict(response.json())

        return response_202

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


def _build_response(*, client: AuthenticatedClient | Client, response: httpx.Response) -> Response[HookTaken | Problem]:
    return Response(
        status_code=HTTPStatus(response.status_code),
        content=response.content,
        headers=response.headers,
        parsed=_parse_response(client=client, response=response),
    )


def sync_detailed(
    hook: str,
    *,
    client: AuthenticatedClient,
    body: File,
) -> Response[HookTaken | Problem]:
    """Called by forges when something was pushed. The call proves itself by the hook's secret: `X-Hub-
    Signature-256`
    (GitHub), `X-Gitea-Signature`, `X-Gitlab-Token`, or the three headers of Standard Webhooks.

    Args:
        hook (str):
        body (File): Bytes of a file.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[HookTaken | Problem]
    """

    kwargs = _get_kwargs(
        hook=hook,
        body=body,
    )

    response = client.get_httpx_client().request(
        **kwargs,
    )

    return _build_response(client=client, response=response)


def sync(
    hook: str,
    *,
    client: AuthenticatedClient,
    body: File,
) -> HookTaken | Problem | None:
    """Called by forges when something was pushed. The call proves itself by the hook's secret: `X-Hub-
    Signature-256`
    (GitHub), `X-Gitea-Signature`, `X-Gitlab-Token`, or the three headers of Standard Webhooks.

    Args:
        hook (str):
        body (File): Bytes of a file.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        HookTaken | Problem
    """

    return sync_detailed(
        hook=hook,
        client=client,
        body=body,
    ).parsed


async def asyncio_detailed(
    hook: str,
    *,
    client: AuthenticatedClient,
    body: File,
) -> Response[HookTaken | Problem]:
    """Called by forges when something was pushed. The call proves itself by the hook's secret: `X-Hub-
    Signature-256`
    (GitHub), `X-Gitea-Signature`, `X-Gitlab-Token`, or the three headers of Standard Webhooks.

    Args:
        hook (str):
        body (File): Bytes of a file.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[HookTaken | Problem]
    """

    kwargs = _get_kwargs(
        hook=hook,
        body=body,
    )

    response = await client.get_async_httpx_client().request(**kwargs)

    return _build_response(client=client, response=response)


async def asyncio(
    hook: str,
    *,
    client: AuthenticatedClient,
    body: File,
) -> HookTaken | Problem | None:
    """Called by forges when something was pushed. The call proves itself by the hook's secret: `X-Hub-
    Signature-256`
    (GitHub), `X-Gitea-Signature`, `X-Gitlab-Token`, or the three headers of Standard Webhooks.

    Args:
        hook (str):
        body (File): Bytes of a file.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        HookTaken | Problem
    """

    return (
        await asyncio_detailed(
            hook=hook,
            client=client,
            body=body,
        )
    ).parsed
