"""Airflow provider for ModelArts training jobs; see the README for where to start.

Nothing is imported here: Airflow loads this package whenever it parses a DAG file.
"""

__version__ = "0.1.0"
