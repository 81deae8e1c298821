"""The chart is what its generator makes of deploy/kustomize; with its defaults it is the base.

Helm is not to be had everywhere, so a reader of the few forms that the templates use stands in for
`helm template` here; where `helm` is installed, it is asked as well."""

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from cluster import KUSTOMIZE, Object
from server import TOP

CHART = TOP / "deploy/helm/xgen-server"
SWITCHES = {"ingress": "ingress", "monitoring": "serviceMonitor", "autoscaling": "autoscaling"}
ACTION = re.compile(r"\{\{-? (.*?) \}\}")


def source(*folders: str) -> dict[str, Object]:
    found = {}
    for folder in folders:
        for path in sorted((KUSTOMIZE / folder).glob("*.yaml")):
            if path.name != "kustomization.yaml":
                found |= keyed(yaml.safe_load_all(path.read_text()))
    return found


def keyed(objects: Iterator[Object]) -> dict[str, Object]:
    return {f"{one['kind']}/{one['metadata']['name']}": one for one in objects if one}


def value(name: str, values: Object) -> Any:
    if name == ".Release.Namespace":
        return "xgen-system"
    assert name.startswith(".Values."), name
    for key in name.removeprefix(".Values.").split("."):
        values = values[key]
    return values


def render(text: str, values: Object) -> str:
    """`if`, `if not`, `end` on lines of their own; a value, `quote`, `toYaml | nindent`."""
    shown: list[bool] = []
    lines: list[str] = []
    for line in text.splitlines():
        action = ACTION.fullmatch(line.strip())
        words = action[1].split() if action else [""]
        if words[0] == "if":
            shown.append(bool(value(words[-1], values)) != (words[1] == "not"))
        elif words[0] == "end":
            shown.pop()
        elif not all(shown):
            continue
        elif words[0] == "toYaml":
            indent = " " * int(words[-1])
            dumped = yaml.safe_dump(value(words[1], values), sort_keys=False)
            lines += [indent + one for one in dumped.splitlines()]
        else:
            lines.append(ACTION.sub(lambda match: scalar(match[1], values), line))
    assert not shown
    return "\n".join(lines)


def scalar(action: str, values: Object) -> str:
    name, _, filter = action.partition(" | ")
    assert filter in ("", "quote"), action
    found = value(name, values)
    return json.dumps(found) if filter else str(found)


def rendered_chart(values: Object) -> dict[str, Object]:
    found = {}
    for path in sorted((CHART / "templates").glob("*.yaml")):
        found |= keyed(yaml.safe_load_all(render(path.read_text(), values)))
    return found


def defaults() -> Object:
    return yaml.safe_load((CHART / "values.yaml").read_text())


def test_generating_it_again_changes_nothing(tmp_path: Path) -> None:
    subprocess.run([sys.executable, TOP / "deploy/helm/generate", tmp_path], check=True)
    made = {path.relative_to(tmp_path): path.read_text()
            for path in tmp_path.rglob("*") if path.is_file()}
    kept = {path.relative_to(CHART): path.read_text()
            for path in CHART.rglob("*") if path.is_file() and path.name != "Chart.yaml"}
    assert made == kept


def test_with_its_defaults_it_is_the_base() -> None:
    expected = source("base")
    del expected["Namespace/xgen-system"]  # Helm's to make
    assert rendered_chart(defaults()) == expected


@pytest.mark.parametrize("folder", SWITCHES)
def test_each_option_adds_its_folder(folder: str) -> None:
    values = defaults()
    values[SWITCHES[folder]]["enabled"] = True
    added = rendered_chart(values)
    for key, one in source(folder).items():
        assert added[key] == one
    # The autoscaler's number, not the chart's, once there is one.
    has_number = "replicas" in added["Deployment/xgen-server"]["spec"]
    assert has_number == (folder != "autoscaling")


def test_every_value_is_used() -> None:
    templates = "".join(path.read_text() for path in (CHART / "templates").glob("*.yaml"))

    def leaves(values: Object, prefix: str) -> Iterator[str]:
        for key, one in values.items():
            name = f"{prefix}.{key}"
            if isinstance(one, dict) and f"{name} " not in templates:
                yield from leaves(one, name)
            else:
                yield name

    for name in leaves(defaults(), ".Values"):
        assert f"{name} " in templates, name


@pytest.mark.skipif(not shutil.which("helm"), reason="helm is not installed here")
def test_helm_makes_the_same_of_it() -> None:
    command = ["helm", "template", "xgen", CHART, "--namespace", "xgen-system"]
    answer = subprocess.run(command, capture_output=True, text=True, check=True)
    assert keyed(yaml.safe_load_all(answer.stdout)) == rendered_chart(defaults())
