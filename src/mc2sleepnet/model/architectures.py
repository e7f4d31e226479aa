"""Networks by the name of their architecture."""

from mc2sleepnet.model.cnn_lstm import CnnLstm
from mc2sleepnet.model.concatenated import Concatenated
from mc2sleepnet.model.config import NetworkConfig
from mc2sleepnet.model.ensemble import Ensemble
from mc2sleepnet.model.network import MC2SleepNet
from mc2sleepnet.model.one_modality import SignalOnly, SpectrogramOnly
from mc2sleepnet.model.staging_network import StagingNetwork

ARCHITECTURES: dict[str, type[StagingNetwork]] = {
    "mc2sleepnet": MC2SleepNet,
    "signal_only": SignalOnly,
    "spectrogram_only": SpectrogramOnly,
    "concatenated": Concatenated,
    "cnn_lstm": CnnLstm,
}


def build_network(config: NetworkConfig) -> StagingNetwork:
    """The network a config describes, freshly initialised from torch's generator."""
    if config.members > 1:
        return Ensemble(config)
    network_of = ARCHITECTURES[config.architecture]
    return network_of(config)
