from enum import StrEnum


class RolloutStrategyWord(StrEnum):
    RECREATE = "recreate"
    ROLLING = "rolling"
    SWITCH = "switch"

    def __str__(self) -> str:
        return str(self.value)
