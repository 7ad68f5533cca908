"""A whole Airflow beside the ModelArts emulator, started and stopped by one command.

Used by ``make demo``, ``make up``, ``make down`` and by the end-to-end tests. It needs nothing but the provider with
its extra ``demo``: every process is a child of this package, listens on loopback only and ends with it.
"""
