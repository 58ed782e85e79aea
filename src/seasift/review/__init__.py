"""A person's word on the tracks of a survey: decisions, corrected counts, and a data set to train on."""
