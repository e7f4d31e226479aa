"""The dress rehearsal: everything at Sleep-EDF-78's full size, on made-up recordings."""

import sys

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
    assert full_scale.peak_mb < 600
    assert all(fold.restricted_to(store.subjects) == fold for fold in folds_of(store))
