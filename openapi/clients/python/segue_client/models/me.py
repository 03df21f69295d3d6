from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Unset

if TYPE_CHECKING:
    from ..models.team_role import TeamRole


T = TypeVar("T", bound="Me")


@_attrs_define
class Me:
    """The person who asks, and what they ask with.

    Attributes:
        id (str): Their id.
        email (str): Their address.
        name (str): Their name.
        platform_admin (bool): May manage hosts and teams of the installation.
        teams (list[TeamRole]): Teams that are reached, by name: all of them with a session, one with a token.
        scopes (list[str]): What they may ask for.
        expires_at (datetime.datetime): When the token or the session ends.
        team_id (str | Unset): With a token: its team.
        team (str | Unset): With a token: its team's name.
        role (str | Unset): With a token: what they may do in its team with it: `viewer`, `deployer`, `admin`, `owner`.
        token_id (str | Unset): With a token: its id.
        session_id (str | Unset): With a session: its id.
    """

    id: str
    email: str
    name: str
    platform_admin: bool
    teams: list[TeamRole]
    scopes: list[str]
    expires_at: datetime.datetime
    team_id: str | Unset = UNSET
    team: str | Unset = UNSET
    role: str | Unset = UNSET
    token_id: str | Unset = UNSET
    session_id: str | Unset = UNSET
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        id = self.id

        email = self.email

        name = self.name

        platform_admin = self.platform_admin

        teams = []
        for teams_item_data in self.teams:
            teams_item = teams_item_data.to_dict()
            teams.append(teams_item)

        scopes = self.scopes

        expires_at = self.expires_at.isoformat()

        team_id = self.team_id

        team = self.team

        role = self.role

        token_id = self.token_id

        session_id = self.session_id

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "id": id,
                "email": email,
                "name": name,
                "platform_admin": platform_admin,
                "teams": teams,
                "scopes": scopes,
                "expires_at": expires_at,
            }
        )
        if team_id is not UNSET:
            field_dict["team_id"] = team_id
        if team is not UNSET:
            field_dict["team"] = team
        if role is not UNSET:
            field_dict["role"] = role
        if token_id is not UNSET:
            field_dict["token_id"] = token_id
        if session_id is not UNSET:
            field_dict["session_id"] = session_id

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.team_role import TeamRole  # noqa: PLC0415

        d = dict(src_dict)
        id = d.pop("id")

        email = d.pop("email")

        name = d.pop("name")

        platform_admin = d.pop("platform_admin")

        teams = []
        _teams = d.pop("teams")
        for teams_item_data in _teams:
            teams_item = TeamRole.from_dict(teams_item_data)

            teams.append(teams_item)

        scopes = cast(list[str], d.pop("scopes"))

        expires_at = datetime.datetime.fromisoformat(d.pop("expires_at"))

        team_id = d.pop("team_id", UNSET)

        team = d.pop("team", UNSET)

        role = d.pop("role", UNSET)

        token_id = d.pop("token_id", UNSET)

        session_id = d.pop("session_id", UNSET)

        me = cls(
            id=id,
            email=email,
            name=name,
            platform_admin=platform_admin,
            teams=teams,
            scopes=scopes,
            expires_at=expires_at,
            team_id=team_id,
            team=team,
            role=role,
            token_id=token_id,
            session_id=session_id,
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
