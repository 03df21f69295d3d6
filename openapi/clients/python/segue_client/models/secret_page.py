from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Unset

if TYPE_CHECKING:
    from ..models.secret import Secret


T = TypeVar("T", bound="SecretPage")


@_attrs_define
class SecretPage:
    """A page of the secrets of an environment, without values.

    Attributes:
        items (list[Secret]): The items of this page.
        missing (list[str]): Keys that were taken over from another environment and that nobody has set here:
            deployments are refused with
            `secret_missing` until they are set, or removed. Every page has all of them.
        next_cursor (str | Unset): Cursor of the next page; missing on the last one.
    """

    items: list[Secret]
    missing: list[str]
    next_cursor: str | Unset = UNSET
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        items = []
        for items_item_data in self.items:
            items_item = items_item_data.to_dict()
            items.append(items_item)

        missing = self.missing

        next_cursor = self.next_cursor

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "items": items,
                "missing": missing,
            }
        )
        if next_cursor is not UNSET:
            field_dict["next_cursor"] = next_cursor

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.secret import Secret  # noqa: PLC0415

        d = dict(src_dict)
        items = []
        _items = d.pop("items")
        for items_item_data in _items:
            items_item = Secret.from_dict(items_item_data)

            items.append(items_item)

        missing = cast(list[str], d.pop("missing"))

        next_cursor = d.pop("next_cursor", UNSET)

        secret_page = cls(
            items=items,
            missing=missing,
            next_cursor=next_cursor,
        )

        secret_page.additional_properties = d
        return secret_page

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
