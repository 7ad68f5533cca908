"""Status codes of a version (reference: status page of the training API)."""

from __future__ import annotations

UNKNOWN = 0
INIT = 1
SUBMIT_FAILED = 5
DELETE_FAILED = 6
WAITING = 7
RUNNING = 8
KILLING = 9
COMPLETED = 10
FAILED = 11
KILLED = 12
LOST = 14

# Everything after which the service does not move a version any more.
FINAL = frozenset({3, 5, 6, 10, 11, 12, 13, 14, 16, 17, 21, 22})
# Codes in which the training code runs or has run, so that a start time exists.
STARTED = frozenset({8, 9, 15, 20}) | FINAL
