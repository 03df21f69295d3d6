from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from attrs import define as _attrs_define
from attrs import field as _attrs_field

if TYPE_CHECKING:
    from ..models.signed_in import SignedIn


T = TypeVar("T", bound="SetupDone")


@_attrs_define
class SetupDone:
    """What was set up.

    Attributes:
        user (str): The person.
        team_id (str): The team.
        team (str): Its name.
        token (str): An API token, shown once: `segue login --token`.
        signed_in (SignedIn): A person who is signed in.
    """

    user: str
    team_id: str
    team: str
    token: str
    signed_in: SignedIn
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        user = self.user

        team_id = self.team_id

        team = self.team

        token = self.token

        signed_in = self.signed_in.to_dict()

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "user": user,
                "team_id": team_id,
                "team": team,
                "token": token,
                "signed_in": signed_in,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.signed_in import SignedIn  # noqa: PLC0415

        d = dict(src_dict)
        user = d.pop("user")

        team_id = d.pop("team_id")

        team = d.pop("team")

        token = d.pop("token")

        signed_in = SignedIn.from_dict(d.pop("signed_in"))

        setup_done = cls(
            user=user,
            team_id=team_id,
            team=team,
            token=token,
            signed_in=signed_in,
        )

        setup_done.additional_properties = d
        return setup_done

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
