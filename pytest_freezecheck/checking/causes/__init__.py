"""Why computations differ: the live one makes the mistakes, and is compared again."""
