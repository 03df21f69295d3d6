from enum import StrEnum


class PlannedActionWord(StrEnum):
    CREATE = "create"
    KEEP = "keep"
    REMOVE = "remove"
    REPLACE = "replace"
    SCALE = "scale"

    def __str__(self) -> str:
        return str(self.value)
