"""Charts of the page, one module for each: the figure, its title, and what it shows in words."""
