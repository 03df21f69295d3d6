from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar, cast

from attrs import define as _attrs_define

from ..models.rollout_strategy_word import RolloutStrategyWord
from ..types import UNSET, Unset

T = TypeVar("T", bound="Deploy")


@_attrs_define
class Deploy:
    """How releases are rolled out.

    Attributes:
        release (str | Unset): Not available yet: a specification with it is refused. Run it before the server in the
            service's command.
        strategy (RolloutStrategyWord | str | Unset): How instances are replaced.
        max_surge (int | Unset): Instances above the target during a rolling update; set, it turns `switch` into
            `rolling`.
        max_unavailable (int | Unset): Instances that may be missing meanwhile. Default: 0.
        drain_ms (int | Unset): Requests in flight may take this long after their instance left the routes,
            milliseconds. Default: 30000.
        bake_ms (int | Unset): How long the new release is watched before it counts as good, milliseconds. Default:
            60000.
        progress_deadline_ms (int | Unset): Without progress for this long the rollout fails, milliseconds. Default:
            600000.
        auto_rollback (bool | Unset): Go back to the last good release by itself. Default: True.
    """

    release: str | Unset = UNSET
    strategy: RolloutStrategyWord | str | Unset = UNSET
    max_surge: int | Unset = UNSET
    max_unavailable: int | Unset = 0
    drain_ms: int | Unset = 30000
    bake_ms: int | Unset = 60000
    progress_deadline_ms: int | Unset = 600000
    auto_rollback: bool | Unset = True

    def to_dict(self) -> dict[str, Any]:
        release = self.release

        strategy: str | Unset
        if isinstance(self.strategy, Unset):
            strategy = UNSET
        elif isinstance(self.strategy, RolloutStrategyWord):
            strategy = self.strategy.value
        else:
            strategy = self.strategy

        max_surge = self.max_surge

        max_unavailable = self.max_unavailable

        drain_ms = self.drain_ms

        bake_ms = self.bake_ms

        progress_deadline_ms = self.progress_deadline_ms

        auto_rollback = self.auto_rollback

        field_dict: dict[str, Any] = {}

        field_dict.update({})
        if release is not UNSET:
            field_dict["release"] = release
        if strategy is not UNSET:
            field_dict["strategy"] = strategy
        if max_surge is not UNSET:
            field_dict["max_surge"] = max_surge
        if max_unavailable is not UNSET:
            field_dict["max_unavailable"] = max_unavailable
        if drain_ms is not UNSET:
            field_dict["drain_ms"] = drain_ms
        if bake_ms is not UNSET:
            field_dict["bake_ms"] = bake_ms
        if progress_deadline_ms is not UNSET:
            field_dict["progress_deadline_ms"] = progress_deadline_ms
        if auto_rollback is not UNSET:
            field_dict["auto_rollback"] = auto_rollback

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        release = d.pop("release", UNSET)

        def _parse_strategy(data: object) -> RolloutStrategyWord | str | Unset:
            if isinstance(data, Unset):
                return data
            try:
                if not isinstance(data, str):
                    raise TypeError()
                componentsschemas_rollout_strategy_type_0 = RolloutStrategyWord(data)

                return componentsschemas_rollout_strategy_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(RolloutStrategyWord | str | Unset, data)

        strategy = _parse_strategy(d.pop("strategy", UNSET))

        max_surge = d.pop("max_surge", UNSET)

        max_unavailable = d.pop("max_unavailable", UNSET)

        drain_ms = d.pop("drain_ms", UNSET)

        bake_ms = d.pop("bake_ms", UNSET)

        progress_deadline_ms = d.pop("progress_deadline_ms", UNSET)

        auto_rollback = d.pop("auto_rollback", UNSET)

        deploy = cls(
            release=release,
            strategy=strategy,
            max_surge=max_surge,
            max_unavailable=max_unavailable,
            drain_ms=drain_ms,
            bake_ms=bake_ms,
            progress_deadline_ms=progress_deadline_ms,
            auto_rollback=auto_rollback,
        )

        return deploy
