"""The commands about models, as a person calls them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from sdlab import cli
from simulations.files import load


def call(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    """The command in this process."""
    monkeypatch.setattr("sys.argv", ["lab", *arguments])
    monkeypatch.setattr("signal.signal", lambda *_: None)  # this process keeps its own handlers
    return cli.main()


def test_a_design_s_model_is_checked_and_saved_and_the_file_is_checked_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "model.json"
    assert call(monkeypatch, "model", "url_shortener", "--cold", "--save", str(file), "--strict") == 0
    said = capsys.readouterr()
    assert said.err == ""
    contents = "5 flows, 12 stations, 6 pools, 3 caches, 3 regions"
    assert contents in said.out
    assert "api-eu-1" in said.out
    assert load(file).stations[0].name == "api-eu-1"
    assert call(monkeypatch, "model", str(file)) == 0
    assert contents in capsys.readouterr().out


def test_an_overload_is_said_on_stderr_and_strict_makes_it_an_error(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ("model", "url_shortener", "--cold", "--rate", "20000")
    assert call(monkeypatch, *arguments) == 0
    said = capsys.readouterr()
    assert "warning: station api-eu-1: offered load" in said.err
    assert "warning" not in said.out
    assert call(monkeypatch, *arguments, "--strict") == 2
    assert "lab: --strict = " in capsys.readouterr().err


def test_the_wrong_models_are_printed_with_what_each_gets(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert call(monkeypatch, "mistakes") == 0
    said = capsys.readouterr().out
    assert "refused: model shop, station = 'cache': no step serves at it" in said
    assert said.count("warned: ") >= 8


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "cannot be read"),
        ("{", "is not JSON"),
        ({"format": "other"}, "model.json: format = 'other'"),
        ({"stations": [{"name": "s", "servers": -1}]}, "model.json: stations[0].station s, servers = -1: must be"),
        ({"flows": [{"name": "get", "steps": [{"step": "hold", "pool": "p"}]}]}, "flow get, step 1 (hold p) = 'p'"),
    ],
)
def test_a_bad_file_gets_one_clear_line_and_exit_code_2(
    content: object, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "model.json"
    if isinstance(content, dict):
        head = {"format": "system-design-lab model", "version": 1, "name": "m", "flows": []}
        file.write_text(json.dumps({**head, **content}))
    elif content is not None:
        file.write_text(str(content))
    assert call(monkeypatch, "model", str(file)) == 2
    said = capsys.readouterr()
    assert message in said.err
    assert said.err.count("\n") == 1
    assert said.out == ""
