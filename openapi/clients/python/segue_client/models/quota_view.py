from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Unset

if TYPE_CHECKING:
    from ..models.quota_figure import QuotaFigure


T = TypeVar("T", bound="QuotaView")


@_attrs_define
class QuotaView:
    """What a team has and may have.

    Attributes:
        apps (QuotaFigure): One kind.
        cpu_millis (QuotaFigure): One kind.
        memory_bytes (QuotaFigure): One kind.
        set_by (str | Unset): Who set it; missing if nobody did.
        set_at (datetime.datetime | Unset): When.
    """

    apps: QuotaFigure
    cpu_millis: QuotaFigure
    memory_bytes: QuotaFigure
    set_by: str | Unset = UNSET
    set_at: datetime.datetime | Unset = UNSET
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        apps = self.apps.to_dict()

        cpu_millis = self.cpu_millis.to_dict()

        memory_bytes = self.memory_bytes.to_dict()

        set_by = self.set_by

        set_at: str | Unset = UNSET
        if not isinstance(self.set_at, Unset):
            set_at = self.set_at.isoformat()

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "apps": apps,
                "cpu_millis": cpu_millis,
                "memory_bytes": memory_bytes,
            }
        )
        if set_by is not UNSET:
            field_dict["set_by"] = set_by
        if set_at is not UNSET:
            field_dict["set_at"] = set_at

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.quota_figure import QuotaFigure  # noqa: PLC0415

        d = dict(src_dict)
        apps = QuotaFigure.from_dict(d.pop("apps"))

        cpu_millis = QuotaFigure.from_dict(d.pop("cpu_millis"))

        memory_bytes = QuotaFigure.from_dict(d.pop("memory_bytes"))

        set_by = d.pop("set_by", UNSET)

        _set_at = d.pop("set_at", UNSET)
        set_at: datetime.datetime | Unset
        if isinstance(_set_at, Unset):
            set_at = UNSET
        else:
            set_at = datetime.datetime.fromisoformat(_set_at)

        quota_view = cls(
            apps=apps,
            cpu_millis=cpu_millis,
            memory_bytes=memory_bytes,
            set_by=set_by,
            set_at=set_at,
        )

        quota_view.additional_properties = d
        return quota_view

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
