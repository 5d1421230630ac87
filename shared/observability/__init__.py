"""What operators see: metrics, structured logs, and what every request leaves behind."""
