"""What all pages and pictures have in common: colours, style sheet, and how a template becomes a page."""
