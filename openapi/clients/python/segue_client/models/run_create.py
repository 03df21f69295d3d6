from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar, cast

from attrs import define as _attrs_define

from ..types import UNSET, Unset

T = TypeVar("T", bound="RunCreate")


@_attrs_define
class RunCreate:
    """What shall run.

    Attributes:
        command (list[str]): Arguments, no shell: `["python", "manage.py", "migrate"]`.
        service (str | Unset): The service whose image, variables, volumes and limits it has; `web` if not given, or the
            only one.
        time_limit (int | Unset): Seconds from its start after which it is stopped; an hour if not given.
    """

    command: list[str]
    service: str | Unset = UNSET
    time_limit: int | Unset = UNSET

    def to_dict(self) -> dict[str, Any]:
        command = self.command

        service = self.service

        time_limit = self.time_limit

        field_dict: dict[str, Any] = {}

        field_dict.update(
            {
                "command": command,
            }
        )
        if service is not UNSET:
            field_dict["service"] = service
        if time_limit is not UNSET:
            field_dict["time_limit"] = time_limit

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        command = cast(list[str], d.pop("command"))

        service = d.pop("service", UNSET)

        time_limit = d.pop("time_limit", UNSET)

        run_create = cls(
            command=command,
            service=service,
            time_limit=time_limit,
        )

        return run_create
