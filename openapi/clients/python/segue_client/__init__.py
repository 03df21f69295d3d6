"""The Python client of Segue's API.

`segue_client.api` has a module per operation, with `sync`, `sync_detailed`, `asyncio` and `asyncio_detailed`;
`segue_client.models` has what they take and answer. Both, with `client`, `errors` and `types`, are generated.
"""

from .client import AuthenticatedClient, Client
from .connect import ProblemError, connect, ok
from .stream import Message, follow

__all__ = ("AuthenticatedClient", "Client", "Message", "ProblemError", "connect", "follow", "ok")
