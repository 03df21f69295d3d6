from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar, cast

from attrs import define as _attrs_define

from ..models.kind_word import KindWord
from ..types import UNSET, Unset

if TYPE_CHECKING:
    from ..models.health_check import HealthCheck
    from ..models.service_config import ServiceConfig
    from ..models.service_placement import ServicePlacement
    from ..models.service_resources import ServiceResources
    from ..models.service_volumes import ServiceVolumes


T = TypeVar("T", bound="Service")


@_attrs_define
class Service:
    """One service.

    Attributes:
        kind (KindWord | str | Unset): What a service is for.
        image (str | Unset): An image by name; without it the service runs what the deployment builds or names.
        command (str | Unset): Command line; without it the image's own. A shell is used only where the line needs one.
        argv (list[str] | Unset): The command as its arguments, run without a shell; instead of `command`.
        port (int | Unset): Where it listens, also given as `PORT`; without it the image's single exposed port, or 8080.
        replicas (int | Unset): Instances when the service appears, and whenever this figure is edited; `scale` changes
            the running figure. Default: 1.
        resources (ServiceResources | Unset): Reservation and limits of one instance.
        health (HealthCheck | Unset): Gate and liveness of a service. At most one of `path`, `command`, `tcp` and
            `running` is set; without any,
            a web service must answer `/` below 500, another one with a port must accept connections, every other one must
            run.
        volumes (ServiceVolumes | Unset): Volumes by name; each is held by one instance at a time.
        stop_timeout_ms (int | Unset): From SIGTERM to SIGKILL, milliseconds. Default: 30000.
        read_only (bool | Unset): Root file system read-only, `/tmp` in memory. Default: False.
        domains (list[str] | Unset): Host names besides the generated one.
        path (str | Unset): Path prefix under the host names. Default: '/'.
        place (ServicePlacement | Unset): Where a service may run.
        config (ServiceConfig | Unset): Variables of this service. With an image of its own it gets only these; without,
            they win over all others.
    """

    kind: KindWord | str | Unset = UNSET
    image: str | Unset = UNSET
    command: str | Unset = UNSET
    argv: list[str] | Unset = UNSET
    port: int | Unset = UNSET
    replicas: int | Unset = 1
    resources: ServiceResources | Unset = UNSET
    health: HealthCheck | Unset = UNSET
    volumes: ServiceVolumes | Unset = UNSET
    stop_timeout_ms: int | Unset = 30000
    read_only: bool | Unset = False
    domains: list[str] | Unset = UNSET
    path: str | Unset = "/"
    place: ServicePlacement | Unset = UNSET
    config: ServiceConfig | Unset = UNSET

    def to_dict(self) -> dict[str, Any]:
        kind: str | Unset
        if isinstance(self.kind, Unset):
            kind = UNSET
        elif isinstance(self.kind, KindWord):
            kind = self.kind.value
        else:
            kind = self.kind

        image = self.image

        command = self.command

        argv: list[str] | Unset = UNSET
        if not isinstance(self.argv, Unset):
            argv = self.argv

        port = self.port

        replicas = self.replicas

        resources: dict[str, Any] | Unset = UNSET
        if not isinstance(self.resources, Unset):
            resources = self.resources.to_dict()

        health: dict[str, Any] | Unset = UNSET
        if not isinstance(self.health, Unset):
            health = self.health.to_dict()

        volumes: dict[str, Any] | Unset = UNSET
        if not isinstance(self.volumes, Unset):
            volumes = self.volumes.to_dict()

        stop_timeout_ms = self.stop_timeout_ms

        read_only = self.read_only

        domains: list[str] | Unset = UNSET
        if not isinstance(self.domains, Unset):
            domains = self.domains

        path = self.path

        place: dict[str, Any] | Unset = UNSET
        if not isinstance(self.place, Unset):
            place = self.place.to_dict()

        config: dict[str, Any] | Unset = UNSET
        if not isinstance(self.config, Unset):
            config = self.config.to_dict()

        field_dict: dict[str, Any] = {}

        field_dict.update({})
        if kind is not UNSET:
            field_dict["kind"] = kind
        if image is not UNSET:
            field_dict["image"] = image
        if command is not UNSET:
            field_dict["command"] = command
        if argv is not UNSET:
            field_dict["argv"] = argv
        if port is not UNSET:
            field_dict["port"] = port
        if replicas is not UNSET:
            field_dict["replicas"] = replicas
        if resources is not UNSET:
            field_dict["resources"] = resources
        if health is not UNSET:
            field_dict["health"] = health
        if volumes is not UNSET:
            field_dict["volumes"] = volumes
        if stop_timeout_ms is not UNSET:
            field_dict["stop_timeout_ms"] = stop_timeout_ms
        if read_only is not UNSET:
            field_dict["read_only"] = read_only
        if domains is not UNSET:
            field_dict["domains"] = domains
        if path is not UNSET:
            field_dict["path"] = path
        if place is not UNSET:
            field_dict["place"] = place
        if config is not UNSET:
            field_dict["config"] = config

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.health_check import HealthCheck  # noqa: PLC0415
        from ..models.service_config import ServiceConfig  # noqa: PLC0415
        from ..models.service_placement import ServicePlacement  # noqa: PLC0415
        from ..models.service_resources import ServiceResources  # noqa: PLC0415
        from ..models.service_volumes import ServiceVolumes  # noqa: PLC0415

        d = dict(src_dict)

        def _parse_kind(data: object) -> KindWord | str | Unset:
            if isinstance(data, Unset):
                return data
            try:
                if not isinstance(data, str):
                    raise TypeError()
                componentsschemas_kind_type_0 = KindWord(data)

                return componentsschemas_kind_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(KindWord | str | Unset, data)

        kind = _parse_kind(d.pop("kind", UNSET))

        image = d.pop("image", UNSET)

        command = d.pop("command", UNSET)

        argv = cast(list[str], d.pop("argv", UNSET))

        port = d.pop("port", UNSET)

        replicas = d.pop("replicas", UNSET)

        _resources = d.pop("resources", UNSET)
        resources: ServiceResources | Unset
        if isinstance(_resources, Unset):
            resources = UNSET
        else:
            resources = ServiceResources.from_dict(_resources)

        _health = d.pop("health", UNSET)
        health: HealthCheck | Unset
        if isinstance(_health, Unset):
            health = UNSET
        else:
            health = HealthCheck.from_dict(_health)

        _volumes = d.pop("volumes", UNSET)
        volumes: ServiceVolumes | Unset
        if isinstance(_volumes, Unset):
            volumes = UNSET
        else:
            volumes = ServiceVolumes.from_dict(_volumes)

        stop_timeout_ms = d.pop("stop_timeout_ms", UNSET)

        read_only = d.pop("read_only", UNSET)

        domains = cast(list[str], d.pop("domains", UNSET))

        path = d.pop("path", UNSET)

        _place = d.pop("place", UNSET)
        place: ServicePlacement | Unset
        if isinstance(_place, Unset):
            place = UNSET
        else:
            place = ServicePlacement.from_dict(_place)

        _config = d.pop("config", UNSET)
        config: ServiceConfig | Unset
        if isinstance(_config, Unset):
            config = UNSET
        else:
            config = ServiceConfig.from_dict(_config)

        service = cls(
            kind=kind,
            image=image,
            command=command,
            argv=argv,
            port=port,
            replicas=replicas,
            resources=resources,
            health=health,
            volumes=volumes,
            stop_timeout_ms=stop_timeout_ms,
            read_only=read_only,
            domains=domains,
            path=path,
            place=place,
            config=config,
        )

        return service
