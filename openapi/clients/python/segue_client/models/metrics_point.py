from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import Any, TypeVar

from attrs import define as _attrs_define
from attrs import field as _attrs_field

T = TypeVar("T", bound="MetricsPoint")


@_attrs_define
class MetricsPoint:
    """What was counted within one step.

    Attributes:
        at (datetime.datetime): Where the step begins.
        requests (int): Finished requests.
        client_errors (int): Answers 400 to 499.
        server_errors (int): Answers 500 to 599 of the application.
        failed (int): The edge's own 502, 503 and 504, and answers that broke off.
        p50_us (int): Half of the requests took at most this, microseconds.
        p95_us (int): 95 of 100 took at most this, microseconds.
        longest_us (int): The longest, microseconds.
    """

    at: datetime.datetime
    requests: int
    client_errors: int
    server_errors: int
    failed: int
    p50_us: int
    p95_us: int
    longest_us: int
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        at = self.at.isoformat()

        requests = self.requests

        client_errors = self.client_errors

        server_errors = self.server_errors

        failed = self.failed

        p50_us = self.p50_us

        p95_us = self.p95_us

        longest_us = self.longest_us

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "at": at,
                "requests": requests,
                "client_errors": client_errors,
                "server_errors": server_errors,
                "failed": failed,
                "p50_us": p50_us,
                "p95_us": p95_us,
                "longest_us": longest_us,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        at = datetime.datetime.fromisoformat(d.pop("at"))

        requests = d.pop("requests")

        client_errors = d.pop("client_errors")

        server_errors = d.pop("server_errors")

        failed = d.pop("failed")

        p50_us = d.pop("p50_us")

        p95_us = d.pop("p95_us")

        longest_us = d.pop("longest_us")

        metrics_point = cls(
            at=at,
            requests=requests,
            client_errors=client_errors,
            server_errors=server_errors,
            failed=failed,
            p50_us=p50_us,
            p95_us=p95_us,
            longest_us=longest_us,
        )

        metrics_point.additional_properties = d
        return metrics_point

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
