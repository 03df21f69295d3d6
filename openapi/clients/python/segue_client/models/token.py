from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import Any, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Unset

T = TypeVar("T", bound="Token")


@_attrs_define
class Token:
    """A token, without its secret unless it was made just now.

    Attributes:
        id (str): Its id.
        name (str): For people.
        prefix (str): Its first characters, so that it can be told apart.
        role (str): At most this role.
        scopes (list[str]): What it is good for.
        address_ranges (list[str]): Good from these networks only; empty: from everywhere.
        created_by (str): The person who made it, and whose role bounds it.
        created_by_name (str): Their name.
        created_at (datetime.datetime): When it was made.
        expires_at (datetime.datetime): When it ends.
        app (str | Unset): Good for this app only.
        revoked_at (datetime.datetime | Unset): When it was revoked.
        used_at (datetime.datetime | Unset): When it was last used, to the minute.
        token (str | Unset): The token itself: only in the answer that made it, never again.
    """

    id: str
    name: str
    prefix: str
    role: str
    scopes: list[str]
    address_ranges: list[str]
    created_by: str
    created_by_name: str
    created_at: datetime.datetime
    expires_at: datetime.datetime
    app: str | Unset = UNSET
    revoked_at: datetime.datetime | Unset = UNSET
    used_at: datetime.datetime | Unset = UNSET
    token: str | Unset = UNSET
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        id = self.id

        name = self.name

        prefix = self.prefix

        role = self.role

        scopes = self.scopes

        address_ranges = self.address_ranges

        created_by = self.created_by

        created_by_name = self.created_by_name

        created_at = self.created_at.isoformat()

        expires_at = self.expires_at.isoformat()

        app = self.app

        revoked_at: str | Unset = UNSET
        if not isinstance(self.revoked_at, Unset):
            revoked_at = self.revoked_at.isoformat()

        used_at: str | Unset = UNSET
        if not isinstance(self.used_at, Unset):
            used_at = self.used_at.isoformat()

        token = self.token

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "id": id,
                "name": name,
                "prefix": prefix,
                "role": role,
                "scopes": scopes,
                "address_ranges": address_ranges,
                "created_by": created_by,
                "created_by_name": created_by_name,
                "created_at": created_at,
                "expires_at": expires_at,
            }
        )
        if app is not UNSET:
            field_dict["app"] = app
        if revoked_at is not UNSET:
            field_dict["revoked_at"] = revoked_at
        if used_at is not UNSET:
            field_dict["used_at"] = used_at
        if token is not UNSET:
            field_dict["token"] = token

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        id = d.pop("id")

        name = d.pop("name")

        prefix = d.pop("prefix")

        role = d.pop("role")

        scopes = cast(list[str], d.pop("scopes"))

        address_ranges = cast(list[str], d.pop("address_ranges"))

        created_by = d.pop("created_by")

        created_by_name = d.pop("created_by_name")

        created_at = datetime.datetime.fromisoformat(d.pop("created_at"))

        expires_at = datetime.datetime.fromisoformat(d.pop("expires_at"))

        app = d.pop("app", UNSET)

        _revoked_at = d.pop("revoked_at", UNSET)
        revoked_at: datetime.datetime | Unset
        if isinstance(_revoked_at, Unset):
            revoked_at = UNSET
        else:
            revoked_at = datetime.datetime.fromisoformat(_revoked_at)

        _used_at = d.pop("used_at", UNSET)
        used_at: datetime.datetime | Unset
        if isinstance(_used_at, Unset):
            used_at = UNSET
        else:
            used_at = datetime.datetime.fromisoformat(_used_at)

        token = d.pop("token", UNSET)

        token = cls(
            id=id,
            name=name,
            prefix=prefix,
            role=role,
            scopes=scopes,
            address_ranges=address_ranges,
            created_by=created_by,
            created_by_name=created_by_name,
            created_at=created_at,
            expires_at=expires_at,
            app=app,
            revoked_at=revoked_at,
            used_at=used_at,
            token=token,
        )

        token.additional_properties = d
        return token

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
