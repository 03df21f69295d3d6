from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from attrs import define as _attrs_define
from attrs import field as _attrs_field

if TYPE_CHECKING:
    from ..models.person import Person
    from ..models.team_role import TeamRole


T = TypeVar("T", bound="DeviceToken")


@_attrs_define
class DeviceToken:
    """The device is signed in.

    Attributes:
        token (str): An API token, shown once.
        token_id (str): Its id: it stands in the list of tokens under the device's name.
        expires_at (datetime.datetime): When it ends.
        user (Person): A person.
        team (TeamRole): A team of the person who asks.
    """

    token: str
    token_id: str
    expires_at: datetime.datetime
    user: Person
    team: TeamRole
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        token = self.token

        token_id = self.token_id

        expires_at = self.expires_at.isoformat()

        user = self.user.to_dict()

        team = self.team.to_dict()

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "token": token,
                "token_id": token_id,
                "expires_at": expires_at,
                "user": user,
                "team": team,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.person import Person  # noqa: PLC0415
        from ..models.team_role import TeamRole  # noqa: PLC0415

        d = dict(src_dict)
        token = d.pop("token")

        token_id = d.pop("token_id")

        expires_at = datetime.datetime.fromisoformat(d.pop("expires_at"))

        user = Person.from_dict(d.pop("user"))

        team = TeamRole.from_dict(d.pop("team"))

        device_token = cls(
            token=token,
            token_id=token_id,
            expires_at=expires_at,
            user=user,
            team=team,
        )

        device_token.additional_properties = d
        return device_token

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
