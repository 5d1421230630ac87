"""Every measure that is not a sum of cells, and how it is read."""

from collections.abc import Mapping

from shared.rollups import (
    counted,
    levels,
    listed_audience,
    listed_company,
    listed_index,
    listed_program,
    listed_recruiting,
    listed_sales,
)
from shared.rollups.employed import read_person_days
from shared.rollups.evened import read_evenness
from shared.rollups.listed import Listed, reader
from shared.rollups.reading import Reader

__all__ = ["LISTED", "READERS"]

#: Measures with one relation for both the answer and its explanation.
LISTED: Mapping[str, Listed] = {
    **listed_program.LISTED,
    **listed_index.LISTED,
    **listed_audience.LISTED,
    **listed_sales.LISTED,
    **listed_company.LISTED,
    **listed_recruiting.LISTED,
}
READERS: Mapping[str, Reader] = {
    **counted.READERS,
    **levels.READERS,
    **{name: reader(listed) for name, listed in LISTED.items()},
    "evenness": read_evenness,
    "person_days": read_person_days,
}
