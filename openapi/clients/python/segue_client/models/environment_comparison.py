from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from attrs import define as _attrs_define
from attrs import field as _attrs_field

if TYPE_CHECKING:
    from ..models.config_difference import ConfigDifference
    from ..models.release_comparison import ReleaseComparison
    from ..models.secret_difference import SecretDifference
    from ..models.spec_difference import SpecDifference


T = TypeVar("T", bound="EnvironmentComparison")


@_attrs_define
class EnvironmentComparison:
    """What differs between two environments. What is equal is left out.

    Attributes:
        environment (str): The first environment.
        other (str): The second one.
        config (list[ConfigDifference]): Variables that differ.
        secrets (list[SecretDifference]): Secrets that only one of both has. Values are not compared.
        spec (list[SpecDifference]): Parts of the specification that differ, at most 200.
        release (ReleaseComparison): What both environments stand on.
    """

    environment: str
    other: str
    config: list[ConfigDifference]
    secrets: list[SecretDifference]
    spec: list[SpecDifference]
    release: ReleaseComparison
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        environment = self.environment

        other = self.other

        config = []
        for config_item_data in self.config:
            config_item = config_item_data.to_dict()
            config.append(config_item)

        secrets = []
        for secrets_item_data in self.secrets:
            secrets_item = secrets_item_data.to_dict()
            secrets.append(secrets_item)

        spec = []
        for spec_item_data in self.spec:
            spec_item = spec_item_data.to_dict()
            spec.append(spec_item)

        release = self.release.to_dict()

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "environment": environment,
                "other": other,
                "config": config,
                "secrets": secrets,
                "spec": spec,
                "release": release,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.config_difference import ConfigDifference  # noqa: PLC0415
        from ..models.release_comparison import ReleaseComparison  # noqa: PLC0415
        from ..models.secret_difference import SecretDifference  # noqa: PLC0415
        from ..models.spec_difference import SpecDifference  # noqa: PLC0415

        d = dict(src_dict)
        environment = d.pop("environment")

        other = d.pop("other")

        config = []
        _config = d.pop("config")
        for config_item_data in _config:
            config_item = ConfigDifference.from_dict(config_item_data)

            config.append(config_item)

        secrets = []
        _secrets = d.pop("secrets")
        for secrets_item_data in _secrets:
            secrets_item = SecretDifference.from_dict(secrets_item_data)

            secrets.append(secrets_item)

        spec = []
        _spec = d.pop("spec")
        for spec_item_data in _spec:
            spec_item = SpecDifference.from_dict(spec_item_data)

            spec.append(spec_item)

        release = ReleaseComparison.from_dict(d.pop("release"))

        environment_comparison = cls(
            environment=environment,
            other=other,
            config=config,
            secrets=secrets,
            spec=spec,
            release=release,
        )

        environment_comparison.additional_properties = d
        return environment_comparison

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
