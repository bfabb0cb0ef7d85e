"""``lab prove``: its tables, its file, and what it does when the engines differ."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import typer

from benchmarks.proof import prove
from simulations.engines.compiled.sweep import SLICE
from simulations.proof import equality
from simulations.proof.equality import Example, Tally


def test_it_prints_how_many_models_had_what_and_writes_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "proof.json"
    prove(30, 7, theory=False, peers=False, traces=None, json=file, save=tmp_path / "wrong.txt")
    printed = " ".join(capsys.readouterr().out.split())
    assert "Both engines: 30 models" in printed
    assert "0 differed, 0 else wrong" in printed
    assert "Feed-forward: 30 models" in printed
    written = json.loads(file.read_text())
    assert written["feed_forward"]["models_swept"] > 15
    assert written["feed_forward"]["differing"] == 0
    assert written["long_feed_forward"]["requests"] > SLICE
    assert written["long_feed_forward"]["differing"] == 0
    content = written["equality"]
    assert content["models"] == 30
    assert content["differing"] == 0
    assert content["models_containing"]["Serve"] > 20
    assert not (tmp_path / "wrong.txt").exists()


def test_a_model_in_which_the_engines_differ_is_made_small_and_saved_and_the_exit_code_is_1(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def differs_with_hedges(one: Example, tally: Tally | None = None) -> list[str]:
        return ["differ in completed_s"] if "Hedge" in equality.kinds(one.model) else []

    monkeypatch.setattr(equality, "problems", differs_with_hedges)
    with pytest.raises(typer.Exit) as stopped:
        prove(30, 7, theory=False, peers=False, traces=None, json=None, save=tmp_path / "wrong.txt")
    assert stopped.value.exit_code == 1
    saved = (tmp_path / "wrong.txt").read_text()
    assert saved.startswith("# differ in completed_s\nmodel = Model(")
    assert saved.count("Hedge(") == 1
    assert "Retry(" not in saved
