from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from attrs import define as _attrs_define

from ..types import UNSET, Unset

T = TypeVar("T", bound="Repo")


@_attrs_define
class Repo:
    """Where an app's source is fetched from.

    Attributes:
        url (str): Address of the repository.
        branch (str | Unset): The branch that is deployed.
        auto_deploy (bool | Unset): Deploy by itself when the branch moves.
    """

    url: str
    branch: str | Unset = UNSET
    auto_deploy: bool | Unset = UNSET

    def to_dict(self) -> dict[str, Any]:
        url = self.url

        branch = self.branch

        auto_deploy = self.auto_deploy

        field_dict: dict[str, Any] = {}

        field_dict.update(
            {
                "url": url,
            }
        )
        if branch is not UNSET:
            field_dict["branch"] = branch
        if auto_deploy is not UNSET:
            field_dict["auto_deploy"] = auto_deploy

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        url = d.pop("url")

        branch = d.pop("branch", UNSET)

        auto_deploy = d.pop("auto_deploy", UNSET)

        repo = cls(
            url=url,
            branch=branch,
            auto_deploy=auto_deploy,
        )

        return repo
