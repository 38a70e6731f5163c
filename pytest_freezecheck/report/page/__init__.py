"""The HTML report: what is on it (`contents`), its charts (`charts`, ...), its text (`html`).

`html` alone is imported from elsewhere, and only when a page is written: it needs jinja2 and
matplotlib, the extra `report`.
"""
