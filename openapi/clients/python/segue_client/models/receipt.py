from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Unset

if TYPE_CHECKING:
    from ..models.status_classes import StatusClasses


T = TypeVar("T", bound="Receipt")


@_attrs_define
class Receipt:
    """What a deployment's switch did to requests.

    Attributes:
        deployment (int): Number of the deployment.
        first_generation (int): First generation of the routes with the new release.
        from_ (datetime.datetime): When the switch began.
        requests (int): Requests that ended in between, of every release.
        failed (int): Those that Segue itself failed: its own 502, 503 and 504, and broken answers.
        edge_failed (int): The edge's own 502, 503 and 504.
        broken (int): Answers that broke off.
        retries (int): Tries on another instance that users did not notice.
        by_class (StatusClasses): Answers by class of status.
        longest_wait_us (int): The longest wait for an instance, microseconds.
        longest_request_us (int): The longest request, microseconds.
        until (datetime.datetime | Unset): When it was over, drain time included; missing while it goes on.
    """

    deployment: int
    first_generation: int
    from_: datetime.datetime
    requests: int
    failed: int
    edge_failed: int
    broken: int
    retries: int
    by_class: StatusClasses
    longest_wait_us: int
    longest_request_us: int
    until: datetime.datetime | Unset = UNSET
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        deployment = self.deployment

        first_generation = self.first_generation

        from_ = self.from_.isoformat()

        requests = self.requests

        failed = self.failed

        edge_failed = self.edge_failed

        broken = self.broken

        retries = self.retries

        by_class = self.by_class.to_dict()

        longest_wait_us = self.longest_wait_us

        longest_request_us = self.longest_request_us

        until: str | Unset = UNSET
        if not isinstance(self.until, Unset):
            until = self.until.isoformat()

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "deployment": deployment,
                "first_generation": first_generation,
                "from": from_,
                "requests": requests,
                "failed": failed,
                "edge_failed": edge_failed,
                "broken": broken,
                "retries": retries,
                "by_class": by_class,
                "longest_wait_us": longest_wait_us,
                "longest_request_us": longest_request_us,
            }
        )
        if until is not UNSET:
            field_dict["until"] = until

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.status_classes import StatusClasses  # noqa: PLC0415

        d = dict(src_dict)
        deployment = d.pop("deployment")

        first_generation = d.pop("first_generation")

        from_ = datetime.datetime.fromisoformat(d.pop("from"))

        requests = d.pop("requests")

        failed = d.pop("failed")

        edge_failed = d.pop("edge_failed")

        broken = d.pop("broken")

        retries = d.pop("retries")

        by_class = StatusClasses.from_dict(d.pop("by_class"))

        longest_wait_us = d.pop("longest_wait_us")

        longest_request_us = d.pop("longest_request_us")

        _until = d.pop("until", UNSET)
        until: datetime.datetime | Unset
        if isinstance(_until, Unset):
            until = UNSET
        else:
            until = datetime.datetime.fromisoformat(_until)

        receipt = cls(
            deployment=deployment,
            first_generation=first_generation,
            from_=from_,
            requests=requests,
            failed=failed,
            edge_failed=edge_failed,
            broken=broken,
            retries=retries,
            by_class=by_class,
            longest_wait_us=longest_wait_us,
            longest_request_us=longest_request_us,
            until=until,
        )

        receipt.additional_properties = d
        return receipt

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
