from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from attrs import define as _attrs_define

from ..types import UNSET, Unset

T = TypeVar("T", bound="DeviceConfirm")


@_attrs_define
class DeviceConfirm:
    """What the person says.

    Attributes:
        user_code (str): The code that the device shows; case and dashes do not matter.
        approve (bool): Whether it may.
        team (str | Unset): Name or id of the team that it shall reach; may be missing for whoever is in one only.
    """

    user_code: str
    approve: bool
    team: str | Unset = UNSET

    def to_dict(self) -> dict[str, Any]:
        user_code = self.user_code

        approve = self.approve

        team = self.team

        field_dict: dict[str, Any] = {}

        field_dict.update(
            {
                "user_code": user_code,
                "approve": approve,
            }
        )
        if team is not UNSET:
            field_dict["team"] = team

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        user_code = d.pop("user_code")

        approve = d.pop("approve")

        team = d.pop("team", UNSET)

        device_confirm = cls(
            user_code=user_code,
            approve=approve,
            team=team,
        )

        return device_confirm
