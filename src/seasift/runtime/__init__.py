"""Running a model file on pictures and footage. No torch here."""
