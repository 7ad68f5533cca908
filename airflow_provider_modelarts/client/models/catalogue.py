"""What a training can use: built-in algorithms, flavors and engines.

Source: pages "Querying a Built-in Algorithm", "Querying Job Resource Specifications" and "Querying
Job Engine Specifications" of the ModelArts API reference.
"""

from __future__ import annotations

from airflow_provider_modelarts.client.models.answer import Answer, Flag, Integer, Objects, Text


class BuiltInAlgorithm(Answer):
    """An algorithm of the service; ``model_size`` is in bytes, times are epoch milliseconds.

    ``model_usage``: 1 classifying images, 2 locating and classifying objects, 3 segmenting images,
    4 language, 5 embedding images.
    """

    secret_fields = frozenset()  # its parameters are the service's

    model_id: int
    model_name: Text = None
    model_usage: Integer = None
    model_precision: Text = None
    model_size: Integer = None
    model_train_dataset: Text = None
    model_dataset_format: Text = None
    model_description_url: Text = None
    parameter: Objects = None
    create_time: Integer = None
    engine_id: Integer = None
    engine_name: Text = None
    engine_version: Text = None


class ResourceSpec(Answer):
    """A flavor: the source of ``spec_id``.

    ``max_num`` is the largest ``worker_server_num``; ``no_resource`` true means sold out; ``cpu`` is
    a memory size.
    """

    spec_id: int
    spec_code: Text = None
    core: Text = None
    cpu: Text = None
    gpu_num: Integer = None
    gpu_type: Text = None
    max_num: Integer = None
    unit_num: Integer = None
    storage: Text = None
    interface_type: Integer = None
    no_resource: Flag = None


class Engine(Answer):
    """An engine: the source of ``engine_id``."""

    engine_id: int
    engine_type: Integer = None
    engine_name: Text = None
    engine_version: Text = None
