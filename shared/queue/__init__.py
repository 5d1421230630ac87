"""Wake-ups between processes. Truth is in PostgreSQL; Redis may forget everything at any instant.

:class:`Queue` wakes, :func:`run_worker` is woken. Nothing outside this package knows arq.
"""

from shared.queue.queue import Queue, TaskName
from shared.queue.worker import RUN_TIMEOUT, Due, Sweep, Task, run_worker

__all__ = ["RUN_TIMEOUT", "Due", "Queue", "Sweep", "Task", "TaskName", "run_worker"]
