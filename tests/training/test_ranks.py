"""Many ranks train as one does: the same losses, the same weights, and a rank's death costs nothing that was kept."""

import json
import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest
import torch

from mc2sleepnet.model.ranks import Ranks, Share
from mc2sleepnet.training.dropout_blocks import dropout_blocks
from mc2sleepnet.training.resume import RESUME_FILE
from mc2sleepnet.training.watching import METRICS_FILE

# Both phases in float64 on ranks that share batches of 5, which two cannot share evenly.
PROGRAM = textwrap.dedent(
    """
    import sys
    from dataclasses import replace
    from pathlib import Path
    import torch
    from mc2sleepnet.model.network import NetworkConfig
    from mc2sleepnet.model.pretraining_network import PretrainingNetwork
    from mc2sleepnet.recipes.single_fold import open_fold
    from mc2sleepnet.training.devices import joined_ranks
    from mc2sleepnet.training.finetuning import FinetuneOptions, Finetuning
    from mc2sleepnet.training.loop import LoopOptions, train
    from mc2sleepnet.training.pretraining import Pretraining, PretrainOptions
    from mc2sleepnet.training.spectrogram_statistics import fit_spectrogram_statistics

    store, out = map(Path, sys.argv[1:])
    loop = LoopOptions(batch_sequences=5, validate_every_steps=1, max_steps=4, dropout_blocks=3, device="cpu")
    with joined_ranks("cpu"):
        data = open_fold(store, 1)
        torch.manual_seed(0)
        model = PretrainingNetwork(NetworkConfig(width=0.125, spectrogram_layers=1, sequence_layers=2))
        fit_spectrogram_statistics(model.network.spectrogram, data)
        model.double()
        sequences = data.sequences("training", length=16, stride=16)
        kept = dict(loop=loop, keep=lambda *_: None)
        ending = dict(fingerprint={}, resume=False, advance=lambda *_: None)
        train(Pretraining(model, data, PretrainOptions(), **kept), sequences, loop, out / "pre", **ending)
        options = FinetuneOptions(backbones="trained", hole_probability=0.2)
        train(Finetuning(model.network, data, options, **kept), sequences, loop, out / "fine", **ending)
        kept["loop"] = loop = replace(loop, augmentation="sleepyco", max_steps=2)
        train(Pretraining(model, data, PretrainOptions(), **kept), sequences, loop, out / "changed", **ending)
        frozen = Finetuning(model.network, data, FinetuneOptions(), **kept)
        train(frozen, sequences, loop, out / "changed, frozen", **ending)
    """
)


# Pre-training of changed signals on two ranks, of which the second is told to stop at the step given.
STOPPED = textwrap.dedent(
    """
    import signal
    import sys
    from pathlib import Path
    import torch
    from mc2sleepnet.model.network import NetworkConfig
    from mc2sleepnet.model.pretraining_network import PretrainingNetwork
    from mc2sleepnet.model.ranks import Ranks
    from mc2sleepnet.recipes.single_fold import open_fold
    from mc2sleepnet.training.devices import joined_ranks
    from mc2sleepnet.training.loop import LoopOptions, train
    from mc2sleepnet.training.pretraining import Pretraining, PretrainOptions
    from mc2sleepnet.training.spectrogram_statistics import fit_spectrogram_statistics

    store, out, stop_at = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])
    loop = LoopOptions(
        batch_sequences=5, validate_every_steps=2, max_steps=4, augmentation="sleepyco", dropout_blocks=3, device="cpu"
    )

    def advance(step, *_):
        if step == stop_at and Ranks.current().rank == 1:
            signal.raise_signal(signal.SIGTERM)

    with joined_ranks("cpu"):
        data = open_fold(store, 1)
        torch.manual_seed(0)
        model = PretrainingNetwork(NetworkConfig(width=0.125, spectrogram_layers=1, sequence_layers=1))
        fit_spectrogram_statistics(model.network.spectrogram, data)
        phase = Pretraining(model, data, PretrainOptions(), loop=loop, keep=lambda *_: None)
        sequences = data.sequences("training", length=16, stride=16)
        try:
            train(phase, sequences, loop, out, fingerprint={}, resume=True, advance=advance)
        except KeyboardInterrupt:
            print("stopped")
    """
)


def torchrun(ranks: int, *command: str, restarts: int = 0) -> list[str]:
    options = ["--standalone", f"--nproc-per-node={ranks}", f"--max-restarts={restarts}"]
    return [sys.executable, "-m", "torch.distributed.run", *options, *command]


def rows(run: Path) -> list[dict[str, float]]:
    return [json.loads(row) for row in (run / METRICS_FILE).read_text().splitlines()]


@pytest.fixture(scope="module")
def environment() -> dict[str, str]:
    return {**os.environ, "OMP_NUM_THREADS": "1"}


