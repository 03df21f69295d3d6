from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import Any, TypeVar

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Unset

T = TypeVar("T", bound="LogLine")


@_attrs_define
class LogLine:
    """A line of a log.

    Attributes:
        at (datetime.datetime): When it was written.
        stream (str): `stdout`, `stderr`, or `segue` for what Segue says itself.
        text (str): The line, without its end; values of secrets are hidden.
        service (str | Unset): Its service.
        instance (str | Unset): Its instance: service and slot, `run.7` for a one-off run, or the id once that is not
            known any more.
    """

    at: datetime.datetime
    stream: str
    text: str
    service: str | Unset = UNSET
    instance: str | Unset = UNSET
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        at = self.at.isoformat()

        stream = self.stream

        text = self.text

        service = self.service

        instance = self.instance

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "at": at,
                "stream": stream,
                "text": text,
            }
        )
        if service is not UNSET:
            field_dict["service"] = service
        if instance is not UNSET:
            field_dict["instance"] = instance

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        at = datetime.datetime.fromisoformat(d.pop("at"))

        stream = d.pop("stream")

        text = d.pop("text")

        service = d.pop("service", UNSET)

        instance = d.pop("instance", UNSET)

        log_line = cls(
            at=at,
            stream=stream,
            text=text,
            service=service,
            instance=instance,
        )

        log_line.additional_properties = d
        return log_line

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
