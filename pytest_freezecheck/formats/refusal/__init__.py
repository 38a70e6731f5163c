"""What a file may not do or name: looked for before anything of it is loaded or run."""
