"""What the people endpoint takes and answers."""

from typing import Annotated

from pydantic import Field, StringConstraints

from services.api.model import Input, Output

__all__ = ["Addresses", "References"]

_Email = Annotated[
    str,
    StringConstraints(
        strip_whitespace=True, min_length=3, max_length=320, pattern=r"^[^@\s]+@[^@\s]+$"
    ),
]


class Addresses(Input):
    """E-mail addresses of people outside the company. They are neither stored nor logged."""

    emails: list[_Email] = Field(
        description="The addresses.",
        min_length=1,
        max_length=1000,
        examples=[["buyer@customer.example"]],
    )


class References(Output):
    """How facts refer to these people."""

    references: list[str] = Field(
        description="One per address, in its order; the spellings of one mailbox share one.",
        examples=[["p_5d41402abc4b2a76b9719d911017c592"]],
    )
