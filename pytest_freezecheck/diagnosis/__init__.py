"""Why frozen and live differ."""
