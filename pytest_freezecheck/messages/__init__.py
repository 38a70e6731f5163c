"""Parts of messages: words, paths, errors of others in one line."""
