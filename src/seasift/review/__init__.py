"""Reviews of the tracks of a survey by a person: decisions, corrected counts, and a data set for training."""
