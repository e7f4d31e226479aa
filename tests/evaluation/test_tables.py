import numpy as np

from mc2sleepnet.evaluation.tables import agreement_text, agreements_text
from mc2sleepnet.metrics.agreement import agreement_from_confusion

CONFUSION = np.array(
    [[240, 6, 2, 0, 18], [20, 14, 20, 0, 14], [10, 9, 170, 20, 4], [0, 0, 31, 100, 0], [1, 3, 4, 0, 36]]
)


def test_text_of_an_agreement_is_this_table():
    assert agreement_text(agreement_from_confusion(CONFUSION)).splitlines() == [
        "accuracy 0.776   macro-F1 0.673   κ 0.692",
        "",
        "stage      F1  precision  recall  epochs",
        "W       0.894      0.886   0.902     266",
        "N1      0.280      0.438   0.206      68",
        "N2      0.773      0.749   0.798     213",
        "N3      0.797      0.833   0.763     131",
        "R       0.621      0.500   0.818      44",
        "",
        "reference \\ scored     W    N1    N2    N3     R",
        "                 W   240     6     2     0    18",
        "                N1    20    14    20     0    14",
        "                N2    10     9   170    20     4",
        "                N3     0     0    31   100     0",
        "                 R     1     3     4     0    36",
    ]


def test_figures_without_a_value_are_dashes():
    text = agreement_text(agreement_from_confusion(np.zeros((5, 5), int)))
    assert "nan" not in text
    assert text.startswith("accuracy –   macro-F1 –   κ –")


def test_counts_of_large_corpora_keep_their_columns_apart():
    text = agreement_text(agreement_from_confusion(CONFUSION * 100_000))
    assert len({len(line) for line in text.splitlines()[-6:]}) == 1
    assert "24000000" in text


def test_scorers_stand_in_one_table_of_equal_lines():
    one = agreement_from_confusion(CONFUSION)
    lines = agreements_text({"MC2SleepNet": one, "majority stage": one}).splitlines()
    assert len({len(line) for line in lines}) == 1
    assert lines[1].startswith("MC2SleepNet        722     0.776     0.673  0.692  0.894")
