"""What counts as a mutant, and that each is a change of one place."""

from pathlib import Path

from tests.mutation.operators import mutants_of

SOURCE = '''"""A docstring = no SQL."""
@dataclass(frozen=True)
class Nothing: ...
# A comment: WHERE a <= b
_QUERY = f"""
SELECT DISTINCT sum(x) -- WHERE left = out
  FROM t LEFT JOIN u ON u.id = t.id AND u.day >= t.day
 WHERE org_id = $1 AND generation = $2 AND kind = 'won' AND {columns = other}
 ORDER BY a, b
"""
_SET = "UPDATE t SET value = 1 WHERE t.key = u.key"
def f(a, b):
    return a == b and not a
'''


def test_each_slip_of_the_pen_is_a_mutant() -> None:
    found = {
        (mutant.line, mutant.original, mutant.replacement)
        for mutant in mutants_of(Path("f.py"), SOURCE)
    }

    assert found == {
        (6, "DISTINCT ", ""),
        (6, "sum(", "max("),
        (7, "LEFT JOIN", "JOIN"),
        (7, "=", "<>"),
        (7, ">=", ">"),
        (7, "AND u.day >= t.day", ""),
        (8, "=", "<>"),
        (8, "AND generation = $2", ""),
        (8, "AND kind = 'won'", ""),
        (8, "'won'", "'~'"),
        (9, "a, b", "a"),
        (11, "=", "<>"),
        (11, "1", "2"),
        (11, "t.key = u.key", "true"),
        (13, "==", "!="),
        (13, "and", "or"),
        (13, "not", ""),
    }


def test_a_mutant_changes_its_place_and_nothing_else() -> None:
    for mutant in mutants_of(Path("f.py"), SOURCE):
        assert mutant.mutated.count("\n") == SOURCE.count("\n"), mutant.name
        head, tail = SOURCE[: mutant.start], SOURCE[mutant.end :]
        assert mutant.mutated == f"{head}{mutant.replacement}{tail}"
        assert mutant.mutated != SOURCE
        assert mutant.name.startswith("f.py: ")
