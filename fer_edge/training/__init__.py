"""Training, evaluation and the plots of both."""
