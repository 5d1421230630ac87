"""By which rules facts become figures: numbered, so that a figure says which ones it was made by.

A generation keeps the number of the rules that it was begun under, as its catalogue version. Later
code folds it on by its own rules: it is a mixture then, and stays marked as the oldest in it. Only
a rebuild brings it to the newest.

The number grows with every change after which the same facts are folded to other measures, state
or credit. What is computed when it is read needs no new number: a formula has its own version.
"""

from typing import Final

__all__ = ["CATALOGUE_VERSION", "RULES"]

#: What each number changed. Whoever has to rebuild reads it.
RULES: Final = (
    "what was folded before rules were told apart",
    "a counter that a reading leaves out stays what it was; a join or a leave that is told again"
    " counts once, as does a post that went out, whichever sources tell it; a leave of who never"
    " joined counts not at all; what the brand's own social media cost is no cost of the program",
    "an employee who leaves the company on a day leaves once, whichever sources tell it",
)
#: The number of the newest.
CATALOGUE_VERSION: Final = len(RULES)
