from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import Any, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..models.forge_word import ForgeWord
from ..types import UNSET, Unset

T = TypeVar("T", bound="Hook")


@_attrs_define
class Hook:
    """A hook.

    Attributes:
        id (str): Its id.
        kind (ForgeWord | str): Who calls a hook.
        url (str): The address to be called with POST, as JSON.
        created_by (str): Who made it.
        created_at (datetime.datetime): When.
        secret (str | Unset): What the caller signs with: only in the answer that made it, never again.
        called_at (datetime.datetime | Unset): When it was last called.
    """

    id: str
    kind: ForgeWord | str
    url: str
    created_by: str
    created_at: datetime.datetime
    secret: str | Unset = UNSET
    called_at: datetime.datetime | Unset = UNSET
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        id = self.id

        kind: str
        if isinstance(self.kind, ForgeWord):
            kind = self.kind.value
        else:
            kind = self.kind

        url = self.url

        created_by = self.created_by

        created_at = self.created_at.isoformat()

        secret = self.secret

        called_at: str | Unset = UNSET
        if not isinstance(self.called_at, Unset):
            called_at = self.called_at.isoformat()

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "id": id,
                "kind": kind,
                "url": url,
                "created_by": created_by,
                "created_at": created_at,
            }
        )
        if secret is not UNSET:
            field_dict["secret"] = secret
        if called_at is not UNSET:
            field_dict["called_at"] = called_at

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        id = d.pop("id")

        def _parse_kind(data: object) -> ForgeWord | str:
            try:
                if not isinstance(data, str):
                    raise TypeError()
                componentsschemas_forge_type_0 = ForgeWord(data)

                return componentsschemas_forge_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(ForgeWord | str, data)

        kind = _parse_kind(d.pop("kind"))

        url = d.pop("url")

        created_by = d.pop("created_by")

        created_at = datetime.datetime.fromisoformat(d.pop("created_at"))

        secret = d.pop("secret", UNSET)

        _called_at = d.pop("called_at", UNSET)
        called_at: datetime.datetime | Unset
        if isinstance(_called_at, Unset):
            called_at = UNSET
        else:
            called_at = datetime.datetime.fromisoformat(_called_at)

        hook = cls(
            id=id,
            kind=kind,
            url=url,
            created_by=created_by,
            created_at=created_at,
            secret=secret,
            called_at=called_at,
        )

        hook.additional_properties = d
        return hook

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
