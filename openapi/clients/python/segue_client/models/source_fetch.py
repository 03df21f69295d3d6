from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from attrs import define as _attrs_define

from ..types import UNSET, Unset

T = TypeVar("T", bound="SourceFetch")


@_attrs_define
class SourceFetch:
    """From where a source is fetched.

    Attributes:
        url (str | Unset): Address of the repository, http or https; without it the app's own.
        ref (str | Unset): Branch, tag or commit; without it the app's branch if the app's repository is fetched, else
            what the repository
            shows first.
    """

    url: str | Unset = UNSET
    ref: str | Unset = UNSET

    def to_dict(self) -> dict[str, Any]:
        url = self.url

        ref = self.ref

        field_dict: dict[str, Any] = {}

        field_dict.update({})
        if url is not UNSET:
            field_dict["url"] = url
        if ref is not UNSET:
            field_dict["ref"] = ref

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        url = d.pop("url", UNSET)

        ref = d.pop("ref", UNSET)

        source_fetch = cls(
            url=url,
            ref=ref,
        )

        return source_fetch
