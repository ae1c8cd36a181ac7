"""Templates of the tuner's pages."""
