from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from attrs import define as _attrs_define

from ..types import UNSET, Unset

if TYPE_CHECKING:
    from ..models.app_create_labels import AppCreateLabels
    from ..models.repo import Repo


T = TypeVar("T", bound="AppCreate")


@_attrs_define
class AppCreate:
    """A new app.

    Attributes:
        name (str): Its name, unique in the team.
        repo (Repo | Unset): Where an app's source is fetched from.
        labels (AppCreateLabels | Unset): Free labels.
    """

    name: str
    repo: Repo | Unset = UNSET
    labels: AppCreateLabels | Unset = UNSET

    def to_dict(self) -> dict[str, Any]:
        name = self.name

        repo: dict[str, Any] | Unset = UNSET
        if not isinstance(self.repo, Unset):
            repo = self.repo.to_dict()

        labels: dict[str, Any] | Unset = UNSET
        if not isinstance(self.labels, Unset):
            labels = self.labels.to_dict()

        field_dict: dict[str, Any] = {}

        field_dict.update(
            {
                "name": name,
            }
        )
        if repo is not UNSET:
            field_dict["repo"] = repo
        if labels is not UNSET:
            field_dict["labels"] = labels

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.app_create_labels import AppCreateLabels  # noqa: PLC0415
        from ..models.repo import Repo  # noqa: PLC0415

        d = dict(src_dict)
        name = d.pop("name")

        _repo = d.pop("repo", UNSET)
        repo: Repo | Unset
        if isinstance(_repo, Unset):
            repo = UNSET
        else:
            repo = Repo.from_dict(_repo)

        _labels = d.pop("labels", UNSET)
        labels: AppCreateLabels | Unset
        if isinstance(_labels, Unset):
            labels = UNSET
        else:
            labels = AppCreateLabels.from_dict(_labels)

        app_create = cls(
            name=name,
            repo=repo,
            labels=labels,
        )

        return app_create
