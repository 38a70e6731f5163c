"""Models as a repository declares them, and what is made of a declaration."""
