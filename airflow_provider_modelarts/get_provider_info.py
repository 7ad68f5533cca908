"""Provider metadata (placeholder until the operators land)."""
def get_provider_info() -> dict[str, object]:
    return {"package-name": "airflow-provider-modelarts", "name": "ModelArts", "description": "ModelArts", "versions": ["0.1.0"]}
