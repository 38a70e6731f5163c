"""Could the check fail at all? A check that could not is worth nothing."""
