from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar, cast

from attrs import define as _attrs_define

from ..models.registry_kind_word import RegistryKindWord

T = TypeVar("T", bound="RegistryCreate")


@_attrs_define
class RegistryCreate:
    """A new credential. To change one, remove it and make it anew.

    Attributes:
        kind (RegistryKindWord | str): What a credential is for.
        host (str): Host, with a port where it is not the usual one: `ghcr.io`, `git.example.com:8443`.
        username (str): Name of the account.
        password (str): Password or token. It is sealed and never shown again.
    """

    kind: RegistryKindWord | str
    host: str
    username: str
    password: str

    def to_dict(self) -> dict[str, Any]:
        kind: str
        if isinstance(self.kind, RegistryKindWord):
            kind = self.kind.value
        else:
            kind = self.kind

        host = self.host

        username = self.username

        password = self.password

        field_dict: dict[str, Any] = {}

        field_dict.update(
            {
                "kind": kind,
                "host": host,
                "username": username,
                "password": password,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)

        def _parse_kind(data: object) -> RegistryKindWord | str:
            try:
                if not isinstance(data, str):
                    raise TypeError()
                componentsschemas_registry_kind_type_0 = RegistryKindWord(data)

                return componentsschemas_registry_kind_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(RegistryKindWord | str, data)

        kind = _parse_kind(d.pop("kind"))

        host = d.pop("host")

        username = d.pop("username")

        password = d.pop("password")

        registry_create = cls(
            kind=kind,
            host=host,
            username=username,
            password=password,
        )

        return registry_create
