import torch

from mc2sleepnet.core.stages import N2, N3, W
from mc2sleepnet.synth.states import frame_states


def test_weights_of_every_frame_add_up_to_one() -> None:
    stage = torch.arange(200) % 5
    states = frame_states(stage, generator=torch.Generator().manual_seed(0))
    assert states.shape == (200 * 15 + 1, 5)
    torch.testing.assert_close(states.sum(1), torch.ones(len(states)))


def test_a_stage_changes_within_the_epoch_and_not_always_at_the_same_second() -> None:
    stage = torch.tensor([W] * 3 + [N3] * 3)
    crossings = set()
    for seed in range(40):
        states = frame_states(stage, generator=torch.Generator().manual_seed(seed))
        crossings.add(int((states[:, N3] > states[:, W]).float().argmax()))
    assert len(crossings) > 8


def test_long_stretches_mostly_are_what_they_were_scored() -> None:
    stage = torch.full((600,), N2)
    states = frame_states(stage, generator=torch.Generator().manual_seed(1))
    assert 0.85 < float(states[:, N2].mean()) < 0.97


def test_epochs_next_to_a_change_are_more_often_ambiguous_than_others() -> None:
    stage = torch.where(torch.arange(3000) % 10 < 5, W, N2)
    states = frame_states(stage, generator=torch.Generator().manual_seed(2))
    middle = states[7 : 3000 * 15 : 15]
    agrees = middle.gather(1, stage[:, None])[:, 0]
    place = torch.arange(3000) % 5
    assert agrees[place == 2].mean() > agrees[(place == 0) | (place == 4)].mean() + 0.05
