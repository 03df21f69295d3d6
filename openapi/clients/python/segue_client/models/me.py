from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import Any, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

T = TypeVar("T", bound="Me")


@_attrs_define
class Me:
    """The person who asks, as far as the token reaches.

    Attributes:
        id (str): Their id.
        email (str): Their address.
        name (str): Their name.
        platform_admin (bool): May manage hosts and teams of the installation.
        team_id (str): The token's team.
        team (str): Its name.
        role (str): What they may do in it with this token: `viewer`, `deployer`, `admin`, `owner`.
        scopes (list[str]): What the token is good for.
        token_id (str): The token.
        expires_at (datetime.datetime): When the token ends.
    """

    id: str
    email: str
    name: str
    platform_admin: bool
    team_id: str
    team: str
    role: str
    scopes: list[str]
    token_id: str
    expires_at: datetime.datetime
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        id = self.id

        email = self.email

        name = self.name

        platform_admin = self.platform_admin

        team_id = self.team_id

        team = self.team

        role = self.role

        scopes = self.scopes

        token_id = self.token_id

        expires_at = self.expires_at.isoformat()

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "id": id,
                "email": email,
                "name": name,
                "platform_admin": platform_admin,
                "team_id": team_id,
                "team": team,
                "role": role,
                "scopes": scopes,
                "token_id": token_id,
                "expires_at": expires_at,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        id = d.pop("id")

        email = d.pop("email")

        name = d.pop("name")

        platform_admin = d.pop("platform_admin")

        team_id = d.pop("team_id")

        team = d.pop("team")

        role = d.pop("role")

        scopes = cast(list[str], d.pop("scopes"))

        token_id = d.pop("token_id")

        expires_at = datetime.datetime.fromisoformat(d.pop("expires_at"))

        me = cls(
            id=id,
            email=email,
            name=name,
            platform_admin=platform_admin,
            team_id=team_id,
            team=team,
            role=role,
            scopes=scopes,
            token_id=token_id,
            expires_at=expires_at,
        )

        me.additional_properties = d
        return me

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
