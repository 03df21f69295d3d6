from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

if TYPE_CHECKING:
    from ..models.planned_change import PlannedChange
    from ..models.promotion_plan_images import PromotionPlanImages


T = TypeVar("T", bound="PromotionPlan")


@_attrs_define
class PromotionPlan:
    """What a promotion would do.

    Attributes:
        from_ (str): The environment that the images come from.
        to (str): The environment that they go to.
        release (int): Version of the release that is promoted.
        images (PromotionPlanImages): Content addresses of the images, by service.
        changes (list[PlannedChange]): What happens to the target's services.
        config_only_there (list[str]): Variables that have a value there and none in the target.
        secrets_only_there (list[str]): Secrets that are set there and not in the target.
    """

    from_: str
    to: str
    release: int
    images: PromotionPlanImages
    changes: list[PlannedChange]
    config_only_there: list[str]
    secrets_only_there: list[str]
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        from_ = self.from_

        to = self.to

        release = self.release

        images = self.images.to_dict()

        changes = []
        for changes_item_data in self.changes:
            changes_item = changes_item_data.to_dict()
            changes.append(changes_item)

        config_only_there = self.config_only_there

        secrets_only_there = self.secrets_only_there

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "from": from_,
                "to": to,
                "release": release,
                "images": images,
                "changes": changes,
                "config_only_there": config_only_there,
                "secrets_only_there": secrets_only_there,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.planned_change import PlannedChange  # noqa: PLC0415
        from ..models.promotion_plan_images import PromotionPlanImages  # noqa: PLC0415

        d = dict(src_dict)
        from_ = d.pop("from")

        to = d.pop("to")

        release = d.pop("release")

        images = PromotionPlanImages.from_dict(d.pop("images"))

        changes = []
        _changes = d.pop("changes")
        for changes_item_data in _changes:
            changes_item = PlannedChange.from_dict(changes_item_data)

            changes.append(changes_item)

        config_only_there = cast(list[str], d.pop("config_only_there"))

        secrets_only_there = cast(list[str], d.pop("secrets_only_there"))

        promotion_plan = cls(
            from_=from_,
            to=to,
            release=release,
            images=images,
            changes=changes,
            config_only_there=config_only_there,
            secrets_only_there=secrets_only_there,
        )

        promotion_plan.additional_properties = d
        return promotion_plan

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
