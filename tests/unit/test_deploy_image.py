"""deploy/Dockerfile and .dockerignore: what is in the image, and what can never get there."""

from pathlib import Path

ROOT = Path(__file__).parents[2]
DOCKERFILE = (ROOT / "deploy" / "Dockerfile").read_text()
# Instructions, with continued lines joined and comments dropped.
INSTRUCTIONS = [
    line.strip()
    for line in "\n".join(line for line in DOCKERFILE.splitlines() if not line.startswith("#"))
    .replace("\\\n", " ")
    .splitlines()
    if line.strip()
]
IGNORED = [
    line
    for line in (ROOT / ".dockerignore").read_text().splitlines()
    if line and not line.startswith("#")
]


def test_the_base_can_be_pinned_by_digest() -> None:
    stages = [line for line in INSTRUCTIONS if line.startswith("FROM ")]

    assert INSTRUCTIONS[0] == "ARG BASE=python:3.11-slim"
    assert len(stages) == 2
    assert all("${BASE}" in stage for stage in stages)


def test_nothing_is_installed_that_the_lock_does_not_name() -> None:
    installs = [line for line in INSTRUCTIONS if "pip install" in line]

    assert installs[0] == "RUN pip install --require-hashes -r requirements.lock"
    assert installs[1].startswith("RUN pip install --no-deps --no-build-isolation .")
    assert len(installs) == 2


def test_the_process_is_earned_itself_and_not_root() -> None:
    assert INSTRUCTIONS[-1] == 'ENTRYPOINT ["earned"]'
    assert "USER 10001:10001" in INSTRUCTIONS


def test_the_image_suits_a_read_only_root() -> None:
    environment = next(line for line in INSTRUCTIONS if "PYTHONDONTWRITEBYTECODE" in line)

    assert "PYTHONDONTWRITEBYTECODE=1" in environment
    assert "TZ=UTC" in environment


def test_the_build_context_is_an_allow_list_of_what_is_copied() -> None:
    copied = {
        source.removeprefix("./").rstrip("/")
        for line in INSTRUCTIONS
        if line.startswith("COPY ") and "--from=" not in line
        for source in line.split()[1:-1]
    }
    allowed = {line[1:].rstrip("/") for line in IGNORED if line.startswith("!")}

    assert IGNORED[0] == "*"
    assert copied == allowed


def test_secrets_and_bytecode_stay_out_of_allowed_folders() -> None:
    assert {"**/.env*", "**/__pycache__/", "**/*.py[cod]"} <= set(IGNORED)
