from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import Any, TypeVar

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Unset

T = TypeVar("T", bound="InvitationShown")


@_attrs_define
class InvitationShown:
    """What somebody is invited to.

    Attributes:
        team (str): Name of the team.
        email (str): For whom.
        role (str): What they will be.
        invited_by (str): Name of the person who invites.
        expires_at (datetime.datetime): When it ends.
        account_exists (bool): Whether there is an account with that address: then its owner signs in to accept, else a
            name and a password
            make one.
        app (str | Unset): Only on this app.
        environment (str | Unset): Only on this environment of the app.
    """

    team: str
    email: str
    role: str
    invited_by: str
    expires_at: datetime.datetime
    account_exists: bool
    app: str | Unset = UNSET
    environment: str | Unset = UNSET
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        team = self.team

        email = self.email

        role = self.role

        invited_by = self.invited_by

        expires_at = self.expires_at.isoformat()

        account_exists = self.account_exists

        app = self.app

        environment = self.environment

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "team": team,
                "email": email,
                "role": role,
                "invited_by": invited_by,
                "expires_at": expires_at,
                "account_exists": account_exists,
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
        team = d.pop("team")

        email = d.pop("email")

        role = d.pop("role")

        invited_by = d.pop("invited_by")

        expires_at = datetime.datetime.fromisoformat(d.pop("expires_at"))

        account_exists = d.pop("account_exists")

        app = d.pop("app", UNSET)

        environment = d.pop("environment", UNSET)

        invitation_shown = cls(
            team=team,
            email=email,
            role=role,
            invited_by=invited_by,
            expires_at=expires_at,
            account_exists=account_exists,
            app=app,
            environment=environment,
        )

        invitation_shown.additional_properties = d
        return invitation_shown

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
