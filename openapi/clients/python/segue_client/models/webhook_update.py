from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar, cast

from attrs import define as _attrs_define

from ..types import UNSET, Unset

T = TypeVar("T", bound="WebhookUpdate")


@_attrs_define
class WebhookUpdate:
    """What may change; members that are missing stay as they are (RFC 7396).

    Attributes:
        name (str | Unset): For people.
        events (list[str] | Unset): Kinds, groups or `*`.
        enabled (bool | Unset): Whether anything is told. One that Segue stopped goes on when it is enabled.
    """

    name: str | Unset = UNSET
    events: list[str] | Unset = UNSET
    enabled: bool | Unset = UNSET

    def to_dict(self) -> dict[str, Any]:
        name = self.name

        events: list[str] | Unset = UNSET
        if not isinstance(self.events, Unset):
            events = self.events

        enabled = self.enabled

        field_dict: dict[str, Any] = {}

        field_dict.update({})
        if name is not UNSET:
            field_dict["name"] = name
        if events is not UNSET:
            field_dict["events"] = events
        if enabled is not UNSET:
            field_dict["enabled"] = enabled

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        name = d.pop("name", UNSET)

        events = cast(list[str], d.pop("events", UNSET))

        enabled = d.pop("enabled", UNSET)

        webhook_update = cls(
            name=name,
            events=events,
            enabled=enabled,
        )

        return webhook_update
