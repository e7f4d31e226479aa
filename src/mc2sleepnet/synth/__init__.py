"""Synthetic nights: hypnograms, then the EEG that a single frontal channel would have shown. No recorded EEG enters."""
