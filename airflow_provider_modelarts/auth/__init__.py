"""Credentials: access key signature, IAM token, ready token. Never imports Airflow."""
