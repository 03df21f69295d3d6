from enum import StrEnum


class BuilderKindWord(StrEnum):
    AUTO = "auto"
    BUN = "bun"
    DENO = "deno"
    DOCKERFILE = "dockerfile"
    GO = "go"
    JAVA = "java"
    NODE = "node"
    PHP = "php"
    PYTHON = "python"
    RUBY = "ruby"
    RUST = "rust"
    STATIC = "static"

    def __str__(self) -> str:
        return str(self.value)
