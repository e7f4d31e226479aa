"""A run as a model folder: graphs, calibration and a model card beside the checkpoint."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mc2sleepnet.core.files import write_text_atomically
from mc2sleepnet.core.model_folder import CARD_FILE, Calibration, seal_model_folder
from mc2sleepnet.model.checkpoint import Checkpoint
from mc2sleepnet.model.export import export_graphs


def write_model_folder(checkpoint: Checkpoint, calibration: Calibration, folder: Path) -> None:
    """Write everything `score` needs beside a checkpoint that is already in `folder`."""
    export_graphs(checkpoint.network, folder)
    write_text_atomically(folder / CARD_FILE, model_card(checkpoint, calibration))
    seal_model_folder(folder, calibration)


def model_card(checkpoint: Checkpoint, calibration: Calibration) -> str:
    """What the model is, learned from, and is not for, in Markdown."""
    provenance = checkpoint.provenance
    fold, best = provenance["fold"], provenance["best"]
    named = {name: best[name] for name in ("accuracy", "macro_f1", "kappa")}
    figures = " · ".join(f"{name} {'undefined' if one is None else f'{one:.3f}'}" for name, one in named.items())
    synthetic = " (synthetic data)" if provenance["store"]["is_synthetic"] else ""
    config = checkpoint.network.config
    completion = "" if checkpoint.network.completion is None else ", `completion.npz` what completes statistics"
    smoothing = (
        ""
        if config.smoothing == "none"
        else f"\n  These are the network's own answers; scoring smooths them (`smoothing={config.smoothing}`)."
    )
    name = "MC2SleepNet" if config.architecture == "mc2sleepnet" else f"Rival ({config.architecture})"
    return f"""# {name} model, width {config.width:g}

Scores 30-s epochs of one EEG channel as W, N1, N2, N3 or R. For research; not a medical device.

{_learned_from(provenance)}
- **Stopped and calibrated by**: {len(fold["validation"])} other subjects{synthetic},
  {calibration.n_epochs} scored epochs.
- **On those validation subjects**{synthetic}: {figures}. They decided when to stop, so this flatters.{smoothing}
- **Never looked at**: the {len(fold["test"])} test subjects of {fold["name"]}.
- **Made with**: mc2sleepnet {provenance["mc2sleepnet"]}, torch {provenance["torch"]}, {provenance["written"]}.

`config.json` holds every option and the spectrogram's statistics, `model.safetensors` the weights, `encoder.onnx` and
`sequence.onnx` the two graphs that score, `calibration.json` the temperature{completion}.
"""


def _learned_from(provenance: Mapping[str, Any]) -> str:
    """A line for each phase, the first phase first, and one where the last did not end as phases do."""
    lines = []
    best = provenance["best"]
    # What learned nothing is not what the model learned from; the last line says so.
    is_start = best.get("step") == 0 and "members" not in provenance
    phase: Mapping[str, Any] | None = provenance.get("parent") if is_start else provenance
    while phase:
        store = phase["store"]
        kind = "synthetic nights, no person was recorded" if store["is_synthetic"] else "recorded nights"
        n_subjects = len(phase["fold"]["train"])
        lines.append(f"- **Learned from**, {phase['phase']}: {n_subjects} subjects of `{store['corpus']}`, {kind}.")
        phase = phase.get("parent")
    lines.reverse()
    if (absent := provenance.get("absent_stages")) and not is_start:
        lines.append(f"- **Not learned**: no training epoch of {provenance['phase']} is {' or '.join(absent)}.")
    share = provenance.get("options", {}).get("start_share", 0)
    if is_start:
        store, n_subjects = provenance["store"], len(provenance["fold"]["train"])
        lines.append(
            f"- **Kept** is what {provenance['phase']} on {n_subjects} subjects of `{store['corpus']}` started from:"
            " the validation subjects preferred none of its steps."
        )
    elif share:
        lines.append(
            f"- **Weights** are averages: {share:.0%} of what the last phase started from, the rest what it reached."
        )
    return "\n".join(lines)
