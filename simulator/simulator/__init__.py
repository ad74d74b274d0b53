"""A strict GitLab: the REST API, smart HTTP git and the faults that the demo and the integration tests need."""
