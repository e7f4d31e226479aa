"""The model card of the shipped model: what it learned from, how good it is, what it is not for."""

from pathlib import Path

from mc2sleepnet.core.completion import NIGHT_EPOCHS
from mc2sleepnet.core.files import write_text_atomically
from mc2sleepnet.core.model_folder import CARD_FILE, open_model_folder
from mc2sleepnet.core.slow_drift import DRIFT_BELOW_HZ

CARD = """# The model in the package

MC2SleepNet, width {width:g}, {members}, for one EEG channel of a night. **For research; not a medical device.**

**No person's EEG taught it.** It learned from {nights} synthetic nights (`mc2sleepnet.synth`), every one with another
subject and another recorder: montages between Fpz-Cz and Pz-Oz and towards C3-A2, gains, filters, mains, noise, poor
contact; in half of them breathing stops again and again, as in people with apnea. Real are only statistics (band powers
of 153 Sleep-EDF nights by stage; W and N3 of 23 UCDDB subjects) and label sequences (Sleep-EDF, UCDDB, DOD, BOAS);
`synth/tables` holds them with their sources.

The heart's beats are taken out of a recording first, where it holds any. Its own statistics normalise it; those of
less than {night} epochs are completed to a whole night's as parts of {completed} further synthetic nights taught it,
which are as loud as recorders in use, the less the more they are unlike these. {drift}
{looks}The odds of its answers were multiplied after training ({odds}): the real recordings and
nights of real band powers ask for it, wholly synthetic ones do not.{smoothed}

- **Stopped and calibrated by** {held_out} synthetic nights of generator settings that training never met, {n_epochs}
  scored epochs: accuracy {accuracy:.3f}, macro-F1 {macro_f1:.3f}, κ {kappa:.3f} as it scores (synthetic; they decided
  when its networks stopped, so this flatters).
- **Validated on** the real night `ucddb022` (UCDDB, C3-A2), which chose between versions: its figures are validation
  figures, and every look is in docs/log.md. `bench/real_nights.py` prints them.
- **It confuses** quiet wake with N1 and REM, N1 with everything, and N2 with N3 where slow waves are small; epochs next
  to a change of stage are the least sure. N3 of many other UCDDB subjects it misses, and recordings of less than two
  hours it scores somewhat worse than whole nights (docs/log.md).
- **Not for** children, intensive care, epilepsy with frequent discharges, intracranial montages, drugs that change the
  EEG: nothing like them was ever in its training. A recording whose spectrum is unlike all of training's gets the
  finding `out-of-range`.

Made by `recipes.shipped(seed={seed})`, mc2sleepnet {version}, torch {torch}, {written}. Attribution: Sleep-EDF Database
Expanded 1.0.0 and St. Vincent's University Hospital / University College Dublin Sleep Apnea Database 1.0.0 (PhysioNet,
ODC-By 1.0); DOD-H and DOD-O (MIT); Bitbrain Open Access Sleep (CC0).
"""


LOOKS = """Recordings that span less than 3 h 45 min are looked at twice, the second time with what the stages found say
of the rest of the night.
"""

SMOOTHED = """
Answers of neighbouring epochs are joined by how stages follow one another in 383 real hypnograms, and by what the
night's own spectra say of them: single epochs of another stage, short arousals among them, can be lost to that."""


def write_shipped_card(folder: Path, *, seed: int) -> None:
    """Write the card of a model that `recipes.shipped` made into its folder."""
    model = open_model_folder(folder)
    provenance = model.config["provenance"]
    members = model.config["network"]["members"]
    first = provenance.get("parent", provenance)
    removes_drift = model.config["network"].get("drift") == "removed"
    odds = ", ".join(f"{stage} by {factor:g}" for stage, factor in provenance["stage_odds"].items())
    text = CARD.format(
        odds=odds,
        smoothed=SMOOTHED if model.calibration.smoothing == "course+spectra" else "",
        looks=LOOKS if provenance["completion"]["levels_fitted_on"] else "",
        drift=f"Drift below {DRIFT_BELOW_HZ:g} Hz is taken out of every epoch."
        if removes_drift
        else "Slow drift stays in what it reads.",
        width=model.config["network"]["width"],
        members="one network" if members == 1 else f"{members} networks averaged",
        nights=len(first["fold"]["train"]),
        held_out=len(provenance["fold"]["validation"]),
        completed=len(provenance["completion"]["fitted_on"]),
        night=NIGHT_EPOCHS,
        n_epochs=model.calibration.n_epochs,
        accuracy=provenance["best"]["accuracy"],
        macro_f1=provenance["best"]["macro_f1"],
        kappa=provenance["best"]["kappa"],
        seed=seed,
        version=provenance["mc2sleepnet"],
        torch=provenance["torch"],
        written=provenance["written"],
    )
    write_text_atomically(folder / CARD_FILE, text)
