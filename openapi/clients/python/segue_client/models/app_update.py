from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar, cast

from attrs import define as _attrs_define

from ..types import UNSET, Unset

if TYPE_CHECKING:
    from ..models.app_update_labels import AppUpdateLabels
    from ..models.app_update_previews_type_0 import AppUpdatePreviewsType0
    from ..models.app_update_repo_type_0 import AppUpdateRepoType0


T = TypeVar("T", bound="AppUpdate")


@_attrs_define
class AppUpdate:
    """What may change; members that are missing stay as they are (RFC 7396).

    Attributes:
        name (str | Unset): A new name.
        repo (AppUpdateRepoType0 | None | Unset): Another repository (`url`, `branch`, `auto_deploy`); null removes it.
        labels (AppUpdateLabels | Unset): Labels; they replace all.
        previews (AppUpdatePreviewsType0 | None | Unset): Environments by branch (`enabled`, `from`, `ttl`, `secrets`,
            `limit`); null removes the setting.
    """

    name: str | Unset = UNSET
    repo: AppUpdateRepoType0 | None | Unset = UNSET
    labels: AppUpdateLabels | Unset = UNSET
    previews: AppUpdatePreviewsType0 | None | Unset = UNSET

    def to_dict(self) -> dict[str, Any]:
        from ..models.app_update_previews_type_0 import AppUpdatePreviewsType0  # noqa: PLC0415
        from ..models.app_update_repo_type_0 import AppUpdateRepoType0  # noqa: PLC0415

        name = self.name

        repo: dict[str, Any] | None | Unset
        if isinstance(self.repo, Unset):
            repo = UNSET
        elif isinstance(self.repo, AppUpdateRepoType0):
            repo = self.repo.to_dict()
        else:
            repo = self.repo

        labels: dict[str, Any] | Unset = UNSET
        if not isinstance(self.labels, Unset):
            labels = self.labels.to_dict()

        previews: dict[str, Any] | None | Unset
        if isinstance(self.previews, Unset):
            previews = UNSET
        elif isinstance(self.previews, AppUpdatePreviewsType0):
            previews = self.previews.to_dict()
        else:
            previews = self.previews

        field_dict: dict[str, Any] = {}

        field_dict.update({})
        if name is not UNSET:
            field_dict["name"] = name
        if repo is not UNSET:
            field_dict["repo"] = repo
        if labels is not UNSET:
            field_dict["labels"] = labels
        if previews is not UNSET:
            field_dict["previews"] = previews

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.app_update_labels import AppUpdateLabels  # noqa: PLC0415
        from ..models.app_update_previews_type_0 import AppUpdatePreviewsType0  # noqa: PLC0415
        from ..models.app_update_repo_type_0 import AppUpdateRepoType0  # noqa: PLC0415

        d = dict(src_dict)
        name = d.pop("name", UNSET)

        def _parse_repo(data: object) -> AppUpdateRepoType0 | None | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            try:
                if not isinstance(data, dict):
                    raise TypeError()
                repo_type_0 = AppUpdateRepoType0.from_dict(data)

                return repo_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(AppUpdateRepoType0 | None | Unset, data)

        repo = _parse_repo(d.pop("repo", UNSET))

        _labels = d.pop("labels", UNSET)
        labels: AppUpdateLabels | Unset
        if isinstance(_labels, Unset):
            labels = UNSET
        else:
            labels = AppUpdateLabels.from_dict(_labels)

        def _parse_previews(data: object) -> AppUpdatePreviewsType0 | None | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            try:
                if not isinstance(data, dict):
                    raise TypeError()
                previews_type_0 = AppUpdatePreviewsType0.from_dict(data)

                return previews_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(AppUpdatePreviewsType0 | None | Unset, data)

        previews = _parse_previews(d.pop("previews", UNSET))

        app_update = cls(
            name=name,
            repo=repo,
            labels=labels,
            previews=previews,
        )

        return app_update
