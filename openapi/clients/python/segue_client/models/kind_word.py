from enum import StrEnum


class KindWord(StrEnum):
    DATA = "data"
    JOB = "job"
    WEB = "web"
    WORKER = "worker"

    def __str__(self) -> str:
        return str(self.value)
