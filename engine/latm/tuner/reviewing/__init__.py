"""What can be wrong with training data, a file for each kind; `latm.tuner.review` is the face."""
