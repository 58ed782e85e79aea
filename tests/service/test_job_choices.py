"""What a job looks for, as it waits in the store."""

from __future__ import annotations

import pytest

from seasift.core.rollup import RollUp
from seasift.inference.image_prediction import Choices
from seasift.service.job_runner import choices_from, choices_text


@pytest.mark.parametrize(
    "choices",
    [
        Choices(0.3, 10),
        Choices(0.5, 100, (0, 2)),
        Choices(0.5, 100, None, all_classes=True),
        Choices(0.05, 100, rollup=RollUp(0.8, 0.6, 0.5), only_sure=True),
    ],
)
def test_choices_survive_a_restart(choices: Choices) -> None:
    assert choices_from(choices_text(choices)) == choices


@pytest.mark.parametrize(("once", "all_classes"), [("true", False), ("false", True)])
def test_jobs_of_an_older_version_go_on_as_they_began(once: str, all_classes: bool) -> None:
    text = f'{{"threshold": 0.5, "max_objects": 10, "class_ids": null, "once": {once}}}'
    assert choices_from(text).all_classes is all_classes
