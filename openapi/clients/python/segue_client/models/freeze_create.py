from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import Any, TypeVar, cast

from attrs import define as _attrs_define

from ..types import UNSET, Unset

T = TypeVar("T", bound="FreezeCreate")


@_attrs_define
class FreezeCreate:
    """A new freeze window. Either `starts_at` and `ends_at`, or `days`, `from` and `minutes`.

    Attributes:
        reason (str): Why: it is told to everybody who tries to deploy.
        environment (str | Unset): Name of the environment; without it all of the app.
        time_zone (str | Unset): Name of the time zone, `Europe/Berlin`.
        starts_at (datetime.datetime | Unset): Once: from.
        ends_at (datetime.datetime | Unset): Once: until.
        days (list[int] | Unset): Every week: days on which it begins, 1 is Monday.
        from_ (str | Unset): Every week: when it begins, `16:00`.
        minutes (int | Unset): Every week: how long it lasts, at most a week.
    """

    reason: str
    environment: str | Unset = UNSET
    time_zone: str | Unset = UNSET
    starts_at: datetime.datetime | Unset = UNSET
    ends_at: datetime.datetime | Unset = UNSET
    days: list[int] | Unset = UNSET
    from_: str | Unset = UNSET
    minutes: int | Unset = UNSET

    def to_dict(self) -> dict[str, Any]:
        reason = self.reason

        environment = self.environment

        time_zone = self.time_zone

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

        field_dict.update(
            {
                "reason": reason,
            }
        )
        if environment is not UNSET:
            field_dict["environment"] = environment
        if time_zone is not UNSET:
            field_dict["time_zone"] = time_zone
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
        reason = d.pop("reason")

        environment = d.pop("environment", UNSET)

        time_zone = d.pop("time_zone", UNSET)

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

        freeze_create = cls(
            reason=reason,
            environment=environment,
            time_zone=time_zone,
            starts_at=starts_at,
            ends_at=ends_at,
            days=days,
            from_=from_,
            minutes=minutes,
        )

        return freeze_create