def test_two_ranks_have_the_losses_of_one_in_both_phases(
    store_dir: Path, tmp_path: Path, environment: dict[str, str]
) -> None:
    program = tmp_path / "program.py"
    program.write_text(PROGRAM)
    for ranks in (1, 2):
        command = torchrun(ranks, str(program), str(store_dir), str(tmp_path / str(ranks)))
        ended = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
        assert ended.returncode == 0, ended.stderr
    for phase, steps in {"pre": 4, "fine": 4, "changed": 2, "changed, frozen": 2}.items():
        one, two = (rows(tmp_path / str(ranks) / phase) for ranks in (1, 2))
        assert len(one) == len(two) == steps
        for expected, found in zip(one, two, strict=True):
            timeless = {name: value for name, value in expected.items() if name != "epochs_per_s"}
            assert {name: found[name] for name in timeless} == pytest.approx(timeless, rel=1e-5, abs=1e-8)
    states = [torch.load(tmp_path / str(ranks) / "fine" / RESUME_FILE, weights_only=True)["module"] for ranks in (1, 2)]
    for name, weights in states[0].items():
        torch.testing.assert_close(states[1][name], weights, rtol=1e-5, atol=1e-7, msg=name)


def test_two_ranks_of_which_one_is_told_to_stop_resume_to_the_same_bits(
    store_dir: Path, tmp_path: Path, environment: dict[str, str]
) -> None:
    program = tmp_path / "program.py"
    program.write_text(STOPPED)
    told = {}
    for run, stops in {"whole": [0], "parted": [1, 3, 0]}.items():
        for stop_at in stops:
            command = torchrun(2, str(program), str(store_dir), str(tmp_path / run), str(stop_at))
            ended = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
            assert ended.returncode == 0, ended.stderr
            told[run, stop_at] = ended.stdout.count("stopped")
    assert told == {("whole", 0): 0, ("parted", 1): 2, ("parted", 3): 2, ("parted", 0): 0}
    whole, parted = (
        torch.load(tmp_path / run / RESUME_FILE, weights_only=True)["module"] for run in ("whole", "parted")
    )
    for name, weights in whole.items():
        assert torch.equal(parted[name], weights), name


def test_a_rank_that_dies_is_started_again_and_the_run_goes_on(
    store_dir: Path, tmp_path: Path, environment: dict[str, str]
) -> None:
    settings = ["width=0.125", "spectrogram_layers=1", "sequence_layers=1", "batch_sequences=4", "max_steps=12"]
    settings = [f"--set={one}" for one in (*settings, "validate_every_steps=4", "device=cpu")]
    out = tmp_path / "run"
    verb = ["pretrain", f"--store={store_dir}", f"--out={out}", "--resume", *settings]
    command = torchrun(2, "--no-python", str(Path(sys.executable).with_name("mc2sleepnet")), *verb, restarts=3)
    log = tmp_path / "log"
    with log.open("w") as file:
        process = subprocess.Popen(command, stdout=file, stderr=file, env=environment)
        deadline = time.monotonic() + 180
        while not (out / RESUME_FILE).exists() and process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.02)
        workers = subprocess.run(["pgrep", "-P", str(process.pid)], capture_output=True, text=True, check=True)
        os.kill(int(workers.stdout.split()[-1]), signal.SIGKILL)
        process.wait(timeout=240)
    assert process.returncode == 0, log.read_text()
    assert "ended by limit" in log.read_text()
    assert log.read_text().count("run: ") == 1
    assert [row["step"] for row in rows(out)] == [4, 8, 12]


def test_shares_of_a_batch_hold_every_row_once() -> None:
    rows_of_batch = torch.arange(14).reshape(7, 2)
    own = [Share(Ranks(rank, 3), 7).own(rows_of_batch, fill=-1) for rank in range(3)]
    assert [len(share) for share in own] == [3, 3, 3]
    assert torch.cat(own)[:7].equal(rows_of_batch)
    assert bool((torch.cat(own)[7:] == -1).all())


@pytest.mark.parametrize("world", [2, 3, 7])
@pytest.mark.parametrize("n_blocks", [1, 3, 8])
def test_dropout_is_keyed_by_the_place_in_the_batch_and_not_by_the_rank(world: int, n_blocks: int) -> None:
    from mc2sleepnet.model.dropout import Dropout, dropout_draws_from

    seen = torch.arange(7 * 4).reshape(7, 4)
    seen[2, 1:], seen[5, 3] = -1, -1

    def drawn(ranks: Ranks) -> tuple[torch.Tensor, torch.Tensor]:
        own = Share(ranks, 7).own(seen, fill=-1)
        cpu = torch.device("cpu")
        with dropout_draws_from(dropout_blocks(seen, n_blocks, cpu, seed=1, step=2, ranks=ranks)):
            of_epochs = Dropout(0.5, rows="epochs")(torch.ones(int((own >= 0).sum()), 6))
            of_sequences = Dropout(0.5, rows="sequences")(torch.ones(len(own), 4, 6))
        return of_epochs, of_sequences

    whole = drawn(Ranks())
    parts = [drawn(Ranks(rank, world)) for rank in range(world)]
    assert torch.cat([part[0] for part in parts]).equal(whole[0])
    assert torch.cat([part[1] for part in parts])[:7].equal(whole[1])
    assert 0.2 < (whole[1] == 0).float().mean() < 0.8
    assert set(whole[1].unique().tolist()) == {0.0, 2.0}
