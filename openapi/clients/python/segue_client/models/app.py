from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Unset

if TYPE_CHECKING:
    from ..models.app_labels import AppLabels
    from ..models.environment import Environment
    from ..models.previews import Previews
    from ..models.repo import Repo


T = TypeVar("T", bound="App")


@_attrs_define
class App:
    """An app: one source.

    Attributes:
        id (str): Its id.
        name (str): Its name, unique in the team.
        labels (AppLabels): Free labels.
        git_url (str): Address to push to with git.
        generation (int): Raised by every change; also the `ETag`.
        created_at (datetime.datetime): When it was made.
        repo (Repo | Unset): Where an app's source is fetched from.
        environments (list[Environment] | Unset): Its environments, the oldest first, at most 20: only where a list was
            asked for with `environments=true`.
        previews (Previews | Unset): Environments by branch.
    """

    id: str
    name: str
    labels: AppLabels
    git_url: str
    generation: int
    created_at: datetime.datetime
    repo: Repo | Unset = UNSET
    environments: list[Environment] | Unset = UNSET
    previews: Previews | Unset = UNSET
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        id = self.id

        name = self.name

        labels = self.labels.to_dict()

        git_url = self.git_url

        generation = self.generation

        created_at = self.created_at.isoformat()

        repo: dict[str, Any] | Unset = UNSET
        if not isinstance(self.repo, Unset):
            repo = self.repo.to_dict()

        environments: list[dict[str, Any]] | Unset = UNSET
        if not isinstance(self.environments, Unset):
            environments = []
            for environments_item_data in self.environments:
                environments_item = environments_item_data.to_dict()
                environments.append(environments_item)

        previews: dict[str, Any] | Unset = UNSET
        if not isinstance(self.previews, Unset):
            previews = self.previews.to_dict()

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "id": id,
                "name": name,
                "labels": labels,
                "git_url": git_url,
                "generation": generation,
                "created_at": created_at,
            }
        )
        if repo is not UNSET:
            field_dict["repo"] = repo
        if environments is not UNSET:
            field_dict["environments"] = environments
        if previews is not UNSET:
            field_dict["previews"] = previews

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.app_labels import AppLabels  # noqa: PLC0415
        from ..models.environment import Environment  # noqa: PLC0415
        from ..models.previews import Previews  # noqa: PLC0415
        from ..models.repo import Repo  # noqa: PLC0415

        d = dict(src_dict)
        id = d.pop("id")

        name = d.pop("name")

        labels = AppLabels.from_dict(d.pop("labels"))

        git_url = d.pop("git_url")

        generation = d.pop("generation")

        created_at = datetime.datetime.fromisoformat(d.pop("created_at"))

        _repo = d.pop("repo", UNSET)
        repo: Repo | Unset
        if isinstance(_repo, Unset):
            repo = UNSET
        else:
            repo = Repo.from_dict(_repo)

        _environments = d.pop("environments", UNSET)
        environments: list[Environment] | Unset = UNSET
        if _environments is not UNSET:
            environments = []
            for environments_item_data in _environments:
                environments_item = Environment.from_dict(environments_item_data)

                environments.append(environments_item)

        _previews = d.pop("previews", UNSET)
        previews: Previews | Unset
        if isinstance(_previews, Unset):
            previews = UNSET
        else:
            previews = Previews.from_dict(_previews)

        app = cls(
            id=id,
            name=name,
            labels=labels,
            git_url=git_url,
            generation=generation,
            created_at=created_at,
            repo=repo,
            environments=environments,
            previews=previews,
        )

        app.additional_properties = d
        return app

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
