from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from attrs import define as _attrs_define

from ..types import UNSET, Unset

T = TypeVar("T", bound="InvitationCreate")


@_attrs_define
class InvitationCreate:
    """A new invitation.

    Attributes:
        email (str): Address of the person; only they can accept.
        role (str): What they will be: `viewer`, `deployer`, `admin`, `owner`; at most the own role.
        app (str | Unset): Only on this app, by name or id.
        environment (str | Unset): Only on this environment of the app, by name or id.
        expires_in_days (int | Unset): Days until it ends, 1 to 30; 7 if not given.
    """

    email: str
    role: str
    app: str | Unset = UNSET
    environment: str | Unset = UNSET
    expires_in_days: int | Unset = UNSET

    def to_dict(self) -> dict[str, Any]:
        email = self.email

        role = self.role

        app = self.app

        environment = self.environment

        expires_in_days = self.expires_in_days

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
        if expires_in_days is not UNSET:
            field_dict["expires_in_days"] = expires_in_days

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        email = d.pop("email")

        role = d.pop("role")

        app = d.pop("app", UNSET)

        environment = d.pop("environment", UNSET)

        expires_in_days = d.pop("expires_in_days", UNSET)

        invitation_create = cls(
            email=email,
            role=role,
            app=app,
            environment=environment,
            expires_in_days=expires_in_days,
        )

        return invitation_create
