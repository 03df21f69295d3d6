from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import Any, TypeVar

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Unset

T = TypeVar("T", bound="Invitation")


@_attrs_define
class Invitation:
    """An invitation, without its link.

    Attributes:
        id (str): Its id.
        email (str): For whom.
        role (str): What they will be: `viewer`, `deployer`, `admin`, `owner`.
        state (str): `open`, `accepted`, `revoked` or `expired`.
        created_by (str): Name of the person who invites.
        created_at (datetime.datetime): When it was made.
        expires_at (datetime.datetime): When it ends.
        app (str | Unset): Only on this app, by name.
        environment (str | Unset): Only on this environment of the app, by name.
        link (str | Unset): What the person opens: only in the answer that made the invitation, never again.
    """

    id: str
    email: str
    role: str
    state: str
    created_by: str
    created_at: datetime.datetime
    expires_at: datetime.datetime
    app: str | Unset = UNSET
    environment: str | Unset = UNSET
    link: str | Unset = UNSET
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        id = self.id

        email = self.email

        role = self.role

        state = self.state

        created_by = self.created_by

        created_at = self.created_at.isoformat()

        expires_at = self.expires_at.isoformat()

        app = self.app

        environment = self.environment

        link = self.link

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "id": id,
                "email": email,
                "role": role,
                "state": state,
                "created_by": created_by,
                "created_at": created_at,
                "expires_at": expires_at,
            }
        )
        if app is not UNSET:
            field_dict["app"] = app
        if environment is not UNSET:
            field_dict["environment"] = environment
        if link is not UNSET:
            field_dict["link"] = link

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        id = d.pop("id")

        email = d.pop("email")

        role = d.pop("role")

        state = d.pop("state")

        created_by = d.pop("created_by")

        created_at = datetime.datetime.fromisoformat(d.pop("created_at"))

        expires_at = datetime.datetime.fromisoformat(d.pop("expires_at"))

        app = d.pop("app", UNSET)

        environment = d.pop("environment", UNSET)

        link = d.pop("link", UNSET)

        invitation = cls(
            id=id,
            email=email,
            role=role,
            state=state,
            created_by=created_by,
            created_at=created_at,
            expires_at=expires_at,
            app=app,
            environment=environment,
            link=link,
        )

        invitation.additional_properties = d
        return invitation

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
