"""A pytest plugin for trials of the formulas: a property fails at its first counterexample.

To make it small would take longer than all the rest, and nobody reads it.
"""

from hypothesis import HealthCheck, Phase, settings

__all__: list[str] = []

settings.register_profile(
    "trial",
    max_examples=50,
    derandomize=True,
    database=None,
    # How slow the machine is says nothing of the mutant.
    deadline=None,
    suppress_health_check=list(HealthCheck),
    phases=(Phase.explicit, Phase.generate),
)
