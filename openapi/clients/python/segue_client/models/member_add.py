from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from attrs import define as _attrs_define

from ..types import UNSET, Unset

T = TypeVar("T", bound="MemberAdd")


@_attrs_define
class MemberAdd:
    """A role to give to a person of the team.

    Attributes:
        email (str): The person's address.
        role (str): What they may do: `viewer`, `deployer`, `admin`, `owner`; at most the own role.
        app (str | Unset): Only on this app, by name or id.
        environment (str | Unset): Only on this environment of the app, by name or id.
    """

    email: str
    role: str
    app: str | Unset = UNSET
    environment: str | Unset = UNSET

    def to_dict(self) -> dict[str, Any]:
        email = self.email

        role = self.role

        app = self.app

        environment = self.environment

        field_dict: dict[str, Any] = {}

        field_dict.update(
            {
                "email": email,
                "role": role,
            }
        )
        if app is not UNSET:
            field_dict["app"] = app
        if environment is not UNSET:
            field_dict["environment"] = environment

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        email = d.pop("email")

        role = d.pop("role")

        app = d.pop("app", UNSET)

        environment = d.pop("environment", UNSET)

        member_add = cls(
            email=email,
            role=role,
            app=app,
            environment=environment,
        )

        return member_add
