from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from attrs import define as _attrs_define
from attrs import field as _attrs_field

if TYPE_CHECKING:
    from ..models.metrics_point import MetricsPoint
    from ..models.release_share import ReleaseShare


T = TypeVar("T", bound="Metrics")


@_attrs_define
class Metrics:
    """Requests of an environment over time.

    Attributes:
        from_ (datetime.datetime): Where the first step begins.
        until (datetime.datetime): The present.
        step_s (int): Seconds of each step.
        points (list[MetricsPoint]): Steps in which something was counted, oldest first.
        releases (list[ReleaseShare]): Who answered the requests of the last minute, newest release first.
    """

    from_: datetime.datetime
    until: datetime.datetime
    step_s: int
    points: list[MetricsPoint]
    releases: list[ReleaseShare]
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        from_ = self.from_.isoformat()

        until = self.until.isoformat()

        step_s = self.step_s

        points = []
        for points_item_data in self.points:
            points_item = points_item_data.to_dict()
            points.append(points_item)

        releases = []
        for releases_item_data in self.releases:
            releases_item = releases_item_data.to_dict()
            releases.append(releases_item)

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "from": from_,
                "until": until,
                "step_s": step_s,
                "points": points,
                "releases": releases,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.metrics_point import MetricsPoint  # noqa: PLC0415
        from ..models.release_share import ReleaseShare  # noqa: PLC0415

        d = dict(src_dict)
        from_ = datetime.datetime.fromisoformat(d.pop("from"))

        until = datetime.datetime.fromisoformat(d.pop("until"))

        step_s = d.pop("step_s")

        points = []
        _points = d.pop("points")
        for points_item_data in _points:
            points_item = MetricsPoint.from_dict(points_item_data)

            points.append(points_item)

        releases = []
        _releases = d.pop("releases")
        for releases_item_data in _releases:
            releases_item = ReleaseShare.from_dict(releases_item_data)

            releases.append(releases_item)

        metrics = cls(
            from_=from_,
            until=until,
            step_s=step_s,
            points=points,
            releases=releases,
        )

        metrics.additional_properties = d
        return metrics

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
