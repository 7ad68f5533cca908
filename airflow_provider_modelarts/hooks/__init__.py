"""Airflow connection to client."""
