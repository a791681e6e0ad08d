"""Attempts in processes on this machine: forked ahead of need, or fresh interpreters."""
