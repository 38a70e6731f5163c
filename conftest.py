"""Settings of our own test suite that pytest reads from the root folder alone."""

pytest_plugins = ["pytester"]
