"""The API's calls as data, one file per resource; no I/O."""
