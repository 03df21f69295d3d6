from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar, cast

from attrs import define as _attrs_define

from ..types import UNSET, Unset

T = TypeVar("T", bound="MemberUpdate")


@_attrs_define
class MemberUpdate:
    """Another role for a person at a place.

    Attributes:
        role (None | str): What they may do there from now on; null takes the role there away.
        app (str | Unset): On this app, by name or id; missing: on the whole team.
        environment (str | Unset): On this environment of the app, by name or id.
    """

    role: None | str
    app: str | Unset = UNSET
    environment: str | Unset = UNSET

    def to_dict(self) -> dict[str, Any]:
        role: None | str
        role = self.role

        app = self.app

        environment = self.environment

        field_dict: dict[str, Any] = {}

        field_dict.update(
            {
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

        def _parse_role(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        role = _parse_role(d.pop("role"))

        app = d.pop("app", UNSET)

        environment = d.pop("environment", UNSET)

        member_update = cls(
            role=role,
            app=app,
            environment=environment,
        )

        return member_update
