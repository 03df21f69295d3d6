"""Makes the package's generated modules from openapi/v1.json: python generate.py [--out FOLDER].

Two changes are made to the document first. An enum of words becomes "one of these, or any text", because a newer
server may say new words. A stream is left out of answers that are also offered as a page: `stream.py` reads those.
"""

import json
import pathlib
import shutil
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
PACKAGE = HERE / "segue_client"
#: Modules of the package that are written by hand.
BY_HAND = {"__init__.py", "py.typed", "connect.py", "stream.py"}


def opened(document: dict) -> dict:
    """The document with open enums, and without streams beside pages."""
    for name, schema in list(document["components"]["schemas"].items()):
        if schema.get("type") == "string" and "enum" in schema:
            known = f"{name}Word"
            document["components"]["schemas"][known] = schema
            document["components"]["schemas"][name] = {
                "description": schema.get("description", ""),
                "anyOf": [{"$ref": f"#/components/schemas/{known}"}, {"type": "string"}],
            }
    for item in document["paths"].values():
        for operation in item.values():
            if not isinstance(operation, dict):
                continue
            content = operation.get("responses", {}).get("200", {}).get("content", {})
            if len(content) > 1:
                content.pop("text/event-stream", None)
    return document


def generate(into: pathlib.Path) -> None:
    """Writes the package into a folder that exists."""
    document = opened(json.loads((HERE / ".." / ".." / "v1.json").read_text()))
    with tempfile.TemporaryDirectory() as folder:
        place = pathlib.Path(folder)
        (place / "v1.json").write_text(json.dumps(document))
        (place / "config.yaml").write_text(
            "project_name_override: segue-client\npackage_name_override: segue_client\npost_hooks: []\n"
        )
        tool = pathlib.Path(sys.executable).parent / "openapi-python-client"
        made = subprocess.run(
            [
                tool,
                "generate",
                "--meta",
                "none",
                "--path",
                place / "v1.json",
                "--config",
                place / "config.yaml",
                "--output-path",
                place / "segue_client",
                "--fail-on-warning",
            ],
            capture_output=True,
            text=True,
            check=False,
        )
        if made.returncode != 0:
            sys.exit(made.stdout + made.stderr)
        ruff = pathlib.Path(sys.executable).parent / "ruff"
        for arguments in (["check", "--fix", "--quiet", "--select", "F,I,UP"], ["format", "--quiet"]):
            subprocess.run(
                [
                    ruff,
                    *arguments,
                    "--no-cache",
                    "--isolated",
                    "--line-length",
                    "120",
                    "--target-version",
                    "py311",
                    place / "segue_client",
                ],
                check=True,
            )
        for path in sorted(into.iterdir()):
            if path.name in BY_HAND:
                continue
            if path.is_dir():
                shutil.rmtree(path)
            else:
                path.unlink()
        for path in sorted((place / "segue_client").iterdir()):
            if path.name in BY_HAND or path.name.startswith(".") or path.name == "__pycache__":
                continue
            if path.is_dir():
                shutil.copytree(path, into / path.name)
            else:
                shutil.copy(path, into / path.name)


def main() -> None:
    """Into the package, or into the folder that was named."""
    if len(sys.argv) == 3 and sys.argv[1] == "--out":
        out = pathlib.Path(sys.argv[2])
        out.mkdir(parents=True, exist_ok=True)
    else:
        out = PACKAGE
    generate(out)


if __name__ == "__main__":
    main()
