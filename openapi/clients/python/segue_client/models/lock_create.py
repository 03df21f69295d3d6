from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import Any, TypeVar

from attrs import define as _attrs_define

from ..types import UNSET, Unset

T = TypeVar("T", bound="LockCreate")


@_attrs_define
class LockCreate:
    """A new lock.

    Attributes:
        reason (str): Why: it is told to everybody who tries to deploy.
        environment (str | Unset): Name of the environment; without it all of the app.
        until (datetime.datetime | Unset): Until when; without it until somebody takes it away.
    """

    reason: str
    environment: str | Unset = UNSET
    until: datetime.datetime | Unset = UNSET

    def to_dict(self) -> dict[str, Any]:
        reason = self.reason

        environment = self.environment

        until: str | Unset = UNSET
        if not isinstance(self.until, Unset):
            until = self.until.isoformat()

        field_dict: dict[str, Any] = {}

        field_dict.update(
            {
                "reason": reason,
            }
        )
        if environment is not UNSET:
            field_dict["environment"] = environment
        if until is not UNSET:
            field_dict["until"] = until

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        reason = d.pop("reason")

        environment = d.pop("environment", UNSET)

        _until = d.pop("until", UNSET)
        until: datetime.datetime | Unset
        if isinstance(_until, Unset):
            until = UNSET
        else:
            until = datetime.datetime.fromisoformat(_until)

        lock_create = cls(
            reason=reason,
            environment=environment,
            until=until,
        )

        return lock_create
