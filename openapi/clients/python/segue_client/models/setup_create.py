from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from attrs import define as _attrs_define

from ..types import UNSET, Unset

T = TypeVar("T", bound="SetupCreate")


@_attrs_define
class SetupCreate:
    """The first person and the first team.

    Attributes:
        token (str): The one-time token that the server printed.
        email (str): The person's e-mail address.
        password (str): At least 10 characters.
        team (str): Name of the first team.
        name (str | Unset): Their name.
    """

    token: str
    email: str
    password: str
    team: str
    name: str | Unset = UNSET

    def to_dict(self) -> dict[str, Any]:
        token = self.token

        email = self.email

        password = self.password

        team = self.team

        name = self.name

        field_dict: dict[str, Any] = {}

        field_dict.update(
            {
                "token": token,
                "email": email,
                "password": password,
                "team": team,
            }
        )
        if name is not UNSET:
            field_dict["name"] = name

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        token = d.pop("token")

        email = d.pop("email")

        password = d.pop("password")

        team = d.pop("team")

        name = d.pop("name", UNSET)

        setup_create = cls(
            token=token,
            email=email,
            password=password,
            team=team,
            name=name,
        )

        return setup_create
