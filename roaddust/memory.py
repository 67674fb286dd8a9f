"""How much memory everything together holds."""

import psutil


def resident_mb(*roots: int) -> float:
    """Proportional resident memory (PSS) of the processes and all their children, in MB.

    Shared pages, PostgreSQL's buffers above all, count once, not once per process.
    """
    processes: dict[int, psutil.Process] = {}
    for root in roots:
        try:
            process = psutil.Process(root)
            family = [process, *process.children(recursive=True)]
        except psutil.NoSuchProcess:
            continue
        processes |= {member.pid: member for member in family}
    total = 0
    for process in processes.values():
        try:
            total += process.memory_full_info().pss
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            continue
    return total / 1e6
