"""The twenty real cassette hypnograms, each beside a recording that the test makes, all the way through `prepare`."""

import numpy as np
import pytest

from mc2sleepnet.core.stages import EPOCH_S, UNSCORED
from mc2sleepnet.corpora.prepare import PrepareOptions, prepare
from mc2sleepnet.formats import read_hypnogram
from mc2sleepnet.store import Store
from official_layout import Header, write_psg


@pytest.fixture(scope="module")
def source(real_data, tmp_path_factory):
    """Links to the hypnograms, and recordings that end where the scoring does, some minutes later or in its tail."""
    folder = tmp_path_factory.mktemp("cassette")
    noise = np.random.default_rng(0).normal(0, 300, 3000 * 60).astype(np.int16)
    for place, path in enumerate(sorted((real_data / "sleep-edf" / "hypnograms").rglob("SC4*.edf"))):
        (folder / path.name).symlink_to(path)
        hypnogram = read_hypnogram(path)
        n_epochs = int(np.flatnonzero(hypnogram.stage != UNSCORED)[-1]) + 1 + place
        # As in one of the official files, data records of a minute.
        record_s = 60 if place == 7 else 30
        n_records = -(-n_epochs * EPOCH_S // record_s)
        steps = np.resize(noise, n_records * record_s * 100)
        header = Header(start=hypnogram.start, n_records=n_records, record_s=record_s)
        write_psg(folder / f"{path.name[:7]}0-PSG.edf", [steps], header)
    return folder


@pytest.mark.parametrize(("trim_limits", "n_scored"), [("scored_sleep", 21_039), ("any_non_wake", 21_142)])
def test_the_known_totals_come_out_of_prepare(source, tmp_path, trim_limits, n_scored):
    summary = prepare("sleep-edf-20", source, tmp_path, options=PrepareOptions(trim_limits=trim_limits))
    assert (len(summary.recordings), summary.n_subjects, summary.n_scored) == (20, 10, n_scored)
    assert len(summary.absent) == 19
    assert Store.open(tmp_path).is_readable.all()
    assert {finding.id for findings in summary.findings.values() for finding in findings} <= {"tail-cut"}
