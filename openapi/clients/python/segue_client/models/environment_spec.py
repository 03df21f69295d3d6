from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from attrs import define as _attrs_define

from ..types import UNSET, Unset

if TYPE_CHECKING:
    from ..models.build import Build
    from ..models.deploy import Deploy
    from ..models.environment_spec_config import EnvironmentSpecConfig
    from ..models.environment_spec_services import EnvironmentSpecServices


T = TypeVar("T", bound="EnvironmentSpec")


@_attrs_define
class EnvironmentSpec:
    """What an environment shall be: its services, how its image is built, how releases are rolled out.

    Attributes:
        services (EnvironmentSpecServices | Unset): Services by name.
        build (Build | Unset): How source becomes an image.
        deploy (Deploy | Unset): How releases are rolled out.
        config (EnvironmentSpecConfig | Unset): Variables that the application declares.
    """

    services: EnvironmentSpecServices | Unset = UNSET
    build: Build | Unset = UNSET
    deploy: Deploy | Unset = UNSET
    config: EnvironmentSpecConfig | Unset = UNSET

    def to_dict(self) -> dict[str, Any]:
        services: dict[str, Any] | Unset = UNSET
        if not isinstance(self.services, Unset):
            services = self.services.to_dict()

        build: dict[str, Any] | Unset = UNSET
        if not isinstance(self.build, Unset):
            build = self.build.to_dict()

        deploy: dict[str, Any] | Unset = UNSET
        if not isinstance(self.deploy, Unset):
            deploy = self.deploy.to_dict()

        config: dict[str, Any] | Unset = UNSET
        if not isinstance(self.config, Unset):
            config = self.config.to_dict()

        field_dict: dict[str, Any] = {}

        field_dict.update({})
        if services is not UNSET:
            field_dict["services"] = services
        if build is not UNSET:
            field_dict["build"] = build
        if deploy is not UNSET:
            field_dict["deploy"] = deploy
        if config is not UNSET:
            field_dict["config"] = config

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.build import Build  # noqa: PLC0415
        from ..models.deploy import Deploy  # noqa: PLC0415
        from ..models.environment_spec_config import EnvironmentSpecConfig  # noqa: PLC0415
        from ..models.environment_spec_services import EnvironmentSpecServices  # noqa: PLC0415

        d = dict(src_dict)
        _services = d.pop("services", UNSET)
        services: EnvironmentSpecServices | Unset
        if isinstance(_services, Unset):
            services = UNSET
        else:
            services = EnvironmentSpecServices.from_dict(_services)

        _build = d.pop("build", UNSET)
        build: Build | Unset
        if isinstance(_build, Unset):
            build = UNSET
        else:
            build = Build.from_dict(_build)

        _deploy = d.pop("deploy", UNSET)
        deploy: Deploy | Unset
        if isinstance(_deploy, Unset):
            deploy = UNSET
        else:
            deploy = Deploy.from_dict(_deploy)

        _config = d.pop("config", UNSET)
        config: EnvironmentSpecConfig | Unset
        if isinstance(_config, Unset):
            config = UNSET
        else:
            config = EnvironmentSpecConfig.from_dict(_config)

        environment_spec = cls(
            services=services,
            build=build,
            deploy=deploy,
            config=config,
        )

        return environment_spec
