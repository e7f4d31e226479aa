from mc2sleepnet.evaluation.pairing import Paired
from mc2sleepnet.evaluation.result import Evaluation


def evaluation_page(evaluation: Evaluation, paired: Paired) -> str:
    """Not yet."""
    raise AssertionError
