"""What a mapping says when it cannot read something."""

__all__ = ["Unreadable"]


class Unreadable(ValueError):
    """A record or a delivery that cannot become facts.

    ``args[0]`` names the rule it breaks, never its content. It is quarantined by itself; what came
    with it is booked.
    """
