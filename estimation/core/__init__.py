"""What every method stands on: checked panels, absorbed effects, least squares, covariances, result types."""
