from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar, cast

from attrs import define as _attrs_define

from ..types import UNSET, Unset

T = TypeVar("T", bound="TokenCreate")


@_attrs_define
class TokenCreate:
    """A new token.

    Attributes:
        name (str): For people.
        scopes (list[str]): What it is good for: `read`, `deploy`, `write`, `admin`, and `secret:reveal`, for which a
            session must have been
            confirmed.
        role (str | Unset): At most this role; the own one if not given.
        app (str | Unset): Good for this app only, by id.
        address_ranges (list[str] | Unset): Good from these addresses and networks only (`203.0.113.7`,
            `203.0.113.0/24`).
        expires_in_days (int | Unset): Days until it ends, 1 to 366; 90 if not given.
    """

    name: str
    scopes: list[str]
    role: str | Unset = UNSET
    app: str | Unset = UNSET
    address_ranges: list[str] | Unset = UNSET
    expires_in_days: int | Unset = UNSET

    def to_dict(self) -> dict[str, Any]:
        name = self.name

        scopes = self.scopes

        role = self.role

        app = self.app

        address_ranges: list[str] | Unset = UNSET
        if not isinstance(self.address_ranges, Unset):
            address_ranges = self.address_ranges

        expires_in_days = self.expires_in_days

        field_dict: dict[str, Any] = {}

        field_dict.update(
            {
                "name": name,
                "scopes": scopes,
            }
        )
        if role is not UNSET:
            field_dict["role"] = role
        if app is not UNSET:
            field_dict["app"] = app
        if address_ranges is not UNSET:
            field_dict["address_ranges"] = address_ranges
        if expires_in_days is not UNSET:
            field_dict["expires_in_days"] = expires_in_days

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        name = d.pop("name")

        scopes = cast(list[str], d.pop("scopes"))

        role = d.pop("role", UNSET)

        app = d.pop("app", UNSET)

        address_ranges = cast(list[str], d.pop("address_ranges", UNSET))

        expires_in_days = d.pop("expires_in_days", UNSET)

        token_create = cls(
            name=name,
            scopes=scopes,
            role=role,
            app=app,
            address_ranges=address_ranges,
            expires_in_days=expires_in_days,
        )

        return token_create
