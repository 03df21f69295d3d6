from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import Any, TypeVar

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Unset

T = TypeVar("T", bound="HookCall")


@_attrs_define
class HookCall:
    """A call that proved itself.

    Attributes:
        id (str): Its id.
        delivery (str): What the caller calls it.
        state (str): What became of it: `pending`, `done`, `ignored`, `failed`.
        detail (str): One sentence.
        received_at (datetime.datetime): When it came.
        ref (str | Unset): What was pushed.
        commit (str | Unset): The commit.
        deployment (str | Unset): The deployment it led to.
    """

    id: str
    delivery: str
    state: str
    detail: str
    received_at: datetime.datetime
    ref: str | Unset = UNSET
    commit: str | Unset = UNSET
    deployment: str | Unset = UNSET
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        id = self.id

        delivery = self.delivery

        state = self.state

        detail = self.detail

        received_at = self.received_at.isoformat()

        ref = self.ref

        commit = self.commit

        deployment = self.deployment

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "id": id,
                "delivery": delivery,
                "state": state,
                "detail": detail,
                "received_at": received_at,
            }
        )
        if ref is not UNSET:
            field_dict["ref"] = ref
        if commit is not UNSET:
            field_dict["commit"] = commit
        if deployment is not UNSET:
            field_dict["deployment"] = deployment

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        id = d.pop("id")

        delivery = d.pop("delivery")

        state = d.pop("state")

        detail = d.pop("detail")

        received_at = datetime.datetime.fromisoformat(d.pop("received_at"))

        ref = d.pop("ref", UNSET)

        commit = d.pop("commit", UNSET)

        deployment = d.pop("deployment", UNSET)

        hook_call = cls(
            id=id,
            delivery=delivery,
            state=state,
            detail=detail,
            received_at=received_at,
            ref=ref,
            commit=commit,
            deployment=deployment,
        )

        hook_call.additional_properties = d
        return hook_call

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
