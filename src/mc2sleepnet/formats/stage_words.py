"""What scorers and vendors call the stages, and the number codes they use for them."""

import re
import unicodedata
from collections.abc import Collection, Mapping
from typing import Final

from mc2sleepnet.core.stages import N1, N2, N3, UNSCORED, R, W

# R&K's stages 3 and 4 are both N3; movement time has no place among the five stages.
_WORDS_OF: Final[dict[int, str]] = {
    W: "w wake wakestate awake wakefulness awa sw s0 stage0 stagew sleeps0 eveil veille wach vigilia despierto",
    N1: "n1 s1 nrem1 nonrem1 nonrapideyemovementsleepn1 stage1 stage1sleep stagen1 sleeps1 slpstg1 stade1 stadium1",
    N2: "n2 s2 nrem2 nonrem2 nonrapideyemovementsleepn2 stage2 stage2sleep stagen2 sleeps2 slpstg2 stade2 stadium2",
    N3: (
        "n3 s3 nrem3 nonrem3 nonrapideyemovementsleepn3 stage3 stage3sleep stagen3 sleeps3 slpstg3 stade3 stadium3 sws "
        "n4 s4 nrem4 nonrem4 nonrapideyemovementsleepn4 stage4 stage4sleep stagen4 sleeps4 slpstg4 stade4 stadium4"
    ),
    R: (
        "r rem rapideyemovement rapideyemovementsleep remsleep stager stagerem sr s5 stage5 sleeprem slpstgrem sleepr "
        "sommeilparadoxal paradoxal sp "
        "remschlaf rems n5"
    ),
    UNSCORED: (
        "? uns unscored unknown unstaged notscored noscore none n/a na nan nostage notstaged undefined "
        "m mt mvt movement bewegung artefakt movementtime sleepmt art artifact artefact lightson missing "
        "unsure indetermine indefini invalid disconnection"
    ),
}
_STAGE_OF_WORD: Final = {word: stage for stage, words in _WORDS_OF.items() for word in words.split()}
# Prefixes that say that a stage follows, longest first.
_PREFIX: Final = re.compile(r"^(?:sleepstage|slpstg|stade|phase|stage|sleep)")

CODES: Final[Mapping[str, Mapping[int, int]]] = {
    # YASA, DOD, BOAS and most AASM scorings: -1 artefact, -2 unscored; BOAS has 8 and others 9 for what is missing.
    "aasm": {0: W, 1: N1, 2: N2, 3: N3, 4: R, -1: UNSCORED, -2: UNSCORED, 7: UNSCORED, 8: UNSCORED, 9: UNSCORED},
    # NSRR and Compumedics: R&K's stages under their own numbers, REM 5, movement 6.
    "nsrr": {0: W, 1: N1, 2: N2, 3: N3, 4: N3, 5: R, 6: UNSCORED, 7: UNSCORED, 9: UNSCORED, -1: UNSCORED, -2: UNSCORED},
    # UCDDB: REM before the four R&K stages, then artefact and indeterminate.
    "ucddb": {0: W, 1: R, 2: N1, 3: N2, 4: N3, 5: N3, 6: UNSCORED, 7: UNSCORED, 8: UNSCORED},
}
CODES_IN_WORDS: Final = {
    "aasm": "0 W, 1 N1, 2 N2, 3 N3, 4 R (YASA)",
    "nsrr": "0 W, 1-4 stages 1-4, 5 R (NSRR, R&K)",
    "ucddb": "0 W, 1 R, 2-5 stages 1-4 (UCDDB)",
}


def stage_of_word(text: str) -> int | None:
    """Stage that a word or short phrase names; None where it names none.

    Case, accents, spaces and underscores do not matter: ``"Sleep stage W"``, ``"SLEEP-S2"``, ``"Stage 1 sleep"``.
    Bare numbers name no stage: see `code_scheme`.
    """
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower()
    # SDO and SRO are the NSRR's ontologies.
    plain = re.sub(r"[\s_\-.()\[\]:\"']+", "", re.sub(r"^\s*s[dr]o:", "", plain))
    if plain in _STAGE_OF_WORD:
        return _STAGE_OF_WORD[plain]
    rest = _PREFIX.sub("", plain)
    if rest != plain and rest in {"1", "2", "3", "4"}:
        return {"1": N1, "2": N2}.get(rest, N3)
    if rest != plain and rest in {"0", "5"}:
        return W if rest == "0" else R
    return _STAGE_OF_WORD.get(rest) if rest else None


def code_scheme(values: Collection[int]) -> str | None:
    """Which of `CODES` a column of bare numbers most likely uses; None where none fits.

    Numbers alone never say: 4 without any 5 is read as REM, a 5 as REM after four R&K stages. Whoever reads
    by this tells it.
    """
    unique = set(values)
    if unique <= CODES["aasm"].keys():
        return "aasm"
    return "nsrr" if unique <= CODES["nsrr"].keys() else None
