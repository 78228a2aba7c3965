"""Networks side by side, reports side by side, and their pages."""
