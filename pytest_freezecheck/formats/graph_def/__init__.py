"""GraphDefs: read, loaded, and frozen in many ways."""
