from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from attrs import define as _attrs_define
from attrs import field as _attrs_field

if TYPE_CHECKING:
    from ..models.person import Person
    from ..models.team_role import TeamRole


T = TypeVar("T", bound="SignedIn")


@_attrs_define
class SignedIn:
    """A person who is signed in.

    Attributes:
        access_token (str): A JWT for `Authorization: Bearer`. Keep it in memory only.
        token_type (str): `Bearer`.
        expires_in (int): Seconds until it ends; `POST /v1/auth/refresh` gives the next one.
        user (Person): A person.
        teams (list[TeamRole]): Their teams, by name.
    """

    access_token: str
    token_type: str
    expires_in: int
    user: Person
    teams: list[TeamRole]
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        access_token = self.access_token

        token_type = self.token_type

        expires_in = self.expires_in

        user = self.user.to_dict()

        teams = []
        for teams_item_data in self.teams:
            teams_item = teams_item_data.to_dict()
            teams.append(teams_item)

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "access_token": access_token,
                "token_type": token_type,
                "expires_in": expires_in,
                "user": user,
                "teams": teams,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.person import Person  # noqa: PLC0415
        from ..models.team_role import TeamRole  # noqa: PLC0415

        d = dict(src_dict)
        access_token = d.pop("access_token")

        token_type = d.pop("token_type")

        expires_in = d.pop("expires_in")

        user = Person.from_dict(d.pop("user"))

        teams = []
        _teams = d.pop("teams")
        for teams_item_data in _teams:
            teams_item = TeamRole.from_dict(teams_item_data)

            teams.append(teams_item)

        signed_in = cls(
            access_token=access_token,
            token_type=token_type,
            expires_in=expires_in,
            user=user,
            teams=teams,
        )

        signed_in.additional_properties = d
        return signed_in

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
