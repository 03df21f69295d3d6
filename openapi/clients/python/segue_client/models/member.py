from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Unset

if TYPE_CHECKING:
    from ..models.member_role import MemberRole


T = TypeVar("T", bound="Member")


@_attrs_define
class Member:
    """A person in a team.

    Attributes:
        user (str): The person.
        email (str): Their address.
        name (str): Their name.
        roles (list[MemberRole]): Every role with its place; the team's first.
        role (str | Unset): What they may do on the whole team: `viewer`, `deployer`, `admin`, `owner`. Missing: only
            what `roles` says.
    """

    user: str
    email: str
    name: str
    roles: list[MemberRole]
    role: str | Unset = UNSET
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        user = self.user

        email = self.email

        name = self.name

        roles = []
        for roles_item_data in self.roles:
            roles_item = roles_item_data.to_dict()
            roles.append(roles_item)

        role = self.role

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "user": user,
                "email": email,
                "name": name,
                "roles": roles,
            }
        )
        if role is not UNSET:
            field_dict["role"] = role

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.member_role import MemberRole  # noqa: PLC0415

        d = dict(src_dict)
        user = d.pop("user")

        email = d.pop("email")

        name = d.pop("name")

        roles = []
        _roles = d.pop("roles")
        for roles_item_data in _roles:
            roles_item = MemberRole.from_dict(roles_item_data)

            roles.append(roles_item)

        role = d.pop("role", UNSET)

        member = cls(
            user=user,
            email=email,
            name=name,
            roles=roles,
            role=role,
        )

        member.additional_properties = d
        return member

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
