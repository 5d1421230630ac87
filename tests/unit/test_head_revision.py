"""The head revision, read without Alembic, is Alembic's."""

from pathlib import Path

from alembic.config import Config
from alembic.script import ScriptDirectory

from shared.migrations import runner


def test_head_is_the_one_alembic_finds() -> None:
    config = Config()
    config.set_main_option("script_location", str(Path(runner.__file__).parent))
    config.set_main_option("path_separator", "os")

    assert runner.head_revision() == ScriptDirectory.from_config(config).get_current_head()
