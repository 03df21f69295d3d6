from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import Any, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Unset

T = TypeVar("T", bound="FreezeWindow")


@_attrs_define
class FreezeWindow:
    """A freeze window: nothing is deployed while it lasts. Either `starts_at` and `ends_at` are there, or `days`, `from`
    and `minutes`.

        Attributes:
            id (str): Its id.
            reason (str): Why.
            time_zone (str): Its time zone.
            created_by (str): Who.
            created_at (datetime.datetime): When it was made.
            environment (str | Unset): The environment; none: all of the app.
            starts_at (datetime.datetime | Unset): Once: from.
            ends_at (datetime.datetime | Unset): Once: until.
            days (list[int] | Unset): Every week: days on which it begins, 1 is Monday.
            from_ (str | Unset): Every week: when it begins, `16:00`.
            minutes (int | Unset): Every week: how long it lasts.
    """

    id: str
    reason: str
    time_zone: str
    created_by: str
    created_at: datetime.datetime
    environment: str | Unset = UNSET
    starts_at: datetime.datetime | Unset = UNSET
    ends_at: datetime.datetime | Unset = UNSET
    days: list[int] | Unset = UNSET
    from_: str | Unset = UNSET
    minutes: int | Unset = UNSET
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        id = self.id

        reason = self.reason

        time_zone = self.time_zone

        created_by = self.created_by

        created_at = self.created_at.isoformat()

        environment = self.environment

        starts_at: str | Unset = UNSET
        if not isinstance(self.starts_at, Unset):
            starts_at = self.starts_at.isoformat()

        ends_at: str | Unset = UNSET
        if not isinstance(self.ends_at, Unset):
            ends_at = self.ends_at.isoformat()

        days: list[int] | Unset = UNSET
        if not isinstance(self.days, Unset):
            days = self.days

        from_ = self.from_

        minutes = self.minutes

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "id": id,
                "reason": reason,
                "time_zone": time_zone,
                "created_by": created_by,
                "created_at": created_at,
            }
        )
        if environment is not UNSET:
            field_dict["environment"] = environment
        if starts_at is not UNSET:
            field_dict["starts_at"] = starts_at
        if ends_at is not UNSET:
            field_dict["ends_at"] = ends_at
        if days is not UNSET:
            field_dict["days"] = days
        if from_ is not UNSET:
            field_dict["from"] = from_
        if minutes is not UNSET:
            field_dict["minutes"] = minutes

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        id = d.pop("id")

        reason = d.pop("reason")

        time_zone = d.pop("time_zone")

        created_by = d.pop("created_by")

        created_at = datetime.datetime.fromisoformat(d.pop("created_at"))

        environment = d.pop("environment", UNSET)

        _starts_at = d.pop("starts_at", UNSET)
        starts_at: datetime.datetime | Unset
        if isinstance(_starts_at, Unset):
            starts_at = UNSET
        else:
            starts_at = datetime.datetime.fromisoformat(_starts_at)

        _ends_at = d.pop("ends_at", UNSET)
        ends_at: datetime.datetime | Unset
        if isinstance(_ends_at, Unset):
            ends_at = UNSET
        else:
            ends_at = datetime.datetime.fromisoformat(_ends_at)

        days = cast(list[int], d.pop("days", UNSET))

        from_ = d.pop("from", UNSET)

        minutes = d.pop("minutes", UNSET)

        freeze_window = cls(
            id=id,
            reason=reason,
            time_zone=time_zone,
            created_by=created_by,
            created_at=created_at,
            environment=environment,
            starts_at=starts_at,
            ends_at=ends_at,
            days=days,
            from_=from_,
            minutes=minutes,
        )

        freeze_window.additional_properties = d
        return freeze_window

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
