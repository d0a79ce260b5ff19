"""The hypotheses of the paper, executable; and societies of surrogates of recorded models."""
