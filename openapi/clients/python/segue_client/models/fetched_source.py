from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from attrs import define as _attrs_define
from attrs import field as _attrs_field

T = TypeVar("T", bound="FetchedSource")


@_attrs_define
class FetchedSource:
    """A source that was fetched.

    Attributes:
        sha256 (str): SHA-256 of its canonical tar, hexadecimal: its name.
        size_bytes (int): Bytes of the canonical tar.
        commit (str): The commit.
        url (str): Where it came from.
    """

    sha256: str
    size_bytes: int
    commit: str
    url: str
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        sha256 = self.sha256

        size_bytes = self.size_bytes

        commit = self.commit

        url = self.url

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "sha256": sha256,
                "size_bytes": size_bytes,
                "commit": commit,
                "url": url,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        sha256 = d.pop("sha256")

        size_bytes = d.pop("size_bytes")

        commit = d.pop("commit")

        url = d.pop("url")

        fetched_source = cls(
            sha256=sha256,
            size_bytes=size_bytes,
            commit=commit,
            url=url,
        )

        fetched_source.additional_properties = d
        return fetched_source

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
