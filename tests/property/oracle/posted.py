"""Posts that went out, each once, however many sources tell it."""

from shared.facts import PostPublished
from tests.property.oracle.ledger import History, key_of

__all__ = ["posted"]


def posted(history: History) -> list[PostPublished]:
    """Return of each post the fact that told it first: of one network, one id and one author."""
    told = sorted(history.of(PostPublished), key=lambda p: (p.occurred_at, key_of(p)), reverse=True)
    return list({(p.network, p.post, _author(p)): p for p in told}.values())


def _author(post: PostPublished) -> tuple[str, str | None]:
    return ("employee", post.employee) if post.employee else ("account", post.account)
