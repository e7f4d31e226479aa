"""The dress rehearsal: everything at Sleep-EDF-78's full size, on made-up recordings."""

import json
import sys
import time

import pytest

from mc2sleepnet.corpora import folds_of
from mc2sleepnet.store import Store

pytestmark = pytest.mark.soak


def test_153_recordings_of_22_hours_are_prepared_in_little_memory(full_scale, capsys):
    figures = {
        "source_gb": full_scale.source_bytes / 1e9,
        "store_gb": full_scale.store_bytes / 1e9,
        "prepare_s": full_scale.prepare_s,
        "nights_per_min": 153 / full_scale.prepare_s * 60,
        "peak_mb": full_scale.peak_mb,
    }
    # For docs/log.md.
    with capsys.disabled():
        sys.stdout.write("\n" + "  ".join(f"{name} {figure:.1f}" for name, figure in figures.items()) + "\n")
    assert 7e9 < full_scale.source_bytes < 9e9
    assert "153 recordings of 78 subjects, synthetic data" in full_scale.summary
    assert "NOT the published one" in full_scale.summary
    store = Store.open(full_scale.store_dir)
    assert store.is_synthetic
    assert len(store.recordings) == 153
    # One recording of 22 h at a time: some copies of one channel, not the corpus.
    assert full_scale.peak_mb < 400
    assert all(fold.restricted_to(store.subjects) == fold for fold in folds_of(store))


def test_all_ten_folds_run_on_it_end_to_end(full_scale, run_verb, tmp_path, capsys):
    # So few steps that nothing is learned; backbones are trained on, which spares encoding every training epoch once.
    budget = ("width=0.25", "max_steps=2", "validate_every_steps=2", "batch_sequences=16", "validation_recordings=2")
    assignments = [word for option in (*budget, "backbones=trained") for word in ("--set", option)]
    begin = time.perf_counter()
    where = ("--store", str(full_scale.store_dir), "--out", str(tmp_path))
    text, peak_mb = run_verb("crossval", "sleep-edf-78", *where, "--no-export", *assignments)
    seconds = time.perf_counter() - begin
    with capsys.disabled():
        sys.stdout.write(f"\ncrossval of ten folds: {seconds:.0f} s, peak {peak_mb:.0f} MB\n{text[:1500]}\n")
    results = json.loads((tmp_path / "results.json").read_text())
    store = Store.open(full_scale.store_dir)
    assert results["is_synthetic"]
    assert len(list(tmp_path.glob("fold-*"))) == 10
    # Every recording is tested in one fold.
    tested = sorted(name for fold in folds_of(store) for name in fold.test)
    assert tested == sorted(store.subjects)
