"""The documentation as a site: what MkDocs asks of this repository while it builds."""
