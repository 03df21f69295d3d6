from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar, cast

from attrs import define as _attrs_define

from ..types import UNSET, Unset

T = TypeVar("T", bound="TeamTokenCreate")


@_attrs_define
class TeamTokenCreate:
    """A new token for a machine.

    Attributes:
        name (str): For people.
        role (str): At most this role: `viewer`, `deployer`, `admin`, `owner`; never more than its maker's.
        scopes (list[str]): What it is good for: `read`, `deploy`, `write`, `admin`, and `secret:reveal`, for which a
            session must have been
            confirmed. `deploy` is enough to deploy an app that exists.
        expires_in_days (int): Days until it ends, 1 to 366. Every token ends.
        app (str | Unset): Good for this app only, by name or id.
        address_ranges (list[str] | Unset): Good from these addresses and networks only (`203.0.113.7`,
            `203.0.113.0/24`, `2001:db8::/32`): those that
            connect to the API. Empty: from everywhere.
    """

    name: str
    role: str
    scopes: list[str]
    expires_in_days: int
    app: str | Unset = UNSET
    address_ranges: list[str] | Unset = UNSET

    def to_dict(self) -> dict[str, Any]:
        name = self.name

        role = self.role

        scopes = self.scopes

        expires_in_days = self.expires_in_days

        app = self.app

        address_ranges: list[str] | Unset = UNSET
        if not isinstance(self.address_ranges, Unset):
            address_ranges = self.address_ranges

        field_dict: dict[str, Any] = {}

        field_dict.update(
            {
                "name": name,
                "role": role,
                "scopes": scopes,
                "expires_in_days": expires_in_days,
            }
        )
        if app is not UNSET:
            field_dict["app"] = app
        if address_ranges is not UNSET:
            field_dict["address_ranges"] = address_ranges

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        name = d.pop("name")

        role = d.pop("role")

        scopes = cast(list[str], d.pop("scopes"))

        expires_in_days = d.pop("expires_in_days")

        app = d.pop("app", UNSET)

        address_ranges = cast(list[str], d.pop("address_ranges", UNSET))

        team_token_create = cls(
            name=name,
            role=role,
            scopes=scopes,
            expires_in_days=expires_in_days,
            app=app,
            address_ranges=address_ranges,
        )

        return team_token_create
