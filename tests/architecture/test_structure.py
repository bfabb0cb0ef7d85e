"""Rules about the code, held by reading it."""

from __future__ import annotations

import ast
import re
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import pytest

from sdlab import catalog

STAGES = (*catalog.STAGES, "reports")
ABOVE = ("benchmarks", "examples")
"""They may import any stage."""
SOURCES = [path for stage in ("sdlab", *STAGES, *ABOVE) for path in sorted((catalog.ROOT / stage).rglob("*.py"))]


def imported(path: Path) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.update({node.module, *(f"{node.module}.{alias.name}" for alias in node.names)})
    return names


def tracked() -> list[str]:
    return subprocess.run(
        ["git", "ls-files"], cwd=catalog.ROOT, capture_output=True, text=True, check=True
    ).stdout.splitlines()


@pytest.mark.parametrize("slug", catalog.slugs())
@pytest.mark.parametrize("stage", catalog.STAGES)
def test_each_design_has_each_part(slug: str, stage: str) -> None:
    assert catalog.parts(slug)[stage], f"{stage}/{slug} is missing"


@pytest.mark.parametrize("slug", catalog.slugs())
def test_each_design_has_its_document_and_its_decisions(slug: str) -> None:
    folder = catalog.design_folder(slug)
    assert (folder / "README.md").is_file()
    assert list((folder / "decisions").glob("[0-9][0-9][0-9][0-9]-*.md"))
    assert not list(folder.rglob("*.py")), "designs/ holds data and prose"


def test_a_design_never_imports_another_and_no_shared_module_imports_a_design() -> None:
    broken = []
    for path in SOURCES:
        stage, *rest = path.relative_to(catalog.ROOT).parts
        own = rest[0] if rest and rest[0] in catalog.slugs() else None
        for slug in catalog.slugs():
            wanted = f"{stage}.{slug}"
            if slug != own and any(name == wanted or name.startswith(wanted + ".") for name in imported(path)):
                broken.append(f"{path.relative_to(catalog.ROOT)} imports {wanted}")
    assert broken == []


def linter() -> dict[str, Any]:
    told: dict[str, Any] = tomllib.loads((catalog.ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]
    return told


def test_every_package_is_under_the_rules_of_import() -> None:
    """Tests alone are not: they look into everything."""
    packages = {name.split("/")[0] for name in tracked() if name.endswith(".py")} - {"tests"}
    assert set(linter()["root_packages"]) == packages


def test_who_alone_may_import_a_library_is_held_against_every_other_package() -> None:
    contracts = [contract for contract in linter()["contracts"] if " is the only importer of " in contract["name"]]
    assert {contract["name"].split()[0] for contract in contracts} == {"simulations", "reference_impls", "loadtests"}
    for contract in contracts:
        owner = contract["name"].split()[0]
        assert {owner, *contract["source_modules"]} == set(linter()["root_packages"]), contract["name"]


def test_who_is_exempt_from_a_rule_of_import_still_needs_to_be() -> None:
    """The linter itself fails on an exemption that matches nothing; here: that none is for a whole package."""
    exempt = [
        line.split(" -> ")[0] for contract in linter()["contracts"] for line in contract.get("ignore_imports", ())
    ]
    for module in exempt:
        assert (catalog.ROOT / f"{module.replace('.', '/')}.py").is_file(), module


def test_every_test_file_is_collected() -> None:
    stray = [
        name
        for name in tracked()
        if re.match(r"tests/.*\.py$", name)
        and not re.search(r"/(test_\w+|conftest|__init__)\.py$", name)
        and "def test_" in (catalog.ROOT / name).read_text()
    ]
    assert stray == []


def test_no_absolute_path_of_a_machine_is_committed() -> None:
    pattern = re.compile(r"(?<![\w.~}])/(?:home|root|Users|work)/\w")
    texts = [name for name in tracked() if not name.endswith((".png", ".gz", ".parquet", ".lock"))]
    hits = [
        f"{name}: {line.strip()[:80]}"
        for name in texts
        if name != "tests/architecture/test_structure.py"
        for line in (catalog.ROOT / name).read_text(errors="replace").splitlines()
        if pattern.search(line)
    ]
    assert hits == []


def test_modules_stay_of_one_idea() -> None:
    long = {str(path.relative_to(catalog.ROOT)): len(path.read_text().splitlines()) for path in SOURCES}
    assert {name: lines for name, lines in long.items() if lines > 400} == {}
