from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from attrs import define as _attrs_define

from ..types import UNSET, Unset

T = TypeVar("T", bound="DeploymentPromote")


@_attrs_define
class DeploymentPromote:
    """Where a deployment's release shall go.

    Attributes:
        to (str): Name or id of the environment, of the same app.
        message (str | Unset): What to say about it.
    """

    to: str
    message: str | Unset = UNSET

    def to_dict(self) -> dict[str, Any]:
        to = self.to

        message = self.message

        field_dict: dict[str, Any] = {}

        field_dict.update(
            {
                "to": to,
            }
        )
        if message is not UNSET:
            field_dict["message"] = message

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        to = d.pop("to")

        message = d.pop("message", UNSET)

        deployment_promote = cls(
            to=to,
            message=message,
        )

        return deployment_promote
