"""A dive as a table of what was seen: tracks, counts with intervals, positions, the report.

`seasift.survey(...)` is `seasift.survey.api.survey(...)`; see `core.callable_package` for why the package can be called.
"""

from seasift.core.callable_package import make_callable

make_callable(__name__, "seasift.survey.api", "survey")
