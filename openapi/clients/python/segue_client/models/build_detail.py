from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Unset

if TYPE_CHECKING:
    from ..models.build_detail_steps_item import BuildDetailStepsItem
    from ..models.failure import Failure


T = TypeVar("T", bound="BuildDetail")


@_attrs_define
class BuildDetail:
    """A build: source to image, or the pinning of a named image.

    Attributes:
        id (str): Its id.
        kind (str): `source` or `resolve`.
        state (str): `queued`, `claimed`, `running`, `pushing`, `testing`, `succeeded`, `failed`, `timed_out`,
            `cancelled`.
        attempt (int): How often a builder took it.
        cancel_requested (bool): A person asked to stop it.
        steps (list[BuildDetailStepsItem]): Its steps, as the builder saw them.
        created_at (datetime.datetime): When it was asked for.
        image (str | Unset): The image's name, for `resolve`.
        digest (str | Unset): Content address of the image, once it is known.
        failure (Failure | Unset): Why a build, a deployment or an instance failed.
        started_at (datetime.datetime | Unset): When it was first taken.
        finished_at (datetime.datetime | Unset): When it ended.
    """

    id: str
    kind: str
    state: str
    attempt: int
    cancel_requested: bool
    steps: list[BuildDetailStepsItem]
    created_at: datetime.datetime
    image: str | Unset = UNSET
    digest: str | Unset = UNSET
    failure: Failure | Unset = UNSET
    started_at: datetime.datetime | Unset = UNSET
    finished_at: datetime.datetime | Unset = UNSET
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        id = self.id

        kind = self.kind

        state = self.state

        attempt = self.attempt

        cancel_requested = self.cancel_requested

        steps = []
        for steps_item_data in self.steps:
            steps_item = steps_item_data.to_dict()
            steps.append(steps_item)

        created_at = self.created_at.isoformat()

        image = self.image

        digest = self.digest

        failure: dict[str, Any] | Unset = UNSET
        if not isinstance(self.failure, Unset):
            failure = self.failure.to_dict()

        started_at: str | Unset = UNSET
        if not isinstance(self.started_at, Unset):
            started_at = self.started_at.isoformat()

        finished_at: str | Unset = UNSET
        if not isinstance(self.finished_at, Unset):
            finished_at = self.finished_at.isoformat()

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "id": id,
                "kind": kind,
                "state": state,
                "attempt": attempt,
                "cancel_requested": cancel_requested,
                "steps": steps,
                "created_at": created_at,
            }
        )
        if image is not UNSET:
            field_dict["image"] = image
        if digest is not UNSET:
            field_dict["digest"] = digest
        if failure is not UNSET:
            field_dict["failure"] = failure
        if started_at is not UNSET:
            field_dict["started_at"] = started_at
        if finished_at is not UNSET:
            field_dict["finished_at"] = finished_at

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.build_detail_steps_item import BuildDetailStepsItem  # noqa: PLC0415
        from ..models.failure import Failure  # noqa: PLC0415

        d = dict(src_dict)
        id = d.pop("id")

        kind = d.pop("kind")

        state = d.pop("state")

        attempt = d.pop("attempt")

        cancel_requested = d.pop("cancel_requested")

        steps = []
        _steps = d.pop("steps")
        for steps_item_data in _steps:
            steps_item = BuildDetailStepsItem.from_dict(steps_item_data)

            steps.append(steps_item)

        created_at = datetime.datetime.fromisoformat(d.pop("created_at"))

        image = d.pop("image", UNSET)

        digest = d.pop("digest", UNSET)

        _failure = d.pop("failure", UNSET)
        failure: Failure | Unset
        if isinstance(_failure, Unset):
            failure = UNSET
        else:
            failure = Failure.from_dict(_failure)

        _started_at = d.pop("started_at", UNSET)
        started_at: datetime.datetime | Unset
        if isinstance(_started_at, Unset):
            started_at = UNSET
        else:
            started_at = datetime.datetime.fromisoformat(_started_at)

        _finished_at = d.pop("finished_at", UNSET)
        finished_at: datetime.datetime | Unset
        if isinstance(_finished_at, Unset):
            finished_at = UNSET
        else:
            finished_at = datetime.datetime.fromisoformat(_finished_at)

        build_detail = cls(
            id=id,
            kind=kind,
            state=state,
            attempt=attempt,
            cancel_requested=cancel_requested,
            steps=steps,
            created_at=created_at,
            image=image,
            digest=digest,
            failure=failure,
            started_at=started_at,
            finished_at=finished_at,
        )

        build_detail.additional_properties = d
        return build_detail

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
