from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar, cast

from attrs import define as _attrs_define

from ..types import UNSET, Unset

T = TypeVar("T", bound="HealthCheck")


@_attrs_define
class HealthCheck:
    """Gate and liveness of a service. At most one of `path`, `command`, `tcp` and `running` is set; without any,
    a web service must answer `/` below 500, another one with a port must accept connections, every other one must run.

        Attributes:
            path (str | Unset): GET of this path must answer 200 to 399.
            command (list[str] | Unset): This command must exit with 0 inside the container; arguments, no shell.
            tcp (bool | Unset): Connecting to the port is enough. Default: False.
            running (bool | Unset): Running is enough; only for a service without a port that is not `web`. Default: False.
            interval_ms (int | Unset): Between two checks, milliseconds. Default: 5000.
            timeout_ms (int | Unset): For one check, milliseconds. Default: 2000.
            failures (int | Unset): Failures in a row that make an instance unready. Default: 3.
            start_timeout_ms (int | Unset): From start to the first success, milliseconds. Default: 60000.
    """

    path: str | Unset = UNSET
    command: list[str] | Unset = UNSET
    tcp: bool | Unset = False
    running: bool | Unset = False
    interval_ms: int | Unset = 5000
    timeout_ms: int | Unset = 2000
    failures: int | Unset = 3
    start_timeout_ms: int | Unset = 60000

    def to_dict(self) -> dict[str, Any]:
        path = self.path

        command: list[str] | Unset = UNSET
        if not isinstance(self.command, Unset):
            command = self.command

        tcp = self.tcp

        running = self.running

        interval_ms = self.interval_ms

        timeout_ms = self.timeout_ms

        failures = self.failures

        start_timeout_ms = self.start_timeout_ms

        field_dict: dict[str, Any] = {}

        field_dict.update({})
        if path is not UNSET:
            field_dict["path"] = path
        if command is not UNSET:
            field_dict["command"] = command
        if tcp is not UNSET:
            field_dict["tcp"] = tcp
        if running is not UNSET:
            field_dict["running"] = running
        if interval_ms is not UNSET:
            field_dict["interval_ms"] = interval_ms
        if timeout_ms is not UNSET:
            field_dict["timeout_ms"] = timeout_ms
        if failures is not UNSET:
            field_dict["failures"] = failures
        if start_timeout_ms is not UNSET:
            field_dict["start_timeout_ms"] = start_timeout_ms

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        path = d.pop("path", UNSET)

        command = cast(list[str], d.pop("command", UNSET))

        tcp = d.pop("tcp", UNSET)

        running = d.pop("running", UNSET)

        interval_ms = d.pop("interval_ms", UNSET)

        timeout_ms = d.pop("timeout_ms", UNSET)

        failures = d.pop("failures", UNSET)

        start_timeout_ms = d.pop("start_timeout_ms", UNSET)

        health_check = cls(
            path=path,
            command=command,
            tcp=tcp,
            running=running,
            interval_ms=interval_ms,
            timeout_ms=timeout_ms,
            failures=failures,
            start_timeout_ms=start_timeout_ms,
        )

        return health_check
