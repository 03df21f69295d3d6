from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import Any, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..models.registry_kind_word import RegistryKindWord

T = TypeVar("T", bound="Registry")


@_attrs_define
class Registry:
    """A credential, without its password.

    Attributes:
        id (str): Its id.
        kind (RegistryKindWord | str): What a credential is for.
        host (str): Host, with a port where it is not the usual one.
        username (str): Name of the account.
        created_by (str): Who set it.
        created_at (datetime.datetime): When.
    """

    id: str
    kind: RegistryKindWord | str
    host: str
    username: str
    created_by: str
    created_at: datetime.datetime
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        id = self.id

        kind: str
        if isinstance(self.kind, RegistryKindWord):
            kind = self.kind.value
        else:
            kind = self.kind

        host = self.host

        username = self.username

        created_by = self.created_by

        created_at = self.created_at.isoformat()

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "id": id,
                "kind": kind,
                "host": host,
                "username": username,
                "created_by": created_by,
                "created_at": created_at,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        id = d.pop("id")

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

        created_by = d.pop("created_by")

        created_at = datetime.datetime.fromisoformat(d.pop("created_at"))

        registry = cls(
            id=id,
            kind=kind,
            host=host,
            username=username,
            created_by=created_by,
            created_at=created_at,
        )

        registry.additional_properties = d
        return registry

    @property
    def additional_keys(self) -> list[str]:
        return list(self.additional_properties.keys())

    def __getitem__(self, key: str) -> Any:
        return self.additional_properties[key]

    def __setitem__(self, key: str, value: Any) -> None:
        self.additional_properties[key] = value

    def __delitem__(self, key: str) -> None:
        del self.additional_properties[key]

    def __contains__(self, key: str) -> bool:
        return key in self.additional_properties
