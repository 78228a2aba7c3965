"""fer-edge: facial-emotion recognition on the MAX78000, from faces to energy per inference."""

__version__ = "0.1.0"
