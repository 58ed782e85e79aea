"""How fast a model runs on a machine, stage by stage and end to end."""
