from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Unset

if TYPE_CHECKING:
    from ..models.release_change import ReleaseChange


T = TypeVar("T", bound="ReleaseComparison")


@_attrs_define
class ReleaseComparison:
    """What both environments stand on.

    Attributes:
        same_images (bool): Whether both run the same images, by content address.
        changes (list[ReleaseChange]): What differs from the first one's release to the second one's; values of
            variables are not shown.
        version (int | Unset): Version that the first one stands on.
        other (int | Unset): Version that the second one stands on.
    """

    same_images: bool
    changes: list[ReleaseChange]
    version: int | Unset = UNSET
    other: int | Unset = UNSET
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        same_images = self.same_images

        changes = []
        for changes_item_data in self.changes:
            changes_item = changes_item_data.to_dict()
            changes.append(changes_item)

        version = self.version

        other = self.other

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "same_images": same_images,
                "changes": changes,
            }
        )
        if version is not UNSET:
            field_dict["version"] = version
        if other is not UNSET:
            field_dict["other"] = other

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.release_change import ReleaseChange  # noqa: PLC0415

        d = dict(src_dict)
        same_images = d.pop("same_images")

        changes = []
        _changes = d.pop("changes")
        for changes_item_data in _changes:
            changes_item = ReleaseChange.from_dict(changes_item_data)

            changes.append(changes_item)

        version = d.pop("version", UNSET)

        other = d.pop("other", UNSET)

        release_comparison = cls(
            same_images=same_images,
            changes=changes,
            version=version,
            other=other,
        )

        release_comparison.additional_properties = d
        return release_comparison

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
