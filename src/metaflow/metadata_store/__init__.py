"""Where facts live: runs, steps, tasks, attempts, tags, and where a task's output is."""
