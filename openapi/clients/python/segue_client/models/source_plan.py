from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Unset

if TYPE_CHECKING:
    from ..models.planned_service import PlannedService
    from ..models.planned_variable import PlannedVariable


T = TypeVar("T", bound="SourcePlan")


@_attrs_define
class SourcePlan:
    """What a deployment of a source would build and run.

    Attributes:
        sha256 (str): SHA-256 of the source.
        environment (str): The environment that it is for.
        summary (str): One line for people: `Python 3.11 (requirements.txt) · start "gunicorn app:app" (Procfile: web)`.
        builder (str): Who writes the Dockerfile: `python`, `node`, `static`, …, `dockerfile` for the source's own,
            `image` if nothing
            is built. New ones may be added.
        why (list[str]): The files that decided.
        has_manifest (bool): Whether the source brings a segue.toml.
        services (list[PlannedService]): What would run.
        variables (list[PlannedVariable]): Variables that the source asks for.
        missing (list[str]): Keys without a value, without which it is not deployed.
        manifest (str): A segue.toml that says the same, to be edited and kept.
        version (str | Unset): The runtime's version, where there is one.
        image (str | Unset): The base image, or the finished image that the manifest names.
        start (str | Unset): What the image starts if a service names nothing.
        dockerfile_path (str | Unset): Path of the Dockerfile in the source, if that is used.
        dockerfile (str | Unset): Text of the Dockerfile that Segue writes, if it does.
    """

    sha256: str
    environment: str
    summary: str
    builder: str
    why: list[str]
    has_manifest: bool
    services: list[PlannedService]
    variables: list[PlannedVariable]
    missing: list[str]
    manifest: str
    version: str | Unset = UNSET
    image: str | Unset = UNSET
    start: str | Unset = UNSET
    dockerfile_path: str | Unset = UNSET
    dockerfile: str | Unset = UNSET
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        sha256 = self.sha256

        environment = self.environment

        summary = self.summary

        builder = self.builder

        why = self.why

        has_manifest = self.has_manifest

        services = []
        for services_item_data in self.services:
            services_item = services_item_data.to_dict()
            services.append(services_item)

        variables = []
        for variables_item_data in self.variables:
            variables_item = variables_item_data.to_dict()
            variables.append(variables_item)

        missing = self.missing

        manifest = self.manifest

        version = self.version

        image = self.image

        start = self.start

        dockerfile_path = self.dockerfile_path

        dockerfile = self.dockerfile

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "sha256": sha256,
                "environment": environment,
                "summary": summary,
                "builder": builder,
                "why": why,
                "has_manifest": has_manifest,
                "services": services,
                "variables": variables,
                "missing": missing,
                "manifest": manifest,
            }
        )
        if version is not UNSET:
            field_dict["version"] = version
        if image is not UNSET:
            field_dict["image"] = image
        if start is not UNSET:
            field_dict["start"] = start
        if dockerfile_path is not UNSET:
            field_dict["dockerfile_path"] = dockerfile_path
        if dockerfile is not UNSET:
            field_dict["dockerfile"] = dockerfile

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.planned_service import PlannedService  # noqa: PLC0415
        from ..models.planned_variable import PlannedVariable  # noqa: PLC0415

        d = dict(src_dict)
        sha256 = d.pop("sha256")

        environment = d.pop("environment")

        summary = d.pop("summary")

        builder = d.pop("builder")

        why = cast(list[str], d.pop("why"))

        has_manifest = d.pop("has_manifest")

        services = []
        _services = d.pop("services")
        for services_item_data in _services:
            services_item = PlannedService.from_dict(services_item_data)

            services.append(services_item)

        variables = []
        _variables = d.pop("variables")
        for variables_item_data in _variables:
            variables_item = PlannedVariable.from_dict(variables_item_data)

            variables.append(variables_item)

        missing = cast(list[str], d.pop("missing"))

        manifest = d.pop("manifest")

        version = d.pop("version", UNSET)

        image = d.pop("image", UNSET)

        start = d.pop("start", UNSET)

        dockerfile_path = d.pop("dockerfile_path", UNSET)

        dockerfile = d.pop("dockerfile", UNSET)

        source_plan = cls(
            sha256=sha256,
            environment=environment,
            summary=summary,
            builder=builder,
            why=why,
            has_manifest=has_manifest,
            services=services,
            variables=variables,
            missing=missing,
            manifest=manifest,
            version=version,
            image=image,
            start=start,
            dockerfile_path=dockerfile_path,
            dockerfile=dockerfile,
        )

        source_plan.additional_properties = d
        return source_plan

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
