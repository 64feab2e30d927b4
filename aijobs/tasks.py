"""What the workers of our clusters call, each with the lease that it holds."""

from __future__ import annotations

from aijobs import drive
from zqyy.durable.leases import Held


def drive_job(held: Held, *, job_id: int) -> None:
    """Work a job off, as far as earlier deliveries left it."""
    drive.drive_job(held, job_id)
