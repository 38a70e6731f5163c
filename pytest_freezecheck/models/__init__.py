"""The live side: models in a session, restored from a checkpoint, and the reference model."""
