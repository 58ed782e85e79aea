"""Which names objects get: what a user asks for, and what the model can do."""

from __future__ import annotations

from seasift.core.errors import InputError
from seasift.core.rollup import RollUp
from seasift.modelfile.info import ModelInfo


def roll_up_of(names: str | None, info: ModelInfo) -> RollUp | None:
    """The thresholds of the roll-up; None where objects get the names of their classes.

    Args:
        names: "class", "rollup", or None: rolled-up names with a model that has thresholds for them.
        info: of the model.
    Raises:
        InputError: an unknown choice, or a model without thresholds.
    """
    if names not in (None, "class", "rollup"):
        raise InputError(f"names {names!r}; expected class or rollup.")
    own = info.roll_up()
    if names == "rollup" and own is None:
        raise InputError(
            f"names rollup: model {info.name} has no thresholds for it; expected a model file with some. Add them with: "
            "seasift models complete MODEL -o MODEL --rollup report.json"
        )
    return None if names == "class" else own
